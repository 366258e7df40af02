"""Every figure in a real JupyterLab: whatever can be moved is moved, and pixels and words must follow.

A file of scenes/ is the notebook cell that makes a figure; this one shows it and moves all that it finds.
"""

from __future__ import annotations

import pytest
from real_lab import SCENES

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 6000
ARROWS = ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp")
ARROWS += tuple(
    f"Shift+{key}" for key in ARROWS
)  # a ring that picks the nearest joint needs the larger steps
BOTH = ["status", "pixels"]


@pytest.fixture(params=SCENES, ids=lambda scene: scene.stem)
def shown(request, lab, browser):
    """The scene's figure, on the screen."""
    name = lab.write(f"{request.param.stem}.ipynb", [request.param.read_text(), "figure"])
    browser.errors()
    browser.notebook(file=name)
    browser.wait()
    yield browser
    browser.close()


def test_a_figure_follows_the_reader(shown):
    first = shown.read()
    assert first["status"], "there are no words"
    assert not first["wrong"], first["status"]
    assert first["painted"] > 0.005, "the canvas is blank"
    assert not first["scrolls"], f"{first['width']:.0f} px do not fit into {first['room']} px"
    assert all(handle["aria-label"] for handle in first["handles"]), "a handle without a name"
    shown.click(name="reset")
    shown.evaluate(code="new Promise((done) => setTimeout(done, 500))")
    first = shown.read()  # a figure that plays may begin with something played already
    for handle in first["handles"]:
        _drag(shown, handle["name"])
        _press(shown, handle["name"], ARROWS)
    moves = {"range": _slide, "select-one": _choose, "checkbox": _toggle, "button": _click}
    for kind in ("range", "select-one", "checkbox", "button"):
        if kind == "button":  # what a button does may need another control off its first value: "other noise"
            _move_all_sliders(shown, first)
        for control in first["controls"]:
            if control["kind"] == kind and control["name"] != "reset":
                assert control["label"].strip(), f"{control['name']} has no label"
                if kind != "button":
                    _back_to(shown, first)
                moves[kind](shown, control)
    _back_to(shown, first)
    assert shown.errors() == [], "the browser's console has errors"


def _moved(page, was, what) -> bool:
    now = page.changed(was=was, what=BOTH, timeout=WAIT_MS)
    assert not now["wrong"], now["status"]
    same = [key for key in BOTH if now[key] == was[key]]
    print(what, "changed nothing of", same, now["status"]) if same else None
    return not same


def _drag(page, name) -> None:
    for dx, dy in ((34, 26), (-60, -50), (90, -60)):  # a handle may stand at an end of its way
        was = page.read()
        page.drag(name=name, dx=dx, dy=dy)
        if _moved(page, was, f"dragging {name} by {dx}, {dy} px"):
            return
    raise AssertionError(f"dragging {name} does not change pixels and words")


def _press(page, name, keys, times=4) -> None:
    for key in keys:
        was = page.read()
        page.press(name=name, keys=[key] * times)
        if _moved(page, was, f"{key} on {name}"):
            return
    raise AssertionError(f"no arrow key on {name} changes pixels and words")


def _slide(page, control) -> None:
    name = control["name"]
    for share in (0.85, 0.1):
        was = page.read()
        page.slide(name=name, share=share)
        if _moved(page, was, f"{name} at {share} of its way"):
            break
    else:
        raise AssertionError(f"the mouse on {name} does not change pixels and words")
    _press(page, name, ("ArrowLeft", "ArrowRight"))


def _choose(page, control) -> None:
    _press(page, control["name"], ("ArrowDown", "ArrowUp"), times=1)


def _toggle(page, control) -> None:
    name = control["name"]
    for act in (lambda: page.click(name=name), lambda: page.press(name=name, keys=["Space"])):
        was = page.read()
        act()
        assert _moved(page, was, f"the switch {name}"), f"switching {name} does not change pixels and words"


def _click(page, control) -> None:
    name = control["name"]
    plays = control["text"].startswith("▶")
    for act in (lambda: page.click(name=name), lambda: page.press(name=name, keys=["Enter"])):
        was = page.read()
        act()
        assert _moved(page, was, f"the button {name}"), f"pressing {name} does not change pixels and words"
        if plays:
            page.click(name=name)  # pause
            page.evaluate(code="new Promise((done) => setTimeout(done, 1000))")
            still = page.read()
            page.evaluate(code="new Promise((done) => setTimeout(done, 700))")
            assert page.read()["pixels"] == still["pixels"], f"{name} goes on after a pause"


def _move_all_sliders(page, first) -> None:
    _back_to(page, first)
    for control in first["controls"]:
        if control["kind"] == "range":
            page.slide(name=control["name"], share=0.7)


def _back_to(page, first) -> None:
    was = page.read()
    page.click(name="reset")
    now = page.changed(was=was, what=["pixels"], timeout=WAIT_MS)
    for _ in range(20):
        if now["status"] == first["status"]:
            break
        page.evaluate(code="new Promise((done) => setTimeout(done, 100))")
        now = page.read()
    assert now["status"] == first["status"], "Reset does not lead back to the first words"
