"""PCK by the rules of LSP, MPII and JHMDB, and what mmpose does differently."""

import numpy as np
import pytest

from cpm_edu.metrics import (
    box_sizes,
    head_sizes_mpii,
    mmpose_auc,
    mmpose_heatmap_pck,
    mmpose_jhmdb_metrics,
    mmpose_lengths_after_call,
    mmpose_mpii_metrics,
    mmpose_nme,
    mmpose_pck,
    pck,
    pck_jhmdb,
    pck_lsp,
    pckh_mpii,
    torso_sizes,
    tpck_jhmdb,
)
from cpm_edu.metrics.benchmarks import JHMDB_GROUPS, MPII_GROUPS, MPII_SCORED
from cpm_edu.skeletons import JHMDB, LSP, MPII

# --- a number by hand


def test_lsp_by_hand():
    gt = np.zeros((1, 14, 2))
    gt[0, LSP.index("left_shoulder")] = [30.0, 0.0]
    gt[0, LSP.index("right_hip")] = [0.0, 40.0]  # torso 50, limit 10
    pred = gt.copy()
    pred[0, 0, 0] += 10.0
    pred[0, 1, 0] += 10.001
    result = pck_lsp(pred, gt)
    assert torso_sizes(gt, LSP).tolist() == [50.0]
    assert result.correct.tolist() == [1, 0] + [1] * 12
    assert result.mean == pytest.approx(13 / 14)


def test_mpii_by_hand():
    """Pelvis and thorax are wrong and must not matter; the right wrist is wrong in one of two people."""
    gt = np.zeros((2, 16, 2))
    pred = gt.copy()
    pred[:, [6, 7]] = 1000
    pred[0, MPII.index("right_wrist")] = [7.0, 0]
    mask = np.ones((2, 16), dtype=bool)
    mask[1, MPII.index("left_wrist")] = False
    heads = head_sizes_mpii([[[0, 0], [6, 8]], [[1, 1], [7, 9]]])
    assert heads.tolist() == [6.0, 6.0]
    result = pckh_mpii(pred, gt, mask, head_sizes=heads)
    assert result.mean == pytest.approx(26 / 27)
    assert result.group_fractions["Wrist"] == pytest.approx((0.5 + 1) / 2)
    assert result.group_fractions["Head"] == 1.0


def test_groups_are_those_of_the_published_tables():
    assert {name: sorted(g) for name, g in MPII_GROUPS.items()} == {
        "Head": [9], "Shoulder": [12, 13], "Elbow": [11, 14], "Wrist": [10, 15], "Hip": [2, 3],
        "Knee": [1, 4], "Ankle": [0, 5],
    }  # fmt: skip
    assert {name: sorted(g) for name, g in JHMDB_GROUPS.items()} == {
        "Head": [2], "Sho": [3, 4], "Elb": [7, 8], "Wri": [11, 12], "Hip": [5, 6], "Knee": [9, 10],
        "Ank": [13, 14],
    }  # fmt: skip
    assert MPII_SCORED.tolist() == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]


def test_jhmdb_by_hand():
    gt = np.zeros((1, 15, 2))
    gt[0, JHMDB.index("left_shoulder")] = [0, 50]  # torso 50 to the right hip at (0, 0)
    pred = gt.copy()
    pred[0, JHMDB.index("neck")] = [15, 0]  # within 0.2 * 100 of the box, not within 0.2 * 50 of the torso
    mask = np.ones((1, 15))
    by_box = pck_jhmdb(pred, gt, mask, boxes_xyxy=[[10, 10, 60, 110]])
    by_torso = tpck_jhmdb(pred, gt, mask)
    assert box_sizes([[10, 10, 60, 110]]).tolist() == [100]
    assert (by_box.mean, by_torso.mean) == (1.0, pytest.approx(14 / 15))
    assert set(by_torso.group_fractions.values()) == {1.0}, "the neck is in the mean, in no group"


# --- mmpose's rules differ only where they say so


def test_mmpose_leaves_zero_lengths_out_once_and_then_counts_them():
    gt = np.zeros((2, 1, 2))
    pred = gt + np.array([100.0, 0.0])
    lengths = np.array([[10.0, 10.0], [0.0, 0.0]])
    first = mmpose_pck(pred, gt, lengths=lengths, threshold=0.5)
    second = mmpose_pck(pred, gt, lengths=mmpose_lengths_after_call(lengths), threshold=0.5)
    assert (first.counts.tolist(), first.mean) == ([1], 0.0)
    assert (second.counts.tolist(), second.mean) == ([2], 0.5)
    assert lengths[1, 0] == 0, "the caller's array stays as it was"
    with pytest.raises(ValueError, match="instance 1"):
        pck(pred, gt, normalizer=lengths, threshold=0.5, comparison="<")


def test_mmpose_negative_length_makes_everything_correct():
    gt = np.zeros((1, 1, 2))
    assert mmpose_pck(gt + 500, gt, lengths=-1.0, threshold=0.01).mean == 1.0
    assert mmpose_nme(gt + np.array([3, 4]), gt, lengths=-1.0) == pytest.approx(5e-6)


def test_mmpose_comparison_is_strict_and_in_float32():
    gt, pred = np.zeros((1, 1, 2)), np.array([[[5.0, 0.0]]])
    assert mmpose_pck(pred, gt, lengths=10, threshold=0.5).mean == 0.0
    just_below = np.array([[[5.0 * (1 - 1e-12), 0.0]]])  # rounds up to the limit in float32
    assert mmpose_pck(just_below, gt, lengths=10, threshold=0.5).mean == 0.0
    assert pck(just_below, gt, normalizer=10, threshold=0.5, comparison="<").mean == 1.0


