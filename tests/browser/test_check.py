"""check in a real JupyterLab: verdicts, an endless loop, hints by keyboard, both themes."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """
import os
os.environ["CPM_EDU_ANSWERS"] = {folder!r}
import numpy as np
from cpm_edu.course import check, hint, progress
"""
SWAPPED = """
def gaussian_map(center_cells, size, sigma_cells):
    y, x = np.mgrid[:size[0], :size[1]]
    print("<b>size</b>", size)
    return np.exp(-((x - center_cells[1]) ** 2 + (y - center_cells[0]) ** 2) / (2 * sigma_cells**2))
check("ex02", gaussian_map)
"""
RIGHT = (
    SWAPPED.replace("center_cells[1]", "_")
    .replace("center_cells[0]", "center_cells[1]")
    .replace("_)", "center_cells[0])")
)
ENDLESS = """
def gaussian_map(center_cells, size, sigma_cells):
    while True:
        try:
            np.random.rand(100, 100) @ np.random.rand(100, 100)
        except:
            pass
check("ex02", gaussian_map)
"""
CARD = "document.querySelectorAll('.jp-Notebook .cpm-check')[{n}]"
FOCUSED = "document.activeElement.innerText"


@pytest.fixture
def checked(lab, browser, tmp_path):
    """Lab with four cards: wrong, right, endless, progress; and the folder of the answers."""
    cells = [SETUP.format(folder=str(tmp_path)), SWAPPED, RIGHT, ENDLESS, 'progress("A1")']
    browser.errors()
    browser.notebook(file=lab.write("check.ipynb", cells))
    until(browser, "document.querySelectorAll('.jp-Notebook .cpm-check').length === 4")
    yield browser, tmp_path
    browser.lab(id="apputils:change-theme", args={"theme": "JupyterLab Light"})
    browser.close()


def until(browser, code: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not browser.evaluate(code=code):
        assert time.monotonic() < end, f"{code} did not come true"
        time.sleep(0.1)


def text(browser, n: int) -> str:
    return browser.evaluate(code=f"{CARD.format(n=n)}.innerText")


def test_cards(checked):
    browser, folder = checked
    wrong, right, endless, table = (text(browser, n) for n in range(4))
    assert wrong.startswith("✗ to fix ex02 gaussian_map")
    assert "did x and y change places?" in wrong
    assert browser.evaluate(
        code=f"[...{CARD.format(n=0)}.querySelectorAll('img')].every(i => i.naturalWidth > 50)"
    )
    assert right.startswith("✓ pass ex02 gaussian_map")
    assert "1 of 6 done" in right
    assert "endless loop?" in endless, (
        "a loop that swallows every exception was stopped, and the kernel lives"
    )
    assert "✗ to fix" in table
    assert json.loads((folder / "ex02.check.json").read_text())["status"] == "fix"
    assert browser.errors() == []

    summary = f"{CARD.format(n=0)}.querySelectorAll('summary')"
    browser.evaluate(code=f"{summary}[0].focus()")
    assert browser.evaluate(code=FOCUSED) == "What your code printed"
    browser.press(keys=["Enter"])
    assert "<b>size</b> (5, 7)" in text(browser, 0)
    browser.press(keys=["Tab"])
    assert browser.evaluate(code=FOCUSED) == "Hint 1 of 3"
    browser.press(keys=["Enter", "Tab"])
    assert browser.evaluate(code=FOCUSED) == "Hint 2 of 3"


def test_both_themes_can_be_read(checked):
    browser, _ = checked
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        browser.lab(id="apputils:change-theme", args={"theme": theme})
        light = "true" if theme.endswith("Light") else "false"
        until(browser, f"document.body.dataset.jpThemeLight === '{light}'")
        browser.evaluate(
            code="document.querySelectorAll('.cpm-check details').forEach(d => { d.open = true; })"
        )
        serious = [
            v
            for v in browser.axe(include=".jp-Notebook .cpm-check")
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], theme
        for part in ("code", "pre", "dd", "td", "p"):
            seen = f"getComputedStyle(document.querySelector('.jp-Notebook .cpm-check {part}'))"
            assert browser.evaluate(code=f"{seen}.color") != "rgb(255, 255, 255)", part
            behind = browser.evaluate(code=f"{seen}.backgroundColor")
            light_enough = (
                behind.startswith("rgba(0, 0, 0, 0") or min(map(int, behind[4:-1].split(","))) > 230
            )
            assert light_enough, f"{part} in {theme}: {behind}"
        assert browser.evaluate(code=f"{CARD.format(n=0)}.scrollWidth <= {CARD.format(n=0)}.clientWidth")
