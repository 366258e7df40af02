"""The PCK figure: circles, curve and bars say the same as the metric, and everything that can be moved moves them."""

import numpy as np
import pytest

from cpm_edu.figures.interactive.frame import Dots, Line, Raster, Rects
from cpm_edu.figures.interactive.pck_threshold import (
    JudgedPeople,
    judged_people,
    pck_curves,
    pck_share,
    pck_threshold,
    pck_threshold_frame,
)
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.metrics import pck_lsp
from cpm_edu.skeletons import COCO, JHMDB, LSP, Skeleton


def made_people(errors, skeleton=LSP):
    """Four people with a torso of 50 px and a head of 24 px; joint j of person n is off by errors[n][j] px."""
    truth = np.zeros((4, skeleton.num_joints, 2)) + 60.0
    for name, place in {
        "left_shoulder": (70, 50), "right_hip": (40, 90), "head_top": (60, 6), "neck": (60, 30),
    }.items():  # fmt: skip
        if name in skeleton.joints:
            truth[:, skeleton.index(name)] = place
    pred = truth.copy()
    pred[..., 0] += np.asarray(errors, float)
    image = np.full((120, 120, 3), 90, np.uint8)
    boxes = np.tile([20.0, 0.0, 80.0, 110.0], (4, 1))
    return JudgedPeople((image,) * 4, pred, truth, boxes, skeleton)


@pytest.fixture(scope="module")
def four():
    errors = np.zeros((4, 14))
    errors[0, :3] = 9.9, 10.1, 23.0  # circles: torso 10 px, head 4.8 px, box 22 px
    errors[3, 5] = 6.0
    return made_people(errors)


@pytest.fixture(scope="module")
def drawn():
    return judged_people(count=4)


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


# --- numbers by hand


def test_three_yardsticks_by_hand(four):
    assert {name: length.tolist() for name, length in four.lengths.items()} == {
        "torso": [50.0] * 4, "head": [24.0] * 4, "box": [110.0] * 4,
    }  # fmt: skip
    shares = {
        name: pck_share(four.pred_px, four.truth_px, length, 0.2) for name, length in four.lengths.items()
    }
    assert shares == pytest.approx({"torso": 54 / 56, "head": 52 / 56, "box": 55 / 56})


def test_picture_counts_what_lies_in_its_circles(four):
    frame = pck_threshold_frame(four)
    first = panel(frame, "person 0")
    assert first.title == "person 1, radius 10.0 px: 12/14"
    [crosses] = [d for d in marks(first, Dots) if d.shape == "cross"]
    np.testing.assert_allclose(crosses.points, [[70.1, 60], [63, 90]])  # knee and hip, 10.1 and 23 px off
    circle = max((line for line in marks(first, Line) if not line.dash_px), key=lambda line: len(line.points))
    loop = circle.points[: np.flatnonzero(np.isnan(circle.points[:, 0]))[0]]
    middle = (loop.min(0) + loop.max(0)) / 2
    np.testing.assert_allclose(np.linalg.norm(loop - middle, axis=1), 10.0, atol=1e-6)


@pytest.mark.parametrize(("yardstick", "inside"), [("torso", 54), ("head", 52), ("box", 55)])
def test_circles_and_number_use_the_chosen_yardstick(four, yardstick, inside):
    status = pck_threshold_frame(four, yardstick=yardstick).status
    assert f"{inside} of 56 joints inside: PCK {100 * inside / 56:.1f} %" in status
    assert "The circles say" not in status, "the circles and the metric agree"


def test_every_person_has_their_own_length():
    small = made_people(np.full((4, 14), 6.0))
    truth = small.truth_px.copy()
    truth[0] = 60 + (truth[0] - 60) / 2  # a torso of 25 px: circles of 5 px
    people = JudgedPeople(small.images, truth + np.array([6.0, 0.0]), truth, small.boxes_xyxy, LSP)
    frame = pck_threshold_frame(people)
    assert frame.status.startswith("0.20 x torso: circles of 5.0, 10.0, 10.0 px, 42 of 56")
    assert panel(frame, "person 0").title.endswith("0/14")


def test_an_error_that_equals_the_radius_is_a_hit():
    people = made_people(np.full((4, 14), 10.0))
    assert pck_share(people.pred_px, people.truth_px, people.lengths["torso"], 0.2) == 1
    assert "56 of 56 joints inside: PCK 100.0 %" in pck_threshold_frame(people).status


def test_status_has_every_yardstick(four):
    assert pck_threshold_frame(four).status == (
        "0.20 x torso: circles of 10.0, 10.0, 10.0 px, 54 of 56 joints inside: PCK 96.4 %. The same predictions have "
        "92.9 % by head and 98.2 % by box."
    )


