"""PCK with any length, its curve, AUC, EPE and NME; what every metric accepts."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu.metrics import (
    auc,
    epe,
    mmpose_auc,
    mmpose_epe,
    mmpose_mpii_metrics,
    mmpose_pck,
    nme,
    normalized_distances,
    pck,
    pck_curve,
    pckh_mpii,
    tpck_jhmdb,
)
from cpm_edu.skeletons import COCO, LSP


def people(count, joints, seed=0):
    """Predictions, ground truth, mask and lengths of `count` people, errors from none to two lengths."""
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 300, (count, joints, 2))
    lengths = rng.uniform(20, 60, count)
    offsets = rng.normal(0, 0.3, (count, joints, 2)) * lengths[:, None, None]
    return gt + offsets, gt, rng.random((count, joints)) < 0.8, lengths


# --- a number by hand


def three_joints():
    """Errors 0, 2 (along the 3-4-5 triangle's 1.2, 1.6) and 3 for a length of 10."""
    gt = np.array([[[10.0, 10.0], [20.0, 20.0], [30.0, 30.0]]])
    return gt + np.array([[[0.0, 0.0], [1.2, -1.6], [0.0, 3.0]]]), gt


def test_an_error_equal_to_the_limit_is_what_the_comparison_decides():
    pred, gt = three_joints()
    pred[0, 1] = gt[0, 1] + [2.0, 0.0]
    at_most = pck(pred, gt, normalizer=10, threshold=0.2, comparison="<=")
    below = pck(pred, gt, normalizer=10, threshold=0.2, comparison="<")
    assert at_most.correct.tolist() == [1, 1, 0]
    assert below.correct.tolist() == [1, 0, 0]
    assert (at_most.mean, below.mean) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


@pytest.mark.parametrize("length", [3, 5, 15, 30, 35, 95])
def test_exact_ratios_stay_exact(length):
    gt = np.zeros((1, 1, 2))
    pred = np.array([[[length / 5, 0.0]]]) if length % 5 == 0 else np.array([[[length / 4, 0.0]]])
    ratio = 0.2 if length % 5 == 0 else 0.25
    assert pck(pred, gt, normalizer=length, threshold=ratio, comparison="<=").mean == 1.0
    assert pck(pred, gt, normalizer=length, threshold=ratio, comparison="<").mean == 0.0


def test_epe_and_nme_by_hand():
    pred, gt = three_joints()
    assert epe(pred, gt) == pytest.approx(5 / 3)
    assert nme(pred, gt, normalizer=10) == pytest.approx(5 / 30)
    assert epe(pred, gt, [[True, True, False]]) == pytest.approx(1.0)


def test_normalizer_of_two_columns_divides_x_and_y_apart():
    pred, gt = np.array([[[6.0, 8.0]]]), np.zeros((1, 1, 2))
    assert normalized_distances(pred, gt, normalizer=[[2.0, 2.0]]).item() == 5.0
    assert normalized_distances(pred, gt, normalizer=[[2.0, 4.0]]).item() == pytest.approx(np.hypot(3, 2))


def test_average_over_points_and_over_joints():
    # Joint 0: 3 of 3 correct. Joint 1: 0 of 1. Over points 3/4, over joints 1/2.
    gt = np.zeros((3, 2, 2))
    pred = gt.copy()
    pred[0, 1] = 100
    mask = np.array([[1, 1], [1, 0], [1, 0]])
    arguments = {"normalizer": 10, "threshold": 0.5, "comparison": "<="}
    assert pck(pred, gt, mask, **arguments).mean == 0.75
    assert pck(pred, gt, mask, **arguments, average="joints").mean == 0.5


def test_auc_by_hand():
    # The curve is 0 at 0 and 1 from 0.5 on: (0 + 1)/2 * 0.5 + 1 * 0.5.
    pred, gt = np.array([[[0.25, 0.0]]]), np.zeros((1, 1, 2))
    assert auc(pred, gt, normalizer=1, thresholds=[0, 0.5, 1]) == pytest.approx(0.75)
    assert auc(gt, gt, normalizer=1) == 1.0, "a perfect prediction fills the area under `<=`"
    assert mmpose_auc(gt, gt) == pytest.approx(0.95), "mmpose's tops out at 1 - 1/n"
    curve = pck_curve(pred, gt, normalizer=1, thresholds=[0, 0.5, 1], comparison="<=")
    assert curve.tolist() == [0, 1, 1]


# --- agreement with a loop


@pytest.mark.parametrize(("count", "joints"), [(1, 1), (17, 33), (46, 16)])
@pytest.mark.parametrize("comparison", ["<", "<="])
def test_pck_agrees_with_a_loop(count, joints, comparison):
    pred, gt, mask, lengths = people(count, joints, seed=count)
    if count == 1:
        mask[:] = True
    right, total = np.zeros(joints, int), np.zeros(joints, int)
    for n in range(count):
        for j in range(joints):
            if mask[n, j]:
                error = ((pred[n, j, 0] - gt[n, j, 0]) ** 2 + (pred[n, j, 1] - gt[n, j, 1]) ** 2) ** 0.5
                total[j] += 1
                right[j] += error < 0.3 * lengths[n] if comparison == "<" else error <= 0.3 * lengths[n]
    result = pck(pred, gt, mask, normalizer=lengths, threshold=0.3, comparison=comparison)
    assert result.correct.tolist() == right.tolist()
    assert result.counts.tolist() == total.tolist()
    assert result.mean == pytest.approx(right.sum() / total.sum())


@pytest.mark.parametrize("kind", ["float32 tensor", "float64 tensor", "list", "strided array", "grad tensor"])
def test_every_kind_of_input_gives_the_same(kind):
    pred, gt, mask, lengths = people(9, 5)
    expected = pck(pred, gt, mask, normalizer=lengths, threshold=0.3, comparison="<=").correct
    convert = {
        "float32 tensor": lambda a: torch.tensor(a).float() if a.dtype != bool else torch.tensor(a),
        "float64 tensor": torch.tensor,
        "list": lambda a: a.tolist(),
        "strided array": lambda a: np.repeat(a, 2, axis=0)[::2],
        "grad tensor": lambda a: torch.tensor(a, requires_grad=a.dtype != bool),
    }[kind]
    given_ = [convert(a) for a in (pred, gt, mask)]
    result = pck(*given_, normalizer=convert(lengths), threshold=0.3, comparison="<=")
    assert result.correct.tolist() == expected.tolist()


def test_bfloat16_and_integer_points_are_taken():
    gt = torch.tensor([[[4, 8], [16, 32]]])
    assert epe(gt.bfloat16(), gt) == 0.0


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    zoom=st.sampled_from([0.25, 2.0, 8.0]),
    shift=st.sampled_from([-64.0, 0.0, 512.0]),
)
def test_pck_does_not_depend_on_unit_origin_or_order(seed, zoom, shift):
    pred, gt, mask, lengths = people(6, 4, seed)
    arguments = {"threshold": 0.3, "comparison": "<="}
    result = pck(pred, gt, mask, normalizer=lengths, **arguments)
    moved = pck(pred * zoom + shift, gt * zoom + shift, mask, normalizer=lengths * zoom, **arguments)
    assert moved.correct.tolist() == result.correct.tolist()
    order = np.random.default_rng(seed).permutation(4)
    permuted = pck(pred[:, order], gt[:, order], mask[:, order], normalizer=lengths, **arguments)
    assert permuted.correct.tolist() == result.correct[order].tolist()
    assert permuted.mean == result.mean


