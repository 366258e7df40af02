"""predict_first and hinge in a real JupyterLab: by keyboard, with answers kept, and with a figure that is uncovered."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """
import os
os.environ["CPM_EDU_ANSWERS"] = {folder!r}
for name in ("CI", "CPM_EDU_ANSWER"):
    os.environ.pop(name, None)
from cpm_edu.course import hinge, predict_first
from cpm_edu.figures.interactive.subpixel import subpixel
"""
NUMBER = 'predict_first("how-far", "How far *off*?", answer=lambda: 4.0, unit="px", close=0.5, show=subpixel)'
CHOICE = (
    'predict_first("which", "Which?", choices=["one", "two", "three"], answer="two", because="So it is.")'
)
HINGE = 'hinge("which", "And now?", choices={"yes": "No areas.", "no": "Gaussians."}, right="no")'
CARD = "document.querySelectorAll('.cpm-card')[{n}]"
CELLS = "document.querySelectorAll('.jp-Notebook .jp-Cell').length"
ACTIVE = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(c => c.matches('.jp-mod-active'))"


@pytest.fixture
def questions(lab, browser, tmp_path):
    """Lab with three questions, and the folder of the answers."""
    name = lab.write("questions.ipynb", [SETUP.format(folder=str(tmp_path)), NUMBER, CHOICE, HINGE])
    browser.errors()
    browser.notebook(file=name)
    until(browser, "document.querySelectorAll('.cpm-card').length === 3")
    yield browser, tmp_path
    browser.close()


def until(browser, code: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not browser.evaluate(code=code):
        assert time.monotonic() < end, f"{code} did not come true"
        time.sleep(0.1)


def text(browser, n: int, part: str) -> str:
    return browser.evaluate(code=f"{CARD.format(n=n)}.querySelector('{part}').innerText.trim()")


def focus(browser, n: int, part: str) -> None:
    browser.evaluate(code=f"{CARD.format(n=n)}.querySelector('{part}').focus()")


def answered(browser, n: int) -> str:
    until(browser, f"{CARD.format(n=n)}.querySelector('.cpm-result').innerText !== ''")
    return text(browser, n, ".cpm-result")


def test_questions_by_keyboard(questions):
    browser, folder = questions
    cells = browser.evaluate(code=CELLS)
    assert browser.evaluate(code="document.querySelectorAll('.cpm-figure').length") == 0, (
        "the figure is covered"
    )
    focus(browser, 0, "input")
    browser.press(keys=["m", "a", "n", "y", "Enter"])
    assert text(browser, 0, ".cpm-waiting") == "A number is needed, such as 3.5."
    browser.press(keys=["Control+a", "0", ",", "8", " ", "p", "x", "Enter"])
    assert answered(browser, 0) == "You said 0.8 px. Measured: 4 px. Off by 3.2 px."
    until(browser, "document.querySelectorAll('.cpm-figure canvas').length === 1")
    assert browser.evaluate(code="document.activeElement.className") == "cpm-result", "the focus is not lost"
    assert json.loads((folder / "how-far.predict.json").read_text())["said"] == 0.8

    browser.press(keys=["d", "d"])  # to Lab: delete this cell
    focus(browser, 1, "input")
    active = browser.evaluate(code=ACTIVE)
    browser.press(keys=["ArrowDown", "ArrowDown", "d", "d"])
    assert browser.evaluate(code=CELLS) == cells, "keys meant for a question deleted a cell"
    assert browser.evaluate(code=ACTIVE) == active, "arrow keys meant for a question moved to another cell"
    browser.press(keys=["Enter"])
    assert answered(browser, 1).split("\n")[0] == "You said three. Measured: two. Not as predicted."

    focus(browser, 1, ":scope > button")
    browser.press(keys=["Enter"])
    until(browser, f"!{CARD.format(n=1)}.querySelector('fieldset').disabled")
    assert browser.evaluate(code="document.activeElement.value") == "2", "the last answer has the focus"
    browser.press(keys=["ArrowUp", "Enter"])
    assert "As predicted." in answered(browser, 1)
    assert browser.errors() == []
    serious = [v for v in browser.axe(include=".cpm-card") if v["impact"] in ("serious", "critical")]
    assert serious == []


def test_answers_are_kept_and_a_damaged_one_is_told(questions):
    browser, folder = questions
    focus(browser, 2, "input")
    browser.press(keys=["ArrowDown", "Enter"])
    assert answered(browser, 2) == "Right. Gaussians."
    (folder / "how-far.predict.json").write_text('{"said": 4')
    (folder / "which.predict.json").write_text('{"said": "one", "when": "2026-03-14 15:09"}')
    browser.run()
    until(browser, f"{CARD.format(n=1)}.innerText.includes('2026-03-14')")
    assert answered(browser, 1).startswith("You said one on 2026-03-14 15:09. Measured: two.")
    until(browser, f"{CARD.format(n=2)}.innerText.includes('You chose this on')")
    assert "could not be read" in text(browser, 0, ".cpm-note")
    assert browser.errors() == []