def test_bars_are_by_joint_and_sides_are_joined(four):
    bars = panel(pck_threshold_frame(four), "bars")
    assert "right" not in bars.describe
    assert "knee 88, hip 88" in bars.describe, "one of eight is out"
    assert "ankle 100" in bars.describe, "9.9 px are inside, and so are 6 px"
    widths = [box[2] for box in marks(bars, Rects)[0].boxes]
    assert widths == sorted(widths, reverse=True)


# --- agreement with the metric


def test_drawn_people_agree_with_the_metric_and_the_curve_with_both(drawn):
    frame = pck_threshold_frame(drawn)
    share = pck_lsp(drawn.pred_px, drawn.truth_px).mean
    assert f"PCK {100 * share:.1f} %" in frame.status
    curve = pck_curves(drawn)["torso"]
    assert curve[20] == pytest.approx(share)
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == 0
    [handle] = frame.handles
    assert handle.at == pytest.approx((0.2, 100 * share)), "the dot sits on the curve"


def test_the_picture_is_the_persons(drawn):
    raster = marks(panel(pck_threshold_frame(drawn, first=1), "person 0"), Raster)[0]
    grey = drawn.images[1].mean(-1)
    assert np.corrcoef(raster.values[..., 0].ravel(), grey.ravel())[0, 1] > 0.99


# --- what can be moved


def test_every_control_and_the_handle_change_frame_and_status(four, drawn):
    figure = pck_threshold(drawn)
    before, picture = figure.frame.status, figure.snapshot()
    for change in ({"threshold": (0.4, 0.0)}, {"yardstick": "box"}, {"first": 1}):
        figure.set(**change)
        assert figure.frame.status != before, change
        assert figure.snapshot() != picture, change
        before, picture = figure.frame.status, figure.snapshot()


def test_png_at_the_ends(drawn):
    for threshold in (0.0, 0.5):
        assert frame_png(pck_threshold_frame(drawn, threshold=threshold))[:8] == b"\x89PNG\r\n\x1a\n"


def test_joints_without_a_torso_or_a_head_are_measured_by_what_they_have():
    nameless = Skeleton("bird", ("beak", "left_wing", "right_wing", "tail"))
    assert list(made_people(np.zeros((4, 4)), nameless).lengths) == ["box"]
    assert list(made_people(np.zeros((4, 17)), COCO).lengths) == ["torso", "box"]
    figure = pck_threshold(made_people(np.zeros((4, 15)), JHMDB))
    assert "x torso" in figure.frame.status
    assert "PCK 100.0 %" in figure.frame.status


# --- a student's own function


def test_own_function_is_what_the_figure_counts_with(four):
    def strict(pred, truth, lengths, threshold):
        error = np.linalg.norm(pred - truth, axis=-1)
        return np.mean(error <= 0.5 * threshold * lengths[:, None])

    status = pck_threshold_frame(four, score=strict).status
    assert "PCK 92.9 %" in status
    assert "The circles say 96.4 %" in status


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (lambda *_: 72.3, "72.3, not a share between 0 and 1"),
        (lambda *_: -0.1, "-0.1, not a share"),
        (lambda *_: float("nan"), "nan, not a share"),
        (lambda pred, *_: pred, "ndarray, not one number"),
        (lambda *_: None, "NoneType, not one number"),
    ],
)
def test_own_function_that_gives_no_share_gets_a_sentence(four, score, words):
    with pytest.raises(ValueError, match=words):
        pck_threshold_frame(four, score=score)


def test_own_function_that_fails_leaves_the_figure_alive(drawn):
    good = True

    def score(pred, truth, lengths, threshold):
        return pck_share(pred, truth, lengths, threshold) if good else 1 / 0

    figure = pck_threshold(drawn, score=score)
    good = False
    figure.set(threshold=(0.3, 0.0))
    assert "ZeroDivisionError" in figure.status
    good = True
    figure.set(threshold=(0.3, 0.0))
    assert figure.frame.status.startswith("0.30 x torso")


# --- errors


def test_wrong_yardstick_and_people_who_do_not_fit(four):
    with pytest.raises(ValueError, match="no yardstick 'arm' here, but torso, head, box"):
        pck_threshold_frame(four, yardstick="arm")
    with pytest.raises(ValueError, match="shows 3 people; 2 were given"):
        JudgedPeople(four.images[:2], four.pred_px[:2], four.truth_px[:2], four.boxes_xyxy[:2], LSP)
    with pytest.raises(ValueError, match="do not fit"):
        JudgedPeople(four.images, four.pred_px[:3], four.truth_px, four.boxes_xyxy, LSP)
