"""The built site: `python docs/build.py` makes it, CPM_EDU_SITE names another folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .site_pages import Page, read_page

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("docs", "notebooks", "tests/browser")]


@pytest.fixture(scope="session")
def site() -> Path:
    folder = Path(os.environ.get("CPM_EDU_SITE") or ROOT / "build" / "docs" / "html").resolve()
    if not (folder / "index.html").is_file():
        reason = f"there is no built site in {folder}; run `python docs/build.py`"
        if "docs" in os.environ.get("CPM_EDU_REQUIRE", "").split(","):
            pytest.fail(f"CPM_EDU_REQUIRE asks for docs, but {reason}", pytrace=False)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, Page]:
    return {path: read_page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
