"""OKS, and suppression of people by it."""

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval
from test_metrics_coco import annotation, person

from cpm_edu.metrics import oks, oks_matrix, oks_nms, soft_oks_nms
from cpm_edu.skeletons import COCO

# --- a number by hand


def test_oks_by_hand():
    """d^2 = 2 s^2 (2 sigma)^2 makes a joint score 1/e; the other, labelled and exact, scores 1."""
    gt = np.zeros((1, 3, 2))
    pred = gt.copy()
    pred[0, 0, 0] = (2 * 50.0 * (2 * 0.1) ** 2) ** 0.5
    pred[0, 2] = 1000  # not labelled
    value = oks(pred, gt, [[2, 1, 0]], areas=[50.0], sigmas=[0.1, 0.2, 0.3])
    assert value.tolist() == pytest.approx([(np.exp(-1) + 1) / 2])


def test_oks_matrix_takes_the_mean_area():
    joints = np.zeros((2, 1, 2))
    joints[1, 0, 0] = 4.0
    matrix = oks_matrix(joints, [10.0, 30.0], sigmas=[0.5])
    assert matrix.tolist() == [
        [1.0, pytest.approx(np.exp(-16 / 2 / 20))],
        [pytest.approx(np.exp(-16 / 2 / 20)), 1.0],
    ]


def three_in_a_row():
    """People 0, 1, 2 on a line: 0-1 and 1-2 are alike (OKS e^-0.5), 0-2 are not (e^-2)."""
    return np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[2.0, 0.0]]]), np.ones(3), {"sigmas": [0.5]}


def test_hard_suppression_by_hand():
    joints, areas, sigmas = three_in_a_row()
    assert oks_nms(joints, areas, [0.9, 0.8, 0.7], threshold=0.5, **sigmas).tolist() == [0, 2]
    assert oks_nms(joints, areas, [0.8, 0.9, 0.7], threshold=0.5, **sigmas).tolist() == [1]
    limit = float(oks_matrix(joints, areas, **sigmas)[0, 1])
    assert len(oks_nms(joints, areas, [3, 2, 1], threshold=limit, **sigmas)) == 3, "equal to the limit stays"


def test_soft_suppression_by_hand():
    joints, areas, sigmas = three_in_a_row()
    # After 0: 1 falls to 0.8 exp(-e^-1 / 0.5) = 0.38, 2 to 0.7 exp(-e^-4 / 0.5) = 0.67, so 2 goes first.
    assert soft_oks_nms(joints, areas, [0.9, 0.8, 0.7], threshold=0.5, **sigmas).tolist() == [0, 2, 1]
    # 2 starts at 0.35 and falls to 0.34, below 0.38. With OKS in place of its square 0.27 would beat 0.24.
    assert soft_oks_nms(joints, areas, [0.9, 0.8, 0.35], threshold=0.5, **sigmas).tolist() == [0, 1, 2]
    assert soft_oks_nms(joints, areas, [0.9, 0.8, 0.7], threshold=100, **sigmas).tolist() == [0, 1, 2]
    assert soft_oks_nms(joints, areas, [0.9, 0.8, 0.7], max_kept=2, **sigmas).tolist() == [0, 2]


# --- agreement with pycocotools


def test_oks_agrees_with_pycocotools():
    rng = np.random.default_rng(5)
    gt = np.stack([person(seed) for seed in range(6)])
    pred = gt + rng.normal(0, 6, gt.shape)
    visible = rng.integers(0, 3, (6, 17))
    visible[:, 0] = 2
    truth = [annotation(n + 1, gt[n], visible=visible[n]) for n in range(6)]
    ours = oks(pred, gt, visible, areas=[a["area"] for a in truth])
    evaluation = COCOeval(iouType="keypoints")
    for n in range(6):
        evaluation._gts[1, 1] = [truth[n]]
        evaluation._dts[1, 1] = [annotation(1, pred[n], score=1.0)]
        assert ours[n] == pytest.approx(evaluation.computeOks(1, 1).item(), rel=1e-9)


def test_oks_matrix_diagonal_and_symmetry():
    joints = np.stack([person(seed) for seed in range(46)])
    matrix = oks_matrix(joints[:, ::1], np.linspace(1e3, 1e4, 46))
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    strided = np.repeat(joints, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(oks_matrix(strided, np.linspace(1e3, 1e4, 46)), matrix)


# --- edges


def test_empty_and_single_sets():
    assert oks_matrix(np.zeros((0, 17, 2)), np.zeros(0)).shape == (0, 0)
    assert oks_nms(np.zeros((0, 17, 2)), [], []).tolist() == []
    assert soft_oks_nms(np.zeros((0, 17, 2)), [], []).tolist() == []
    assert oks_nms(person(1)[None], [1.0], [0.0]).tolist() == [0]
    assert np.isnan(oks(person(1)[None], person(1)[None], np.zeros((1, 17)), areas=[0.0])).all()


def test_equal_scores_keep_the_lower_index():
    joints = np.stack([person(1)] * 3)
    assert oks_nms(joints, np.ones(3), [0.5] * 3).tolist() == [0]
    assert soft_oks_nms(joints, np.ones(3), [0.5] * 3).tolist() == [0, 1, 2]


# --- errors


def test_bad_input_of_oks():
    joints = person(1)[None]
    with pytest.raises(ValueError, match="areas must be positive"):
        oks(joints, joints, areas=[0.0])
    with pytest.raises(ValueError, match=r"areas must be \(N,\)"):
        oks(joints, joints, areas=5.0)
    with pytest.raises(ValueError, match="17 positive numbers"):
        oks(joints, joints, areas=[1.0], sigmas=COCO.oks_sigmas[:5])
    with pytest.raises(ValueError, match="pred holds 17 joints"):
        oks_matrix(joints * np.nan, [1.0])
    with pytest.raises(ValueError, match="scores must be"):
        oks_nms(joints, [1.0], [0.1, 0.2])
    with pytest.raises(ValueError, match="threshold must be positive"):
        soft_oks_nms(joints, [1.0], [0.1], threshold=0)
