"""The first notebook's pictures: what they count is right, what they show lies where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from cpm_edu.figures.start_here import anatomy_figure, draw_pck, influence_box, numbers_figure, show
from cpm_edu.skeletons import LSP

IMAGE = np.full((40, 48, 3), 90, np.uint8)


def circles(ax) -> list[Circle]:
    return [p for p in ax.patches if isinstance(p, Circle)]


# ---- draw_pck ------------------------------------------------------------------------------------------


def test_hits_by_hand():
    truth = np.array([[10.0, 10.0], [20.0, 20.0], [30.0, 30.0]])
    joints = truth + np.array([[3.0, 4.0], [3.0, 4.1], [0.0, 0.0]])  # errors 5, 5.08, 0
    ax = Figure().subplots()
    assert draw_pck(ax, IMAGE, joints, truth, radius_px=5.0).tolist() == [True, False, True], (
        "5 <= 5 is a hit"
    )
    assert [tuple(c.center) for c in circles(ax)] == [tuple(t) for t in truth], "circles stand on the truth"
    assert {c.radius for c in circles(ax)} == {5.0}


def test_hits_and_misses_differ_by_more_than_colour():
    ax = Figure().subplots()
    draw_pck(ax, IMAGE, [[10, 10], [30, 20]], [[10, 10], [20, 20]], radius_px=3)
    hit, miss = circles(ax)
    assert hit.get_linestyle() != miss.get_linestyle()
    assert hit.get_facecolor()[3] > 0
    assert miss.get_facecolor()[3] == 0
    assert [line.get_marker() for line in ax.lines] == ["o", "None", "X"], "dot; line to a cross"
    assert ax.lines[1].get_xydata().tolist() == [[20, 20], [30, 20]]


def test_unknown_truth_is_not_drawn_and_an_unknown_joint_is_a_miss():
    nan = np.nan
    ax = Figure().subplots()
    hits = draw_pck(ax, IMAGE, [[1, 1], [nan, nan]], [[nan, nan], [5, 5]], radius_px=3)
    assert hits.tolist() == [False, False]
    assert len(circles(ax)) == 1
    assert len(ax.lines) == 0


# ---- influence_box -------------------------------------------------------------------------------------


def test_influence_box_by_hand():
    footprint = torch.zeros(21, 31)
    footprint[10, 15], footprint[10, 18], footprint[6, 15] = 5.0, 4.0, 1.0  # 3 px right, 4 px up
    assert influence_box(footprint, (15, 10), share=0.5) == (15, 10, 15, 10)
    assert influence_box(footprint, (15, 10), share=0.9) == (12, 7, 18, 13)
    assert influence_box(footprint, (15, 10), share=1.0) == (11, 6, 19, 14)
    assert influence_box(footprint, (15.4, 9.6), share=0.5) == (15, 10, 15, 10), "the nearest whole pixel"


def test_influence_box_at_a_border_and_of_nothing():
    footprint = torch.zeros(9, 9)
    footprint[0, 8] = 1.0
    assert influence_box(footprint, (0, 0)) == (-8, -8, 8, 8)
    x1, _, x2, _ = influence_box(torch.zeros(9, 9), (4, 4))
    assert x2 - x1 < 50, "it ends"


# ---- anatomy_figure ------------------------------------------------------------------------------------


def anatomy(stages=3, **changes) -> Figure:
    rng = np.random.default_rng(0)
    truth = rng.random((14, 2)) * [48, 40]
    arguments = {
        "image": IMAGE,
        "center_px": (20.0, 11.0),
        "center_map": np.zeros((40, 48)),
        "belief_maps": rng.random((stages, 14, 5, 6)) * 0.5,
        "joints_px": truth + np.where(np.arange(14) < 10, 0, 9)[:, None],
        "skeleton": LSP,
        "truth_px": truth,
        "radius_px": 4.0,
        "joint": 5,
        "stride": 8,
        "influence_px": [(0, 0, 9, 19)] * stages,
    }
    return anatomy_figure(**(arguments | changes))


@pytest.mark.parametrize("stages", [1, 3, 6])
def test_anatomy_names_everything(stages):
    figure = anatomy(stages)
    axes = np.array(figure.axes).reshape(2, stages + 2)
    titles = [[ax.get_title() for ax in line] for line in axes]
    assert titles[0][1] == "stage 1: image only"
    assert titles[1][1:-1] == [f"left ankle, stage {t + 1}" for t in range(stages)]
    if stages > 1:
        assert titles[0][2] == "stage 2: + stage 1, center map"
    assert titles[1][0].startswith("center map")
    assert titles[1][-1] == "PCK: 10 of 14 hit"
    words = " ".join(t.get_text() for t in figure.texts)
    for word in ("goes in", f"belief maps of {stages} stages", "comes out", "dashed"):
        assert word in words
    assert (np.asarray(_render(figure)).std()) > 20


def _render(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.mark.parametrize(("convention", "corner"), [("center", (16, 8)), ("msra", (12, 4))])
def test_cells_lie_on_their_pixels(convention, corner):
    """Cell (2, 1) of stride 8 covers pixels 16..23 ("center"), or stands on pixel 16 ("msra")."""
    maps = np.zeros((1, 14, 5, 6))
    maps[0, 5, 1, 2] = 0.4
    ax = anatomy(1, belief_maps=maps, convention=convention, influence_px=()).axes[4]
    [frame] = [p for p in ax.patches if isinstance(p, Rectangle)]
    half = 0.5 if convention == "center" else 0.0
    assert frame.get_xy() == (corner[0] - half, corner[1] - half)
    assert (frame.get_width(), frame.get_height()) == (8, 8)
    left, right, low, top = ax.images[0].get_extent()
    origin = -0.5 if convention == "center" else -4
    assert (left, top, right, low) == (origin, origin, origin + 48, origin + 40)
    assert [t.get_text() for t in ax.texts] == ["peak 0.40"]


def test_stages_share_one_scale_and_influence_is_optional():
    figure = anatomy(3)
    limits = {ax.images[0].get_clim() for ax in figure.axes[6:9]}
    assert len(limits) == 1, "brightness can be compared"
    dashed = [
        p
        for p in figure.axes[7].patches
        if isinstance(p, Rectangle) and p.get_linestyle() not in ("-", "solid")
    ]
    assert [(p.get_xy(), p.get_width(), p.get_height()) for p in dashed] == [((-0.5, -0.5), 10, 20)]
    bare = anatomy(3, influence_px=())
    assert "dashed" not in " ".join(t.get_text() for t in bare.texts)


def test_anatomy_counts_known_joints_only():
    truth = np.full((14, 2), np.nan)
    truth[:3] = [[5, 5], [10, 10], [15, 15]]
    figure = anatomy(1, truth_px=truth, joints_px=np.full((14, 2), 5.0), radius_px=1.0)
    assert figure.axes[-1].get_title() == "PCK: 1 of 3 hit"
    _render(figure)  # without a warning, though the joint of the lower row is unknown


# ---- numbers_figure, show ------------------------------------------------------------------------------


def numbers(belief_map, **options) -> dict[tuple[float, float], str]:
    [ax] = numbers_figure(belief_map, **options).axes
    return {t.get_position(): t.get_text() for t in ax.texts}


def test_numbers_by_hand():
    belief_map = np.zeros((20, 20))
    belief_map[7, 12], belief_map[7, 13], belief_map[3, 12] = 0.874, 0.5, -0.001  # row 7, column 12
    texts = numbers(belief_map)
    assert len(texts) == 81, "4 cells on each side"
    assert texts[12, 7] == "87", "at x = 12, y = 7"
    assert texts[13, 7] == "50"
    assert texts[12, 3] == "0", "not -0"
    [frame] = numbers_figure(belief_map).axes[0].patches
    assert frame.get_xy() == (11.5, 6.5)


@pytest.mark.parametrize(
    ("size", "peak", "count"), [((1, 1), (0, 0), 1), ((17, 33), (32, 0), 25), ((46, 46), (45, 45), 25)]
)
def test_numbers_at_the_border(size, peak, count):
    belief_map = np.zeros(size)
    belief_map[peak[1], peak[0]] = 1.0
    texts = numbers(belief_map)
    assert len(texts) == count
    assert texts[peak] == "100"


def test_show_gives_the_picture_its_text(monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    show(numbers_figure(np.eye(3)), alt="nine numbers")
    data, metadata = shown[0]._repr_mimebundle_()
    assert "image/png" in data
    assert metadata["image/png"]["alt"] == "nine numbers"
    with pytest.raises(TypeError):
        show(numbers_figure(np.eye(3)))
