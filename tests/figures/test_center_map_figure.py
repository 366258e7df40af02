"""The center-map figure: shares by hand, every control and the handle, other models, a student's own center map."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.interactive.center_map import center_map, shares, truth_of
from cpm_edu.figures.interactive.frame import Dots, Line, Raster, Rects
from cpm_edu.figures.interactive.overlays import belief_marks, pose_marks, stage_bars
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, LSP, MPII


@pytest.fixture(scope="module")
def figure():
    return center_map()


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def rasters(frame, name):
    return [mark.values for mark in panel(frame, name).marks if isinstance(mark, Raster)]


# ---- numbers by hand


def test_shares_by_hand():
    truth = np.array([[[0.0, 0.0], [10.0, 0.0], [np.nan, np.nan]], [[50.0, 0.0], [60.0, 0.0], [70.0, 0.0]]])
    joints = np.array(
        [[[0.0, 4.0], [10.0, 4.1], [70.0, 3.0]], [[50.0, 0.0], [60.0, 0.0], [70.0, 0.0]]]
    )  # two stages
    found = shares(joints, np.array([[5.0, 0.0], [60.0, 0.0]]), truth, [20.0, 10.0])
    # 0.2 x 20 = 4 px: of A's two known joints stage 1 has one; of B's three, within 2 px, it has none
    assert found.tolist() == [[50.0, 0.0], [0.0, 100.0]]


def test_without_a_truth_the_nearest_person_counts():
    joints = np.array([[[0.0, 0.0], [9.0, 0.0], [11.0, 0.0], [30.0, 0.0]]])
    assert shares(joints, np.array([[0.0, 0.0], [20.0, 0.0]]), None, None).tolist() == [[50.0], [50.0]]


def test_truth_follows_the_joints_names():
    scene = synthetic_scene(3, seed=4, size=(160, 160), people=2)
    truth = truth_of(scene, COCO)
    assert truth.shape == (2, 17, 2)
    ankle = truth[:, COCO.index("left_ankle")]
    inside = scene.inside[:, LSP.index("left_ankle")]
    np.testing.assert_array_equal(ankle[inside], scene.joints_px[inside, LSP.index("left_ankle")])
    assert np.isnan(truth[:, COCO.index("nose")]).all(), "LSP labels no nose"


def test_belief_cells_lie_on_their_pixels():
    belief = np.zeros((2, 3))
    belief[1, 2] = 0.8
    grey, cells = belief_marks(np.full((16, 24, 3), 90, np.uint8), belief, peak=0.8, stride=8)
    assert grey.values.shape == (16, 24)
    assert cells.box == (-0.5, -0.5, 23.5, 15.5)
    assert cells.values[1, 2, 3] == 235
    assert cells.values[0, 0, 3] == 0, "no belief: the crop shows"
    msra = belief_marks(np.zeros((16, 24, 3), np.uint8), belief, peak=0.8, stride=8, convention="msra")[1]
    assert msra.box == (-4.0, -4.0, 20.0, 12.0), "cell 0 stands on pixel 0"


def test_sides_differ_by_more_than_colour_and_hidden_joints_are_left_out():
    joints = np.random.default_rng(0).random((14, 2)) * 100
    lines = [m for m in pose_marks(joints, LSP, np.ones(14, bool)) if isinstance(m, Line)][1::2]
    dashes = {m.color: m.dash_px for m in lines}
    assert len(set(dashes.values())) == 2, dashes
    *lines, dots = pose_marks(joints, LSP, np.arange(14) == 3)
    assert lines == []
    assert np.asarray(dots.points).tolist() == [joints[3].tolist()]


def test_bars_by_hand():
    bars = stage_bars("b", np.array([[10.0, np.nan], [200.0, 0.0]]), "AB", ["#111111", "#222222"], title="t",
                      size_px=(200, 100), stage=2, top=100.0, form=".0f", describe="d")  # fmt: skip
    shade, drawn = (m for m in bars.marks if isinstance(m, Rects))
    assert list(shade.boxes) == [(1.5, 0.0, 2.5, 125.0)], "the stage shown"
    assert [round(box[3]) for box in drawn.boxes] == [10, 100, 0], "NaN has no bar, and none leaves its panel"
    assert bars.marks[3].texts == ["10", "200", "0"]


# ---- what the reader moves


def test_dragging_the_center_changes_whom_the_later_stages_answer_for(figure):
    figure.reset()
    at_a, status_a = figure.frame, figure.frame.status
    assert "86 % of A and 0 % of B" in status_a
    assert frame_png(at_a)[:4] == b"\x89PNG"
    figure.set(center=(110.0, 90.0))
    at_b = figure.frame
    assert "0 % of A and 100 % of B" in at_b.status
    assert np.array_equal(rasters(at_a, "first")[1], rasters(at_b, "first")[1]), "stage 1 sees no center map"
    assert not np.array_equal(rasters(at_a, "later")[1], rasters(at_b, "later")[1])
    assert not np.array_equal(rasters(at_a, "center map")[0], rasters(at_b, "center map")[0])
    assert at_b.handles[0].at == (110.0, 90.0)


@pytest.mark.parametrize(("change", "where"), [({"stage": 2}, "later"), ({"sigma_px": 30.0}, "center map"),
                                               ({"blank": True}, "center map")])  # fmt: skip
def test_every_control_changes_picture_and_status(figure, change, where):
    figure.reset()
    before, status = rasters(figure.frame, where), figure.frame.status
    figure.set(**change)
    after = rasters(figure.frame, where)
    assert not np.array_equal(before[-1], after[-1])
    assert figure.frame.status != status


def test_no_center_is_said_and_drawn(figure):
    figure.reset()
    rings = [m for m in panel(figure.frame, "crop").marks if isinstance(m, Line) and m.color == "#CC79A7"]
    assert len(rings) == 2, "one and two sigma"
    figure.set(blank=True)
    assert "No center" in figure.frame.status
    assert rasters(figure.frame, "center map")[0].max() == 0
    assert not [m for m in panel(figure.frame, "crop").marks if isinstance(m, Line) and m.color == "#CC79A7"]


# ---- other models, other people, wrong things


def test_any_model_and_skeleton():
    torch.manual_seed(0)
    model = CPM.paper(MPII, width=4, num_stages=3, input_size=(96, 80))
    figure = center_map(model)
    assert "of A and" in figure.frame.status
    assert panel(figure.frame, "crop").size_px == (250, 300)
    assert frame_png(figure.frame)


def test_own_picture_without_a_truth():
    model = CPM.lite(LSP, features=16, width=8, num_stages=1, input_size=(64, 64))
    image = np.full((64, 64, 3), 90, np.uint8)
    people = [(10, 30), (30, 30), (50, 30)]
    figure = center_map(model, image, people)
    assert "joints nearest to that person at stage 1" in figure.frame.status
    squares = [m for m in panel(figure.frame, "crop").marks if isinstance(m, Dots) and m.shape == "square"]
    assert len(squares[0].points) == 3
    with pytest.raises(ValueError, match=r"must be \(64, 64\)"):
        center_map(model, image[:40], people)
    with pytest.raises(ValueError, match="people_px"):
        center_map(model, image)


def test_a_model_without_a_center_map_is_refused():
    with pytest.raises(ValueError, match="mmpose CPM has no center map"):
        center_map(CPM.mmpose(COCO, num_stages=1))


def test_a_students_center_map_is_used_and_its_faults_become_a_sentence():
    model = CPM.lite(LSP, features=16, width=8, num_stages=2, input_size=(64, 64))
    blocks = torch.zeros(1, 1, 64, 64)
    blocks[..., :8, :8] = 1
    figure = center_map(model, draw_center=lambda center, size, sigma_px: blocks)
    assert rasters(figure.frame, "center map")[0][0, 0] == 1
    figure = center_map(model, draw_center=lambda center, size, sigma_px: torch.zeros(64, 64))
    assert "shape (64, 64), expected (1, 1, 64, 64)" in figure.status
    figure = center_map(model, draw_center=lambda center, size, sigma_px: 1 / 0)
    assert "ZeroDivisionError" in figure.status
