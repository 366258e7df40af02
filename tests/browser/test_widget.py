"""What every figure has in common, in a real JupyterLab: keys, touch, two views, narrow cells, errors, restarts."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
IMPORTS = """
import numpy as np
from cpm_edu.figures.interactive.figure import Figure
from cpm_edu.figures.interactive.frame import *

def draw(state):
    x, y = state.get("spot", (30.0, 40.0))
    if state["power"] > 8:
        raise ValueError("a power above 8 is too much")
    if x > 90:
        return 1 / 0
    picture = np.hypot(*np.mgrid[-y : 99.5 - y, -x : 99.5 - x])
    panel = Panel("map", (300, 300), (-0.5, -0.5, 99.5, 99.5), [Raster(picture ** -state["power"], low=0, high=1)], describe=f"A glow at {x:.0f}.")
    other = Panel("plot", (300, 300), (0, 1, 1, 0), [Line([(0, 0), (x / 99, y / 99)])], x_ticks="auto", y_ticks="auto")
    words = f"Spot at {x:.0f}, {y:.0f}; power {state['power']:.1f}; {state['kind']}; {state['steps']} steps."
    return Frame([[panel, other]], words, [Handle("spot", "map", (x, y), "bright spot")])

def make():
    return Figure(draw, title="A glow", alt="A bright spot on a dark map.", hint="Drag the ring.", controls=[
        Slider("power", "Power", 0.5, 10, 1, 0.5), Choice("kind", "Kind", ("warm", "cold"), "warm"), Play("steps", "Steps")])

