"""Figures: beliefs lie over the pixels they speak of, sides differ by more than colour, the unknown is not drawn."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image

from cpm_edu.coords import px_from_cells
from cpm_edu.figures import style
from cpm_edu.figures.panels import (
    MIN_SCORE,
    belief_overlay,
    draw_pose,
    pose_figure,
    stage_figure,
    upsample_maps,
)
from cpm_edu.skeletons import LSP, SKELETONS, Skeleton

BRIGHTEST = np.array(matplotlib.colormaps[style.BELIEF_CMAP](1.0)[:3]) * 255
each_skeleton = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=list(SKELETONS))


def png(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))


def one_cell(x: int, y: int, size=(7, 9), joints=3) -> np.ndarray:
    maps = np.zeros((joints, *size), np.float32)
    maps[1, y, x] = 1.0
    return maps


# ---- upsample_maps, belief_overlay ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stride", "convention", "pixel"),
    [
        (1, "center", (5, 2)),
        (3, "center", (16, 7)),
        (1, "msra", (5, 2)),
        (8, "msra", (40, 16)),
        (3, "msra", (15, 6)),
    ],
)
def test_peak_lies_on_the_pixel_of_its_cell(stride, convention, pixel):
    size = (7 * stride, 9 * stride)
    up = upsample_maps(one_cell(5, 2), size, stride, convention)
    assert up.shape == (3, *size)
    y, x = np.unravel_index(up[1].argmax(), size)
    assert (x, y) == pixel, "(x, y) of cell (5, 2)"
    assert up[1, y, x] == pytest.approx(1.0, abs=1e-5)
    assert up[[0, 2]].max() == 0
    overlay = belief_overlay(
        np.zeros((*size, 3), np.uint8), one_cell(5, 2), stride=stride, convention=convention
    )
    y, x = np.unravel_index(overlay.astype(int).sum(-1).argmax(), size)
    assert (x, y) == pixel


def test_even_stride_puts_the_peak_between_pixels():
    """Cell 5 of stride 8 has its middle at 43.5: pixels 43 and 44 are equally bright."""
    up = upsample_maps(one_cell(5, 2), (56, 72), 8, "center")[1]
    assert px_from_cells(np.array([5.0, 2.0]), 8).tolist() == [43.5, 19.5]
    brightest = {tuple(p) for p in np.argwhere(up > up.max() - 1e-5).tolist()}
    assert brightest == {(19, 43), (19, 44), (20, 43), (20, 44)}


def test_outer_half_cells_are_filled():
    """Bilinear sampling knows nothing beyond the middle of the outermost cell; the map does go on to the edge."""
    up = upsample_maps(np.ones((1, 5, 5), np.float32), (40, 40), 8, "center")
    assert up.min() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (46, 46)])
def test_overlay_of_any_size(size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size[0] * 4, size[1] * 4, 3)).astype(np.uint8)
    maps = rng.random((2, *size[::-1]), np.float32).transpose(0, 2, 1)  # not contiguous
    overlay = belief_overlay(image, maps, stride=4)
    assert overlay.shape == image.shape
    assert overlay.dtype == np.uint8


def test_overlay_without_belief_is_the_dimmed_picture():
    image = np.full((16, 16, 3), (10, 100, 250), np.uint8)
    overlay = belief_overlay(image, np.zeros((1, 2, 2)), stride=8)
    assert (overlay == overlay[..., :1]).all(), "grey, so that only belief has colour"
    assert overlay[0, 0, 0] == round(0.6 * 120)


def test_overlay_takes_the_largest_belief_and_a_common_peak():
    image = np.zeros((24, 24, 3), np.uint8)
    low, high = np.zeros((2, 3, 3)), np.zeros((2, 3, 3))
    low[0, 1, 1], high[1, 1, 1] = 0.3, 0.9
    both = np.maximum(low, high)
    assert (belief_overlay(image, both, stride=8) == belief_overlay(image, high, stride=8)).all()
    middle = (11, 11)
    alone = belief_overlay(image, low, stride=8)[middle].astype(int)
    beside = belief_overlay(image, low, stride=8, peak=0.9)[middle].astype(int)
    assert alone.sum() > beside.sum() + 100, "0.3 looks strong alone and weak on a scale that ends at 0.9"
    faint = belief_overlay(image, low * 0.1, stride=8)[middle].astype(int)
    assert faint.sum() < alone.sum() - 100, "noise is not blown up: the scale ends at 0.2 at least"


def test_wrong_convention_is_an_error():
    with pytest.raises(ValueError, match="convention"):
        belief_overlay(np.zeros((8, 8, 3), np.uint8), np.zeros((1, 1, 1)), stride=8, convention="middle")


# ---- style ---------------------------------------------------------------------------------------------


@each_skeleton
def test_sides_differ_by_colour_and_by_line(skeleton: Skeleton):
    colors = style.joint_colors(skeleton)
    assert len(colors) == skeleton.num_joints
    sides = {"left": set(), "right": set()}
    for limb in skeleton.limbs:
        names = " ".join(skeleton.joints[i] for i in limb)
        drawn = style.limb_style(skeleton, limb)
        if ("left" in names) != ("right" in names):
            sides["left" if "left" in names else "right"].add(drawn)
        else:
            assert drawn[0] == style.MIDDLE_COLOR
    assert len(sides["left"]) == len(sides["right"]) == 1
    (left,), (right,) = sides["left"], sides["right"]
    assert left[0] != right[0]
    assert left[1] != right[1], "colour never stands alone"
    for a, b in skeleton.flip_pairs:
        assert colors[a] != colors[b]


def test_colours_are_okabe_and_itos():
    okabe_ito = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    used = {style.LEFT_COLOR, style.RIGHT_COLOR, style.MIDDLE_COLOR, style.CENTER_COLOR}
    assert used <= okabe_ito
    assert len(used) == 4
    assert style.BELIEF_CMAP in ("viridis", "cividis")


# ---- draw_pose -----------------------------------------------------------------------------------------

SKELETON = Skeleton("three", ("left_wrist", "neck", "right_wrist"), limbs=((0, 1), (1, 2)))
IMAGE = np.zeros((20, 30, 3), np.uint8)
JOINTS = np.array([[5.0, 6.0], [15.0, 3.0], [25.0, 8.0]])


def drawn(joints, **options):
    """(points, bones) that draw_pose draws."""
    ax = Figure().subplots()
    draw_pose(ax, IMAGE, joints, SKELETON, **options)
    points = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    bones = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_color() != "black"]
    return (np.concatenate(points) if points else np.zeros((0, 2))), bones


def test_pose_is_drawn_at_its_pixels():
    points, bones = drawn(JOINTS)
    assert points.tolist() == JOINTS.tolist()
    assert [line.get_xydata().tolist() for line in bones] == [JOINTS[:2].tolist(), JOINTS[1:].tolist()]
    assert [line.get_color() for line in bones] == [style.LEFT_COLOR, style.RIGHT_COLOR]
    assert not bones[0].is_dashed()
    assert bones[1].is_dashed(), "right is dashed"


def test_nan_joints_and_their_bones_are_not_drawn():
    for hole in ([np.nan, np.nan], [np.nan, 3.0], [np.inf, 3.0]):
        joints = JOINTS.copy()
        joints[2] = hole
        points, bones = drawn(joints)
        assert points.tolist() == JOINTS[:2].tolist()
        assert len(bones) == 1
    points, bones = drawn(np.full((3, 2), np.nan))
    assert len(points) == len(bones) == 0


def test_unsure_joints_are_not_drawn():
    points, bones = drawn(JOINTS, scores=[0.5, 0.1, 0.05], min_score=0.1)
    assert points.tolist() == JOINTS[:2].tolist(), "the limit itself is drawn"
    assert len(bones) == 1
    assert len(drawn(JOINTS, scores=[0.0, 0.0, 0.0])[0]) == 3, "without a limit all"


def test_axes_cover_whole_pixels():
    ax = Figure().subplots()
    draw_pose(ax, IMAGE, JOINTS, SKELETON, box_xywh=(1, 2, 3, 4), center=(7, 8))
    assert ax.get_xlim() == (-0.5, 29.5)
    assert ax.get_ylim() == (19.5, -0.5), "y points down"
    assert [p.get_bbox().bounds for p in ax.patches] == [(0.5, 1.5, 3, 4)]
    crosses = [line for line in ax.lines if line.get_marker() == "+"]
    assert {tuple(np.ravel(c.get_xydata())) for c in crosses} == {(7, 8)}
    assert crosses[-1].get_color() == style.CENTER_COLOR
    assert crosses[0].get_color() == "black", "an outline, so that it shows on any picture"


# ---- whole figures -------------------------------------------------------------------------------------


def row(size=(64, 48), stages=3, seed=0, **extra) -> dict:
    rng = np.random.default_rng(seed)
    height, width = size
    return {
        "image": rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        "belief_maps": rng.random((stages, 14, height // 8, width // 8), np.float32),
        "joints_px": rng.random((14, 2)) * [width, height],
        "scores": np.full(14, 0.5),
        **extra,
    }


@pytest.mark.parametrize("stages", [1, 3])
def test_stage_figure_has_a_column_for_everything(stages):
    rows = [row(stages=stages, center_px=(3, 4), label="me", pck=[0.25] * stages), row(stages=stages, seed=1)]
    figure = stage_figure(rows, LSP, stride=8, title="all")
    assert len(figure.axes) == 2 * (stages + 2)
    titles = [ax.get_title() for ax in figure.axes[: stages + 2]]
    assert titles == ["crop, + center", *(f"stage {t + 1}" for t in range(stages)), "pose"]
    texts = [t.get_text() for ax in figure.axes for t in ax.texts]
    assert texts.count("PCK 25") == stages
    assert "me" in texts
    picture = png(figure)
    assert picture.shape[1] > 200 * (stages + 2)
    assert picture.std() > 20, "not blank"


def test_stages_of_one_person_share_one_scale():
    """A stage that is twice as sure looks brighter: otherwise sharpening could not be seen."""
    one = row(size=(24, 24), stages=2)
    one["image"][:] = 0
    one["belief_maps"][:] = 0
    one["belief_maps"][:, 0, 1, 1] = 0.4, 0.8
    figure = stage_figure([one], LSP, stride=8)
    first, second = (figure.axes[t].images[0].get_array()[11, 11].astype(int) for t in (1, 2))
    assert np.abs(second - BRIGHTEST).sum() < 0.3 * BRIGHTEST.sum()
    assert first.sum() < second.sum() - 50


def test_stage_figure_hides_what_the_model_does_not_believe():
    one = row()
    one["scores"] = np.where(np.arange(14) < 5, MIN_SCORE, MIN_SCORE / 2)
    figure = stage_figure([one], LSP, stride=8)
    points = [c for c in figure.axes[-1].collections if isinstance(c, PathCollection)]
    assert sum(len(c.get_offsets()) for c in points) == 5


@pytest.mark.parametrize("size", [(400, 300), (30, 900), (1, 2000), (2000, 1), (1, 1)])
def test_pose_figure_of_any_photo(size):
    image = np.zeros((*size, 3), np.uint8)
    people = [{"joints": np.full((14, 2), np.nan), "scores": np.zeros(14), "box_xywh": (0, 0, 1, 1)}] * 2
    picture = png(pose_figure(image, people, LSP))
    assert min(picture.shape[:2]) >= 30
    assert max(picture.shape[:2]) == 8 * 130
    if min(size) > 100:
        assert picture.shape[0] / picture.shape[1] == pytest.approx(size[0] / size[1], rel=0.01)


def test_pose_figure_draws_everybody():
    image = np.zeros((40, 40, 3), np.uint8)
    joints = np.random.default_rng(0).random((2, 14, 2)) * 40
    people = [{"joints": j, "scores": np.ones(14)} for j in joints]
    [ax] = pose_figure(image, people, LSP).axes
    points = np.concatenate([c.get_offsets() for c in ax.collections])
    np.testing.assert_allclose(points, joints.reshape(-1, 2))
