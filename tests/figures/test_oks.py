"""The OKS figure: rings, curves, ranks and AP say the same as the metric and as pycocotools."""

import numpy as np
import pytest

from cpm_edu.figures.interactive.frame import Line, Rects
from cpm_edu.figures.interactive.oks import MOVED, OKS_THRESHOLDS, oks_figure, oks_frame
from cpm_edu.figures.interactive.oks_detections import (
    OFFSETS_PX,
    average_precision,
    detections,
    joint_similarity,
    pycocotools_ap,
)
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.metrics import oks
from cpm_edu.skeletons import COCO

DATA = detections()
EXACT = {name: tuple(DATA.truth_px[COCO.index(name)]) for name in MOVED}


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


# --- numbers by hand


def test_similarity_by_hand():
    """Area 10,000 and sigma 0.025: k = 0.05, s k = 5 px; an error of 5 px costs exp(-1/2)."""
    assert joint_similarity([0.0, 5.0, 10.0], 10_000, 0.025) == pytest.approx(np.exp([0, -0.5, -2]))
    assert joint_similarity(5.0, 10_000, 0.025).shape == ()


def test_average_precision_by_hand():
    """Hit, miss, hit, hit: precision 1, 1/2, 2/3, 3/4, raised to 1, 3/4, 3/4, 3/4; 26 and 50 of 101 recalls reach them."""
    ap, recall, precision = average_precision(np.array([1, 0, 1, 1], bool))
    assert recall.tolist() == [0.25, 0.25, 0.5, 0.75]
    assert precision.tolist() == [1, 0.75, 0.75, 0.75]
    assert ap == pytest.approx((26 * 1 + 50 * 0.75) / 101)
    assert average_precision(np.ones(3, bool))[0] == 1
    assert average_precision(np.zeros(3, bool))[0] == 0


def test_one_joint_of_seventeen_costs_at_most_a_seventeenth():
    frame = oks_frame(DATA, moved=EXACT | {"left_wrist": (0.0, 0.0)})
    assert f"OKS {16 / 17:.2f}" in frame.status
    assert "left eye 0.0 px: 1.00" in frame.status


# --- agreement with the metric


def test_face_points_lie_on_the_drawn_head_and_left_is_the_persons():
    place = {name: DATA.truth_px[COCO.index(name)] for name in COCO.joints}
    assert place["left_eye"][0] > place["right_eye"][0], "somebody who faces us has their left on our right"
    assert place["left_hip"][0] > place["right_hip"][0]
    dark = DATA.image.mean(-1)
    for eye in ("left_eye", "right_eye"):
        x, y = place[eye].round().astype(int)
        assert dark[y - 1 : y + 2, x - 1 : x + 2].max() < 60, f"{eye}: the drawn pupil is dark"


def test_rings_are_where_the_similarity_is_one_half():
    rings = [m for m in panel(oks_frame(DATA, moved=EXACT), "person").marks if isinstance(m, Line)]
    thick = {line.color: line for line in rings if line.width_px > 2}
    assert len(thick) == 3
    radii = []
    for name, line in zip(MOVED, thick.values(), strict=True):
        radius = np.linalg.norm(line.points - DATA.truth_px[COCO.index(name)], axis=1)
        radii.append(radius.mean())
        similarity = joint_similarity(radius, DATA.area, COCO.oks_sigmas[COCO.index(name)])
        np.testing.assert_allclose(similarity, 0.5, atol=0.02)
    assert radii == sorted(radii), "eye, wrist, hip"


def test_ranked_bars_are_the_oks_of_the_metric():
    moved = {name: DATA.pred_px[0, COCO.index(name)] for name in MOVED}
    boxes = next(m for m in panel(oks_frame(DATA, moved=moved), "ranks").marks if isinstance(m, Rects)).boxes
    truth = np.repeat(DATA.truth_px[None], 20, 0)
    expected = oks(DATA.pred_px, truth, areas=np.full(20, DATA.area))[np.argsort(-DATA.scores)]
    np.testing.assert_allclose([box[3] for box in boxes], expected)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("left_eye", [EXACT["left_eye"], (0.0, 0.0)])
