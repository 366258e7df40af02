"""Frames: where things are placed, their colours, and the PNG that shows them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cpm_edu.figures.interactive.frame import (
    Arrows,
    Dots,
    Frame,
    Handle,
    Line,
    Panel,
    Raster,
    Rects,
    Texts,
)  # fmt: skip
from cpm_edu.figures.interactive.layout import lay_out, to_px
from cpm_edu.figures.interactive.palettes import EMPTY, raster_bytes, raster_rgba, table
from cpm_edu.figures.interactive.static import frame_png


def panel(name="map", marks=(), size=(100, 80), view=(0.0, 0.0, 10.0, 10.0), **options):
    return Panel(name, size, view, marks, **options)


def pixels(frame: Frame, scale: float = 1.0) -> np.ndarray:
    """(H, W, 3) uint8 of the PNG."""
    return np.asarray(Image.open(io.BytesIO(frame_png(frame, scale=scale))).convert("RGB"))


def color_at(frame: Frame, name: str, point) -> tuple[int, ...]:
    """Colour in the middle of the pixel under a point of a panel."""
    [(x, y)] = to_px(lay_out(frame).placed(name), [point])
    return tuple(int(v) for v in pixels(frame)[int(y), int(x)])


# ---- layout


def test_a_panel_alone_by_hand():
    layout = lay_out(Frame([[panel()]], ""))
    [placed] = layout.panels
    assert (placed.left, placed.top) == (10, 10)
    assert (layout.width, layout.height) == (120, 100)


def test_points_go_where_the_view_says():
    [placed] = lay_out(Frame([[panel(view=(-0.5, 9.5, 9.5, -0.5))]], "")).panels  # y grows upwards
    assert to_px(placed, [(-0.5, -0.5), (9.5, 9.5), (4.5, 4.5)]).tolist() == [[10, 90], [110, 10], [60, 50]]


def test_panels_below_each_other_begin_at_one_x():
    ticks = {"y_ticks": [(0, "a long word")], "y_label": "y"}
    layout = lay_out(Frame([[panel("a"), panel("b")], [panel("c", **ticks)]], ""))
    a, b, c = layout.panels
    assert a.left == c.left > 10
    assert b.left == a.left + 100 + 20
    assert c.top > a.top + 80


def test_margins_are_shared_only_by_panels_that_are_below_each_other():
    first = [panel("a", size=(300, 80)), panel("b", y_ticks=[(0, "a very long word")])]
    second = [panel("c"), panel("d"), panel("e")]
    placed = {p.panel.name: p.left for p in lay_out(Frame([first, second], "")).panels}
    assert placed["d"] - placed["c"] == 120, "the words beside b make no room between c and d"


def test_ticks_are_round_numbers():
    [placed] = lay_out(Frame([[panel(size=(300, 80), view=(-0.5, 1, 19.5, 0), x_ticks="auto")]], "")).panels
    assert placed.x_ticks == [(0.0, "0"), (5.0, "5"), (10.0, "10"), (15.0, "15")]
    [placed] = lay_out(Frame([[panel(view=(0, 1.05, 1, 0), y_ticks="auto")]], "")).panels
    assert [text for _, text in placed.y_ticks] == ["0", "0.5", "1"]


def test_a_title_is_broken_into_lines():
    title = "a title that is far longer than its panel"
    [placed] = lay_out(Frame([[panel(title=title)]], "")).panels
    assert len(placed.title) > 1
    assert " ".join(placed.title) == title
    assert placed.top == 10 + 18 * len(placed.title)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (Frame([], ""), "at least one panel"),
        (Frame([[panel(), panel()]], ""), "different names"),
        (Frame([[panel(view=(0, 0, 0, 1))]], ""), "view of panel 'map' is empty"),
        (Frame([[panel(view=(0, 0, np.nan, 1))]], ""), "is empty"),
        (Frame([[panel()]], "", [Handle("a", "other", (0, 0), "a")]), "panel 'other'"),
        (
            Frame([[panel()]], "", [Handle("a", "map", (0, 0), "a"), Handle("a", "map", (1, 0), "b")]),
            "different names",
        ),
    ],
)
def test_a_frame_that_cannot_be(frame, words):
    with pytest.raises(ValueError, match=words):
        lay_out(frame)


# ---- colours


def test_numbers_to_bytes_by_hand():
    values = np.array([[0.0, 0.5, 1.0], [-3.0, 9.0, np.nan]])
    assert raster_bytes(Raster(values, low=0, high=1)).tolist() == [[0, 127, 254], [0, 254, EMPTY]]
    assert raster_bytes(Raster(values[:1])).tolist() == [[0, 127, 254]], (
        "low and high of the values themselves"
    )
    assert raster_bytes(Raster(np.array([[np.inf, -np.inf]]), low=0, high=1)).tolist() == [[254, 0]]


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.zeros((2, 3), bool)])
def test_flat_and_empty_maps_have_a_colour(values):
    expected = EMPTY if np.isnan(values.astype(float)).all() else 0
    assert (raster_bytes(Raster(values)) == expected).all()


def test_palettes_have_the_ends_they_are_known_by():
    assert table("gray")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
    red, _, blue = table("RdBu")[0].astype(int)
    assert red > blue, "low is red"
    red, _, blue = table("RdBu")[-1].astype(int)
    assert blue > red, "high is blue"
    assert table("viridis").shape == (255, 3)


def test_pixels_stay_what_they_are():
    rgb = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert (raster_rgba(Raster(rgb))[..., :3] == rgb).all()
    assert (raster_rgba(Raster(rgb))[..., 3] == 255).all()
    assert raster_rgba(Raster(np.array([[np.nan, 1.0]])))[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("raster", "words"),
    [
        (Raster(np.zeros(3)), r"not \(3,\)"),
        (Raster(np.zeros((3, 3, 3))), "float64"),
        (Raster(np.zeros((0, 3))), "1 to"),
        (Raster(np.zeros((3000, 3000), np.uint8)), "1 to"),
        (Raster(np.zeros((3, 3)), palette="jet"), "'jet'"),
    ],
)
def test_a_raster_that_cannot_be(raster, words):
    with pytest.raises(ValueError, match=words):
        raster_rgba(raster)


# ---- the PNG


def test_cells_lie_where_their_numbers_say():
    values = np.zeros((10, 10))
    values[2, 7] = 1  # y = 2, x = 7
    frame = Frame([[panel(marks=[Raster(values, palette="gray")], view=(-0.5, -0.5, 9.5, 9.5))]], "")
    assert color_at(frame, "map", (7, 2)) == (255, 255, 255)
    assert color_at(frame, "map", (2, 7)) == (0, 0, 0)


def test_later_marks_lie_on_top_and_panels_clip():
    marks = [Rects([(-5, -5, 20, 20)], fill="#0000ff"), Rects([(2, 2, 8, 8)], fill=["#ff0000"])]
    frame = Frame([[panel(marks=marks)]], "")
    assert color_at(frame, "map", (5, 5)) == (255, 0, 0)
    assert color_at(frame, "map", (1, 1)) == (0, 0, 255)
    assert tuple(pixels(frame)[4, 60]) == (255, 255, 255), "above the panel"


def test_transparency_of_colour_and_mark_multiply():
    half = [Rects([(0, 0, 10, 10)], fill="#ff000080"), Rects([(0, 0, 10, 10)], fill="#ff0000", opacity=0.5)]
    for mark in half:
        red, green, _ = color_at(Frame([[panel(marks=[mark])]], ""), "map", (5, 5))
        assert red == 255
        assert abs(green - 127) <= 2


def test_lines_arrows_and_handles_are_drawn():
    for mark in (Line([(0, 5), (10, 5)], "#00ff00", 6), Arrows([(0, 5)], [(9, 5)], "#00ff00", 6)):
        assert color_at(Frame([[panel(marks=[mark])]], ""), "map", (5, 5)) == (0, 255, 0)
    torn = Line([(0, 5), (np.nan, np.nan), (10, 5)], "#00ff00", 6)
    assert color_at(Frame([[panel(marks=[torn])]], ""), "map", (5, 5)) == (255, 255, 255)
    ring = Handle("a", "map", (5, 5), "a", color="#00ff00", shape="circle")
    assert color_at(Frame([[panel()]], "", [ring]), "map", (5, 5)) == (0, 255, 0)


@pytest.mark.parametrize("shape", ["circle", "ring", "square", "diamond", "triangle", "cross", "plus"])
def test_every_shape_leaves_ink(shape):
    colors = ["#00ff00", "#0000ff"]
    image = pixels(Frame([[panel(marks=[Dots([(2, 5), (7, 5)], colors, shape, 8)])]], ""))
    for color in ((0, 255, 0), (0, 0, 255)):
        assert (image == color).all(-1).sum() > 10


@pytest.mark.parametrize(
    "mark",
    [
        Dots(np.zeros((0, 2))), Line(np.zeros((0, 2))), Rects(np.zeros((0, 4))), Texts([], []), Arrows([], []),
        Dots([(np.nan, 1)]), Texts([(np.nan, 1)], ["a"]), Arrows([(1, 1)], [(1, 1)]), Line([(1, 1)], closed=True),
    ],
)  # fmt: skip
def test_nothing_to_draw_is_no_error(mark):
    frame_png(Frame([[panel(marks=[mark])]], ""))


def test_a_wrong_number_of_colours_is_told():
    with pytest.raises(ValueError, match="2 points but 3 colours"):
        frame_png(Frame([[panel(marks=[Dots([(1, 1), (2, 2)], ["#000000"] * 3)])]], ""))


def test_the_size_of_the_picture():
    frame = Frame([[panel(size=(201, 101))]], "")
    assert pixels(frame, 2.0).shape == (2 * 121, 2 * 221, 3)