def test_the_curve_never_falls():
    pred, gt, mask, lengths = people(20, 7)
    curve = pck_curve(
        pred, gt, mask, normalizer=lengths, thresholds=np.linspace(0, 2, 41), comparison="<", average="joints"
    )
    assert curve[0] == 0
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] > 0.9


# --- edges


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_to_count_is_nan_not_zero(count):
    pred = np.full((count, 4, 2), np.nan)
    mask = np.zeros((count, 4))
    result = pck(pred, pred, mask, normalizer=np.zeros(count), threshold=0.2, comparison="<=")
    assert np.isnan(result.mean)
    assert np.isnan(result.fractions).all()
    assert result.counts.tolist() == [0] * 4
    assert str(result.table()).count("–") == 4 + 3, "four fractions and the last line"
    assert np.isnan(
        [epe(pred, pred, mask), nme(pred, pred, mask, normalizer=1), auc(pred, pred, mask, normalizer=1)]
    ).all()
    assert mmpose_pck(pred, pred, mask, lengths=np.zeros(count), threshold=0.2).mean == 0.0
    assert mmpose_epe(pred, pred, mask) == 0.0


@pytest.mark.filterwarnings("error")
def test_masked_joints_may_hold_anything():
    pred, gt, mask, lengths = people(8, 5)
    arguments = {"normalizer": lengths, "threshold": 0.3, "comparison": "<="}
    expected = pck(pred, gt, mask, **arguments)
    pred[~mask], gt[~mask] = np.inf, np.inf
    gt[0][~mask[0]] = np.nan
    assert pck(pred, gt, mask, **arguments).correct.tolist() == expected.correct.tolist()


def test_a_length_of_zero_is_fine_where_nothing_counts():
    pred, gt, mask, lengths = people(4, 3)
    mask[2], lengths[2] = False, 0
    assert pck(pred, gt, mask, normalizer=lengths, threshold=0.3, comparison="<=").counts.sum() == mask.sum()


def test_one_missing_joint_leaves_the_others():
    pred, gt, _, _ = people(4, 3)
    mask = np.ones((4, 3))
    mask[:, 1] = 0
    result = pck(pred, gt, mask, normalizer=1e9, threshold=0.5, comparison="<", average="joints")
    assert result.mean == 1.0
    np.testing.assert_array_equal(result.fractions, [1, np.nan, 1])


