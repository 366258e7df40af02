"""The sub-pixel figure: errors by hand, and what the reader moves is what changes."""

from __future__ import annotations

import math

import pytest
import torch

from cpm_edu.figures.interactive.frame import Arrows, Dots, Rects, Texts
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.figures.interactive.subpixel import (
    DECODERS,
    decoder_errors,
    soft_argmax,
    subpixel,
    subpixel_frame,
)


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


def texts(panel):
    return [text for mark in marks(panel, Texts) for text in mark.texts]


# ---- numbers by hand


def test_status_by_hand():
    # cell 6 has its middle at 8 * 6.5 - 0.5 = 51.5: 3 px right and 4 px down of it are 5 px, and the quarter
    # offset of 2 px on both axes leaves (1, 2)
    status = subpixel_frame((54.5, 55.5 - 1e-3)).status
    assert "x = 54.50, y = 55.50" in status
    assert "argmax 5.0, quarter offset 2.2, log-parabola 0.0, DARK 0.0, soft-argmax" in status


def test_same_in_the_other_convention():
    # "msra": cell 6 stands on pixel 48
    status = subpixel_frame((51.0, 51.5), convention="msra").status
    assert "argmax 4.6, quarter offset 1.8, log-parabola 0.0" in status


def test_errors_over_the_cell():
    errors = decoder_errors(sigma_cells=1.2)
    # mean distance to the middle of a square of side 8: 8 * (sqrt 2 + asinh 1) / 6
    assert errors.mean("argmax") == pytest.approx(8 * (math.sqrt(2) + math.asinh(1)) / 6, rel=0.01)
    assert errors.worst("argmax") == pytest.approx(math.hypot(4, 4) * 30 / 31)
    assert errors.worst("quarter offset") == pytest.approx(math.hypot(2, 2), rel=0.1)
    assert errors.worst("log-parabola") < 0.01
    assert decoder_errors(sigma_cells=1.2, stride=4).mean("argmax") == pytest.approx(
        errors.mean("argmax") / 2
    )


def test_soft_argmax_by_hand():
    maps = torch.full((1, 1, 3, 4), -1e9)
    maps[0, 0, 1, 2] = maps[0, 0, 1, 3] = 0.5
    maps[0, 0, 2, 3] = 0.5
    x, y = soft_argmax(maps, sharpness=1.0)[0, 0].tolist()
    assert (x, y) == pytest.approx((8 / 3, 4 / 3)), "joints are (x, y)"


# ---- what is drawn


def test_cells_say_what_the_decoders_see():
    frame = subpixel_frame((54.4, 49.3))
    assert texts(panel(frame, "cells"))[3:6] == ["0.51", "0.93", "0.85"]
    assert len(marks(panel(frame, "cells"), Dots)) == len(DECODERS)
    assert len(marks(panel(frame, "cells"), Arrows)) == len(DECODERS) - 1, "the argmax takes no step"
    middle = subpixel_frame((51.5, 51.5))
    assert marks(panel(middle, "cells"), Arrows) == [], "in the middle nobody does"


def test_histograms_hold_every_joint():
    frame = subpixel_frame((54.4, 49.3))
    bars = marks(panel(frame, "errors"), Rects)
    assert len(bars) == len(DECODERS)
    assert len(bars[2].boxes) == 1, "the log-parabola's errors are all in the first bin"
    assert "argmax: mean 3.1, worst 5.5" in texts(panel(frame, "errors"))


def test_png():
    assert frame_png(subpixel_frame((54.4, 49.3), noise=0.2)).startswith(b"\x89PNG")


# ---- what the reader moves


@pytest.mark.parametrize(
    "change", [{"joint": (49.0, 54.0)}, {"sigma": 0.5}, {"noise": 0.1}, {"noise": 0.1, "again": 1}]
)
def test_everything_that_can_be_moved_changes_frame_and_status(change):
    figure = subpixel()
    if "again" in change:
        figure.set(noise=0.1)
    before, status = frame_png(figure.frame), figure.frame.status
    figure.set(**change)
    assert figure.frame.status != status
    assert frame_png(figure.frame) != before


def test_histograms_follow_the_sliders_and_not_the_ring():
    figure = subpixel()
    shown = [texts(panel(figure.frame, "errors"))]
    for change in ({"joint": (50.0, 50.0)}, {"noise": 0.1}, {"again": 3}, {"sigma": 2.0}):
        figure.set(**change)
        shown.append(texts(panel(figure.frame, "errors")))
    assert shown[0] == shown[1]
    assert len({tuple(words) for words in shown[1:]}) == 4


def test_ring_stays_in_its_cell():
    [handle] = subpixel_frame((54.4, 49.3)).handles
    assert handle.bounds == (47.5, 47.5, 55.5, 55.5)
    assert handle.at == (54.4, 49.3)


def test_readers_own_decoder_stands_beside_the_others():
    figure = subpixel(lambda maps: (DECODERS["argmax"](maps), "scores are ignored"))
    figure.set(joint=(54.5, 47.5))  # 3 px right of the cell's middle and 4 px above it
    assert figure.frame.status.endswith("mine 5.0.")
    assert "mine: mean 3.1, worst 5.5" in texts(panel(figure.frame, "errors"))


@pytest.mark.parametrize(
    ("mine", "sentence"),
    [
        (lambda maps: maps, "the decoder 'mine' must return a tensor (961, 1, 2) of cells (x, y), not (961, 1, 13, 13)"),
        (lambda maps: None, "not NoneType"),
        (lambda maps: maps.nothing, "AttributeError"),
    ],
)  # fmt: skip
def test_a_wrong_decoder_becomes_a_sentence(mine, sentence):
    figure = subpixel(mine)
    assert sentence in figure.status


def test_alt_text_is_there():
    assert "belief map" in subpixel()._repr_mimebundle_()[0]["text/html"]
