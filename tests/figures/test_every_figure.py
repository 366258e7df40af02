"""Rules that all interactive figures keep, checked on every scene of tests/browser without a browser."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from cpm_edu.figures.interactive.frame import Choice, Rects, Slider, Texts, Toggle, Upload
from cpm_edu.figures.interactive.layout import lay_out

SCENES = sorted((Path(__file__).parents[1] / "browser" / "scenes").glob("[a-z]*.py"))
FIGURES = 13
WIDEST_PX, SMALLEST_TEXT_PX = 960, 12


@pytest.fixture(scope="module", params=SCENES, ids=lambda scene: scene.stem)
def figure(request):
    return runpy.run_path(str(request.param))["figure"]


def test_there_is_a_scene_for_every_figure():
    assert len(SCENES) == FIGURES, [scene.stem for scene in SCENES]


def test_it_fits_and_can_be_read(figure):
    assert lay_out(figure.frame).width <= WIDEST_PX
    for row in figure.frame.rows:
        for panel in row:
            sizes = [m.size_px for m in panel.marks if isinstance(m, Texts)]
            sizes += [m.label_px for m in panel.marks if isinstance(m, Rects) and len(m.labels)]
            assert all(size >= SMALLEST_TEXT_PX for size in sizes), panel.name


def test_it_says_what_it_shows(figure):
    about = figure.about
    assert len(about["alt"]) > 30
    assert about["title"]
    assert about["hint"]
    assert figure.status.rstrip().endswith((".", "!", "?")), "the status is a sentence"
    described = [panel.describe for row in figure.frame.rows for panel in row]
    assert any(described), "no panel is described"
    assert all(handle.label for handle in figure.frame.handles)
    assert f"{about['alt']} " in figure._repr_mimebundle_()[0]["text/html"].replace("&#x27;", "'")


def test_every_control_changes_words_and_picture(figure):
    """Buttons and files are pressed in tests/browser: what they do may take its time."""
    figure.reset()
    for name, control in figure._controls.items():
        if isinstance(control, Upload) or not isinstance(control, Slider | Choice | Toggle):
            continue
        tried = []
        for value in _others(control, figure.state[name]):
            figure.reset()
            words, picture = figure.status, figure.snapshot()
            figure.set(**{name: value})
            tried.append((figure.status != words, figure.snapshot() != picture))
            if all(tried[-1]):
                break
        assert all(tried[-1]), f"{name}: (words, picture) changed {tried}"
    figure.reset()


def _others(control, now):
    if isinstance(control, Slider):
        return [value for value in (control.high, control.low) if value != now]
    if isinstance(control, Choice):
        return [option for option in control.options if option != now]
    return [not now]