def test_inputs_are_not_changed():
    pred, gt, mask, lengths = people(5, 16)
    pred[~mask] = np.nan
    before = [a.copy() for a in (pred, gt, mask, lengths)]
    pckh_mpii(pred, gt, mask, head_sizes=lengths)
    mmpose_mpii_metrics(pred, gt, mask, lengths)
    for now, then in zip((pred, gt, mask, lengths), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_tables():
    pred, gt = three_joints()
    table = pck(pred, gt, normalizer=10, threshold=0.25, comparison="<=").table()
    assert table.columns == ("joint", "correct", "counted", "PCK")
    assert table.column("PCK") == pytest.approx([100, 100, 0, 200 / 3])
    named = pck(
        np.zeros((1, 17, 2)), np.zeros((1, 17, 2)), normalizer=1, threshold=1, comparison="<", skeleton=COCO
    )
    assert named.table().column("joint") == [*COCO.joints, "mean"]
    groups = tpck_jhmdb(people(3, 15)[0], people(3, 15)[1], None).group_table()
    assert groups.columns == ("Head", "Sho", "Elb", "Wri", "Hip", "Knee", "Ank", "mean")


# --- errors


def call(pred=None, gt=None, mask=None, **changes):
    good = np.zeros((3, 4, 2))
    arguments = {"normalizer": 1.0, "threshold": 0.2, "comparison": "<="} | changes
    return pck(good if pred is None else pred, good if gt is None else gt, mask, **arguments)


def with_value(value, n=1, j=2):
    points = np.zeros((3, 4, 2))
    points[n, j, 0] = value
    return points


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pred": np.zeros((3, 4))}, r"pred must be \(N, J, 2\)"),
        ({"pred": np.zeros((3, 4, 3))}, r"pred must be \(N, J, 2\)"),
        ({"pred": np.zeros((3, 0, 2)), "gt": np.zeros((3, 0, 2))}, "J >= 1"),
        ({"gt": np.zeros((3, 5, 2))}, r"pred is \(3, 4, 2\), gt is \(3, 5, 2\)"),
        ({"gt": np.zeros((1, 4, 2))}, "one shape"),
        ({"pred": [[[1, 2], [3]]]}, "regular array"),
        ({"pred": "joints"}, "regular array"),
        ({"mask": np.ones((4, 3))}, r"mask must be \(N, J\)"),
        ({"mask": np.full((3, 4), np.nan)}, "mask holds NaN"),
        ({"pred": with_value(np.nan)}, "pred holds 1 joints .* instance 1, joint 2"),
        ({"gt": with_value(np.inf)}, "gt holds 1 joints .* instance 1, joint 2"),
        ({"normalizer": 0.0}, "normalizer must be positive .* 3 instances"),
        ({"normalizer": [1.0, -2.0, 1.0]}, "instance 1 with"),
        ({"normalizer": [1.0, 1.0, np.nan]}, "instance 2 with"),
        ({"normalizer": np.ones((3, 4))}, "normalizer must be a number"),
        ({"normalizer": np.ones(2)}, "normalizer must be a number"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": [0.1, 0.2]}, "threshold"),
        ({"comparison": ">"}, "comparison"),
        ({"average": "people"}, "average"),
        ({"skeleton": LSP}, "4 joints given, but skeleton 'lsp' has 14"),
    ],
)
def test_bad_input_gets_a_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        call(**arguments)


def test_comparison_has_no_default():
    with pytest.raises(TypeError, match="comparison"):
        pck(np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), normalizer=1, threshold=0.2)


def test_bad_input_of_the_curves():
    points = np.zeros((2, 14, 2))
    with pytest.raises(ValueError, match="two or more rising"):
        auc(points, points, normalizer=1, thresholds=[0.5, 0.1])
    with pytest.raises(ValueError, match="average"):
        pck_curve(points, points, normalizer=1, thresholds=[0.1], comparison="<", average="x")
    with pytest.raises(ValueError, match="no groups"):
        call().group_table()


def test_metrics_work_without_fcntl_sigalrm_and_matplotlib():
    program = """
import signal, sys
sys.modules["fcntl"] = sys.modules["matplotlib"] = None
for name in ("SIGALRM", "alarm", "setitimer"):
    if hasattr(signal, name):
        delattr(signal, name)
from cpm_edu.metrics import coco_ap, coco_results, pck, PoseInstance
joints = [[float(j), 2.0 * j] for j in range(17)]
print(pck([joints], [joints], normalizer=1, threshold=0.1, comparison="<=").table())
truth = {"images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}], "annotations": [
    {"id": 1, "image_id": 1, "category_id": 1, "area": 2000.0, "bbox": [0, 0, 20, 40], "iscrowd": 0,
     "keypoints": [v for x, y in joints for v in (x, y, 2)]}]}
person = PoseInstance(image_id=1, joints=joints, scores=[1.0] * 17, area=2000.0)
assert abs(coco_ap(truth, coco_results([person]))["AP"] - 1) < 1e-9
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "100.00" in done.stdout