figure = make()
"""


@pytest.fixture
def open_cells(lab, browser, request):
    """A function that opens a notebook of cells, runs it and waits for its figures."""
    opened = []

    def open_(*cells: str, count: int = 1):
        browser.errors()
        name = lab.write(f"{request.node.name.replace('/', '_')}.ipynb", [IMPORTS, *cells])
        opened.append(name)
        browser.notebook(file=name)
        browser.wait(count=count)
        return browser

    yield open_
    if opened:
        browser.close()


def pause(page, ms: int) -> None:
    page.evaluate(code=f"new Promise((done) => setTimeout(done, {ms}))")


def test_keyboard_alone_is_enough(open_cells):
    page = open_cells("figure", "'the cell below'")
    page.press(name="power", keys=["Home"])
    cell = "window.shown.content.activeCellIndex"
    before, reached = page.evaluate(code=cell), [page.read()["focused"]]
    for _ in range(4):
        page.press(keys=["Tab"])
        reached.append(page.read()["focused"])
    assert reached == ["power", "kind", "steps", "reset", "spot"]
    was = page.read()
    page.press(keys=["ArrowRight", "ArrowRight", "ArrowDown"])
    now = page.changed(was=was, what=["status", "pixels"])
    pause(page, 300)
    assert page.read()["status"].startswith("Spot at 32, 41; power 0.5")
    assert now["handles"][0]["aria-label"] == "bright spot"
    page.press(keys=["Shift+ArrowLeft"])
    pause(page, 300)
    now = page.read()
    assert now["status"].startswith("Spot at 22, 41")
    assert now["handles"][0]["aria-valuetext"] == "x 22, y 41"
    page.press(
        name="spot", keys=["d", "d", "a"]
    )  # "delete this cell", "new cell above" in Lab's command mode
    assert page.evaluate(code=cell) == before
    assert page.evaluate(code="window.shown.content.widgets.length") == 3, "keys leaked to the notebook"


def test_a_ring_shows_where_the_focus_is(open_cells):
    page = open_cells("figure")
    page.press(name="power", keys=["Tab", "Tab", "Tab", "Tab"])
    assert page.read()["focused"] == "spot"
    code = "const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth]"
    assert page.inside(code=code) == ["solid", "3px"]


def test_two_views_show_the_same(open_cells):
    page = open_cells("figure", "figure", count=2)
    was = page.read(view=1)
    page.drag(name="spot", dx=60, dy=45, view=0)
    page.slide(name="power", share=0.4, view=0)
    pause(page, 500)
    first, second = page.read(view=0), page.read(view=1)
    assert second["status"] == first["status"] != was["status"]
    assert second["pixels"] == first["pixels"] != was["pixels"]
    assert second["controls"][0]["value"] == first["controls"][0]["value"] != "1"
    assert second["handles"][0]["aria-valuetext"] == first["handles"][0]["aria-valuetext"]


def test_set_in_a_cell_moves_the_figure(open_cells):
    page = open_cells("figure", "figure.set(spot=(55, 66), kind='cold')")
    page.changed(was={"status": "Spot at 30, 40; power 1.0; warm; 0 steps."}, what=["status"])
    pause(page, 300)
    now = page.read()
    assert now["status"].startswith("Spot at 55, 66; power 1.0; cold")
    assert now["controls"][1]["value"] == "cold"
    assert now["handles"][0]["aria-valuenow"] == "55"


def test_an_error_is_a_sentence_and_the_figure_lives_on(open_cells):
    page = open_cells("figure")
    was = page.read()
    page.press(name="power", keys=["End"])
    bad = page.changed(was=was, what=["status"])
    assert (bad["status"], bad["wrong"], bad["dimmed"]) == ("a power above 8 is too much", True, True)
    page.press(name="power", keys=["Home"])
    good = page.changed(was=bad, what=["status"])
    assert (good["wrong"], good["dimmed"]) == (False, False)
    page.drag(name="spot", dx=250, dy=0)
    pause(page, 300)
    assert page.read()["status"] == "ZeroDivisionError: division by zero"
    page.click(name="reset")
    pause(page, 300)
    assert page.read()["status"] == was["status"]
    assert page.errors() == []


def test_play_and_pause(open_cells):
    page = open_cells("figure")
    steps = lambda: int(page.read()["status"].split("; ")[-1].split()[0])  # noqa: E731
    page.click(name="steps")
    pause(page, 1500)
    page.click(name="steps")
    pause(page, 400)
    after = steps()
    assert 3 <= after <= 17, "at most ten a second are asked for"
    pause(page, 500)
    assert steps() == after, "it goes on after a pause"


def test_a_touch_drags(open_cells, lab):
    page = open_cells("figure")
    was = page.read()
    page.touch(name="spot", dx=50, dy=30)
    now = page.changed(was=was, what=["status"])
    pause(page, 300)
    assert page.read()["status"].startswith("Spot at 47, 50"), now["status"]


def test_a_press_beside_the_only_handle_brings_it_there(open_cells):
    page = open_cells("figure")
    page.drag(name="spot", dx=120, dy=0)
    before = page.inside(code="const b = root.querySelector('.cpm-handle').getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]")  # fmt: skip
    page.inside(
        code=f"""
        const canvas = root.querySelector("canvas");
        const at = {{ bubbles: true, clientX: {before[0] - 90}, clientY: {before[1]}, button: 0, pointerId: 1, pointerType: "mouse" }};
        canvas.parentNode.setPointerCapture = () => {{}};
        canvas.dispatchEvent(new PointerEvent("pointerdown", at));
        canvas.dispatchEvent(new PointerEvent("pointerup", at));"""
    )
    pause(page, 400)
    assert page.read()["status"].startswith("Spot at 40, 40")


def test_a_narrow_page_and_a_dark_theme(open_cells):
    page = open_cells("figure")
    wide = page.read()
    page.resize(width=760)
    pause(page, 300)
    narrow = page.read()
    assert narrow["width"] < wide["width"]
    assert not narrow["scrolls"]
    was = page.read()
    page.drag(name="spot", dx=30, dy=20)
    assert page.changed(was=was, what=["status", "pixels"])["status"] != was["status"], (
        "a drag at another zoom"
    )
    page.resize(width=1280)
    page.lab(id="apputils:change-theme", args={"theme": "JupyterLab Dark"})
    pause(page, 1500)
    assert page.evaluate(code="document.body.dataset.jpThemeLight") == "false"
    dark = page.read()
    page.lab(id="apputils:change-theme", args={"theme": "JupyterLab Light"})
    pause(page, 700)
    assert dark["background"] == "rgb(255, 255, 255)"


def test_axe_finds_nothing_serious(open_cells):
    page = open_cells("figure")
    bad = [found for found in page.axe(include=".cpm-figure") if found["impact"] in ("serious", "critical")]
    assert bad == []


def test_a_restarted_kernel_is_a_sentence(open_cells):
    page = open_cells("figure")
    was = page.read()
    page.restart()
    gone = page.changed(was=was, what=["status"], timeout=20000)
    pause(page, 3000)
    gone = page.read()
    assert "run this cell again" in gone["status"], gone["status"]
    assert gone["dimmed"]
    page.run()
    pause(page, 3000)
    page.wait()
    assert page.changed(was=gone, what=["status"], timeout=20000)["status"] == was["status"]
    was = page.read()
    page.drag(name="spot", dx=30, dy=20)
    assert page.changed(was=was, what=["status", "pixels"])["status"] != was["status"]


def test_large_frames_are_not_dropped(open_cells):
    """A drag of a picture of 1.3 MB ends where the reader lets go: whatever the server's limits, nothing is lost."""
    page = open_cells("""
def heavy(state):
    x, y = state.get("spot", (10.0, 50.0))
    rows, columns = np.mgrid[:660, :660]
    picture = np.stack([rows * x, columns * y, rows + columns], 2).astype(np.uint8)
    panel = Panel("map", (300, 300), (0, 0, 99, 99), [Raster(picture, (0, 0, 99, 99))])
    return Frame([[panel]], f"Spot at {x:.0f}.", [Handle("spot", "map", (x, y), "spot")])
Figure(heavy, title="Heavy", alt="Noise.")""")  # fmt: skip
    page.drag(name="spot", dx=200, dy=0, steps=40)
    pause(page, 3000)
    assert page.read()["status"] == "Spot at 76."
    page.drag(name="spot", dx=-100, dy=0, steps=40)
    pause(page, 3000)
    assert page.read()["status"] == "Spot at 43."
