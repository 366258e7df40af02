"""axe-core on built pages, light and dark: no serious or critical finding, and no error in the console."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import real_lab

PAGES = ("index", "notebooks/00_start_here", "notebooks/06_decoding", "figures", "api/cpm_edu.decoding")
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def axe():
    try:
        node, modules, chromium = real_lab.tools()
    except real_lab.Missing as error:
        if "browser" in os.environ.get("CPM_EDU_REQUIRE", "").split(","):
            pytest.fail(f"CPM_EDU_REQUIRE asks for browser, but {error}", pytrace=False)
        pytest.skip(str(error))

    def look(*files: Path) -> list[dict]:
        command = [node, str(Path(__file__).with_name("axe.js")), str(modules), chromium, *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return look


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_finding(site, axe, name):
    for result in axe(site / f"{name}.html"):
        grave = [f for f in result["found"] if f["impact"] in GRAVE]
        assert not grave, (result["colorScheme"], grave)
        assert result["errors"] == []


@pytest.mark.browser
def test_a_bad_page_is_found(tmp_path, axe):
    page = tmp_path / "bad.html"
    page.write_text(
        '<html><img src="data:,"><p style="color:#999;background:#aaa">pale</p><script>oops()</script></html>'
    )
    light, dark = axe(page)
    assert {"image-alt", "color-contrast", "html-has-lang"} <= {f["id"] for f in light["found"]}
    assert light["errors"]
    assert dark["colorScheme"] == "dark"