def test_mmpose_heatmap_pck_swaps_width_and_height():
    """Peaks 2 cells apart along x on a map 4 wide and 100 high: 2/100 passes 0.05, 2/4 would not."""
    output, target = np.zeros((1, 2, 100, 4)), np.zeros((1, 2, 100, 4))
    target[0, :, 50, 1] = 1
    output[0, 0, 50, 3] = 1
    output[0, 1, 51, 1] = 1  # 1/4 along y does not pass, though 1/100 would
    assert mmpose_heatmap_pck(output, target).correct.tolist() == [1, 0]


def test_mmpose_heatmap_pck_of_a_blank_map():
    target = np.zeros((1, 1, 8, 8))
    target[0, 0, 0, 0] = 1
    assert mmpose_heatmap_pck(np.zeros_like(target), target, threshold=0.15).mean == 0.0, "peak at (-1, -1)"
    assert mmpose_heatmap_pck(np.zeros_like(target), target, threshold=0.2).mean == 1.0, "sqrt(2)/8 = 0.18"


def test_mmpose_adds_one_pixel_on_mpii():
    gt = np.zeros((1, 16, 2)) + 50
    ones = np.ones((1, 16))
    exact = mmpose_mpii_metrics(gt - 1, gt, ones, [[2.0]])
    assert exact["PCK"] == exact["PCK@0.1"] == pytest.approx(100)
    assert mmpose_mpii_metrics(gt, gt, ones, [[2.0]])["PCK"] == 0.0


def test_mmpose_borrows_the_predicted_torso_on_jhmdb():
    gt = np.zeros((1, 15, 2))
    pred = gt.copy()
    pred[0, 4] = [100.0, 0.0]  # the predicted torso is 100: all but this joint lie within 20
    ours = mmpose_jhmdb_metrics(pred, gt, np.ones((1, 15)), [[0, 0, 10, 10]])
    assert ours["tPCK"] == pytest.approx(14 / 15)
    with pytest.raises(ValueError, match="positive"):
        tpck_jhmdb(pred, gt, np.ones((1, 15)))


# --- published numbers


def released_predictions(data_dir, name):
    from conftest import skip_or_fail
    from scipy.io import loadmat

    folder = data_dir / "metric_checks" / "lsp_cpm"
    if not folder.is_dir():
        skip_or_fail("realdata", f"there are no released predictions in {folder}")
    pred = loadmat(folder / f"LSP_prediction_model_{name}_6s.mat")["prediction_all"].transpose(2, 0, 1)
    gt = loadmat(folder / "lsp_small_joints.mat")["joints"][:2, :, 1000:].transpose(2, 1, 0)
    return pred, gt


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "percent"), [("LSP", 84.32), ("MPII_LSP", 90.50)])
def test_released_predictions_give_the_published_pck(data_dir, name, percent):
    pred, gt = released_predictions(data_dir, name)
    result = pck_lsp(pred, gt)
    assert result.counts.tolist() == [1000] * 14
    assert round(100 * result.mean, 2) == percent
    assert f"{percent:.2f}" in str(result.table())
    swapped = pred[:, list(LSP.flip_permutation)]
    assert pck_lsp(swapped, gt).mean < 0.5, "person-centric: left and right must matter"


# --- edges


def test_a_group_without_labels_is_missing_not_wrong():
    gt = np.zeros((1, 16, 2))
    mask = np.ones((1, 16))
    mask[0, [10, 15]] = 0
    result = pckh_mpii(gt, gt, mask, head_sizes=[10])
    assert np.isnan(result.group_fractions["Wrist"])
    assert result.group_fractions["Elbow"] == 1.0
    assert "–" in str(result.group_table())


# --- errors


def test_bad_input_of_the_benchmarks():
    points = np.zeros((2, 14, 2))
    with pytest.raises(ValueError, match="skeleton 'mpii' has 16"):
        pckh_mpii(points, points, None, head_sizes=1.0)
    with pytest.raises(ValueError, match="skeleton 'jhmdb' has 15"):
        tpck_jhmdb(points, points, None)
    with pytest.raises(ValueError, match="skeleton 'lsp' has 14"):
        pck_lsp(points[:, :3], points[:, :3])
    with pytest.raises(ValueError, match="positive"):
        pck_lsp(points, points)
    with pytest.raises(ValueError, match="boxes_xyxy must be"):
        box_sizes([1, 2, 3, 4])
    with pytest.raises(ValueError, match="head_boxes must be"):
        head_sizes_mpii(np.zeros((2, 3)))


def test_bad_input_of_mmpose_rules():
    points = np.zeros((2, 14, 2))
    with pytest.raises(ValueError, match="num_thresholds"):
        mmpose_auc(points, points, num_thresholds=0)
    with pytest.raises(ValueError, match="lengths hold NaN"):
        mmpose_pck(points, points, lengths=float("nan"), threshold=0.2)
    with pytest.raises(ValueError, match="lengths must be"):
        mmpose_pck(points, points, lengths=np.ones((2, 3)), threshold=0.2)
    with pytest.raises(ValueError, match="output and target"):
        mmpose_heatmap_pck(np.zeros((1, 2, 4, 4)), np.zeros((1, 2, 4, 5)))
    with pytest.raises(ValueError, match="NaN"):
        mmpose_heatmap_pck(np.full((1, 1, 4, 4), np.nan), np.zeros((1, 1, 4, 4)))
