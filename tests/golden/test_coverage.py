"""No golden file lies unread: each is compared by a test of this folder."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

# Inputs and further results that the test of another file reads beside it.
READ_WITH = {
    "metrics_coco_*.json": "metrics_coco_ap*.json",
    "metrics_jhmdb_*.json": "metrics_jhmdb_pck*.npz",
    "metrics_mpii_pckh*.json": "metrics_mpii_pckh*.npz",
}
EVERY = "*.[nj][ps][zo]*"  # .npz and .json, the pattern of the test below


def compared_patterns() -> list[str]:
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    return [pattern for source in sources for pattern in re.findall(r'mark\.golden\("([^"]+)"\)', source)]


@pytest.mark.golden("*.[nj][ps][zo]*")
def test_file_is_compared(golden_file):
    name, patterns = golden_file.name, compared_patterns()
    readers = [reader for read, reader in READ_WITH.items() if fnmatch(name, read)]
    found = any(fnmatch(name, p) for p in patterns if p != EVERY) or any(r in patterns for r in readers)
    assert found, f"{name} matches none of {patterns}: write its comparison"
