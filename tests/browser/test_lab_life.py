"""A figure and what happens to a notebook in Lab: the page is loaded anew, a second tab opens it, the kernel goes."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELL = """
import numpy as np
from cpm_edu.figures.interactive.figure import Figure
from cpm_edu.figures.interactive.frame import *

def draw(state):
    x, y = state.get("spot", (30.0, 40.0))
    picture = np.exp(-np.hypot(*np.mgrid[-y : 99.5 - y, -x : 99.5 - x]) / 20)
    panel = Panel("map", (300, 300), (-0.5, -0.5, 99.5, 99.5), [Raster(picture, low=0, high=1)], describe="A glow.")
    return Frame([[panel]], f"Spot at {x:.0f}, {y:.0f}.", [Handle("spot", "map", (x, y), "bright spot")])

Figure(draw, title="A glow", alt="A bright spot on a dark map.")
"""


def pause(page, ms: int) -> None:
    page.evaluate(code=f"new Promise((done) => setTimeout(done, {ms}))")


@pytest.fixture
def notebook(lab, browser, request):
    """An open notebook of one figure, and its file's name."""
    browser.errors()
    name = lab.write(f"{request.node.name}.ipynb", [CELL])
    browser.notebook(file=name)
    browser.wait()
    yield name
    browser.close()


def test_a_page_loaded_anew_finds_the_figure_alive(notebook, browser):
    was = browser.read()
    browser.drag(name="spot", dx=60, dy=45)
    pause(browser, 500)
    moved = browser.read()
    assert moved["status"] != was["status"]
    browser.evaluate(code="window.shown.context.save()")
    browser.reopen(file=notebook)
    browser.wait()
    pause(browser, 500)
    assert browser.read()["status"] == moved["status"], "the kernel still holds the figure as it was"
    browser.drag(name="spot", dx=-40, dy=0)
    again = browser.changed(was=moved, what=["status", "pixels"])
    assert again["status"] != moved["status"]


def test_a_second_tab_shows_the_same_figure(notebook, browser):
    was = browser.read()
    browser.evaluate(code="window.shown.context.save()")
    browser.tab(file=notebook)
    browser.wait()
    browser.drag(name="spot", dx=60, dy=45)
    pause(browser, 500)
    second = browser.read()
    assert second["status"] != was["status"]
    browser.switch()
    pause(browser, 700)
    assert browser.read()["status"] == second["status"], "the first tab follows"
    browser.drag(name="spot", dx=-60, dy=0)
    assert browser.changed(was=second, what=["status"])["status"] != second["status"]


def test_a_kernel_restarted_in_the_middle_of_a_drag(notebook, browser):
    browser.drag(name="spot", dx=60, dy=45, release=False)
    browser.restart()
    browser.move(dx=5, dy=5)
    pause(browser, 4000)
    browser.move(dx=5, dy=5)
    browser.release()
    pause(browser, 500)
    gone = browser.read()
    assert "run this cell again" in gone["status"], gone["status"]
    browser.run()
    pause(browser, 3000)
    browser.wait()
    was = browser.read()
    assert was["status"] == "Spot at 30, 40."
    browser.drag(name="spot", dx=30, dy=20)
    assert browser.changed(was=was, what=["status", "pixels"])["status"] != was["status"]