def test_mean_ap_is_that_of_pycocotools(swapped, left_eye):
    seen = []

    def reference(pred):
        seen.append(pred)
        return pycocotools_ap(DATA, pred)

    moved = EXACT | {"left_eye": left_eye, "left_hip": (100.0, 300.0)}
    status = oks_frame(DATA, moved=moved, swapped=swapped, reference=reference).status
    ours, theirs = (float(status.split(word)[1][:5]) for word in ("ten thresholds ", "pycocotools "))
    assert ours == theirs
    assert 0.3 < ours < 0.9, "a number that could be wrong"
    assert seen[0].shape == (20, 17, 2)


def test_figure_remembers_one_reference_for_each_number_of_passed_thresholds():
    figure = oks_figure()
    for x in np.linspace(150, 340, 8):
        for y in np.linspace(40, 330, 6):
            figure.set(left_eye=(x, y), left_wrist=(x, y), left_hip=(x, y))
            ours, theirs = (
                float(figure.frame.status.split(w)[1][:5]) for w in ("ten thresholds ", "pycocotools ")
            )
            assert ours == theirs, (x, y)


def test_swapped_names_keep_the_box_and_lose_the_oks():
    status = oks_frame(DATA, moved=EXACT, swapped=True).status
    value = float(status.split("OKS ")[1][:4])
    expected = oks(DATA.truth_px[None, list(COCO.flip_permutation)], DATA.truth_px[None], areas=[DATA.area])[
        0
    ]
    assert value == pytest.approx(expected, abs=0.006)
    assert value < 0.3
    assert "IoU 1.00" in status


# --- what can be moved


def test_every_handle_and_control_changes_frame_and_status():
    figure = oks_figure()
    for change in (
        {"left_eye": (200.0, 60.0)}, {"left_wrist": (200.0, 60.0)}, {"left_hip": (200.0, 60.0)},
        {"threshold": (0.0, 0.55)}, {"swapped": True},
    ):  # fmt: skip
        status, picture = figure.frame.status, figure.snapshot()
        figure.set(**change)
        assert figure.frame.status != status, change
        assert figure.snapshot() != picture, change


def test_threshold_snaps_to_cocos_ten():
    assert "hit at 0.55" in oks_frame(DATA, moved=EXACT, threshold=0.561).status
    assert len(OKS_THRESHOLDS) == 10


def test_png_with_nothing_found():
    frame = oks_frame(DATA, moved=EXACT, similarity=lambda distance, area, sigma: np.zeros_like(distance))
    assert "AP at 0.50: 0.000" in frame.status
    assert frame_png(frame)[:8] == b"\x89PNG\r\n\x1a\n"


def test_starts_with_three_joints_off_by_the_same_distance():
    assert [round(float(np.hypot(*offset)), 6) for offset in OFFSETS_PX.values()] == [12, 12, 12]
    assert oks_figure().frame.status.count("12.0 px") == 3


# --- a student's own function


def test_own_similarity_is_what_the_figure_shows():
    def hard(distance, area, sigma):
        return (distance <= 10).astype(float)

    frame = oks_frame(DATA, moved={n: DATA.pred_px[0, COCO.index(n)] for n in MOVED}, similarity=hard)
    assert f"OKS {14 / 17:.2f}" in frame.status


@pytest.mark.parametrize(
    "similarity",
    [lambda d, a, s: 0.5, lambda d, a, s: d, lambda d, a, s: np.full_like(d, np.nan)],
    ids=["one number", "too large", "NaN"],
)
def test_own_similarity_that_is_none_gets_a_sentence(similarity):
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        oks_frame(DATA, moved=EXACT | {"left_eye": (0.0, 0.0)}, similarity=similarity)
