"""Metrics against numbers that mmpose 1.x (759b39c) computed; 1e-6 relative and absolute."""

import json
import re

import numpy as np
import pytest

from cpm_edu.metrics import (
    COCO_STATS,
    PoseInstance,
    coco_ap,
    coco_results,
    epe,
    mmpose_auc,
    mmpose_epe,
    mmpose_heatmap_pck,
    mmpose_jhmdb_metrics,
    mmpose_lengths_after_call,
    mmpose_mpii_metrics,
    mmpose_nme,
    mmpose_pck,
    nme,
    oks_matrix,
    oks_nms,
    pck,
    pck_jhmdb,
    pckh_mpii,
    torso_sizes,
    tpck_jhmdb,
)
from cpm_edu.skeletons import JHMDB

CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def assert_same_pck(result, acc, avg, cnt=None):
    np.testing.assert_allclose(np.nan_to_num(result.fractions, nan=-1.0), acc, **CLOSE)
    assert result.mean == pytest.approx(float(avg), rel=1e-6, abs=1e-6)
    if cnt is not None:
        assert (result.counts > 0).sum() == cnt


@pytest.mark.golden("metrics_pck_*.npz")
def test_pck_auc_epe_nme(golden_file):
    golden = np.load(golden_file)
    pred, gt, mask, lengths = (golden[name] for name in ("pred", "gt", "mask", "norm_factor"))
    untouched = lengths.copy()
    compared = {"pred", "gt", "mask", "norm_factor"}

    def take(name):
        compared.add(name)
        return golden[name]

    thresholds = [match[1] for name in golden if (match := re.fullmatch(r"pck_([\d.]+)_acc", name))]
    assert thresholds
    for text in thresholds:
        result = mmpose_pck(pred, gt, mask, lengths=lengths, threshold=float(text))
        assert_same_pck(result, *(take(f"pck_{text}_{part}") for part in ("acc", "avg", "cnt")))
        # The plain rule agrees once the instances that mmpose treats specially are taken out.
        sound = (lengths > 0).all(1)
        plain = pck(
            pred[sound], gt[sound], mask[sound],
            normalizer=lengths[sound], threshold=float(text), comparison="<", average="joints",
        )  # fmt: skip
        theirs = mmpose_pck(
            pred[sound], gt[sound], mask[sound], lengths=lengths[sound], threshold=float(text)
        )
        assert plain.correct.tolist() == theirs.correct.tolist()
        assert np.nan_to_num(plain.mean) == pytest.approx(theirs.mean, abs=1e-12)

    after = mmpose_lengths_after_call(lengths)
    np.testing.assert_allclose(after, take("norm_factor_after_call"), **CLOSE)
    for name in [name for name in golden if name.endswith("_secondcall_acc")]:
        start = name.removesuffix("_acc")
        second = mmpose_pck(pred, gt, mask, lengths=after, threshold=float(name.split("_")[1]))
        assert_same_pck(second, take(name), take(f"{start}_avg"))

    for name in [name for name in golden if name.startswith("auc_")]:
        norm, number = re.fullmatch(r"auc_norm([\d.]+)_thrs(\d+)", name).groups()
        ours = mmpose_auc(pred, gt, mask, length_px=float(norm), num_thresholds=int(number))
        assert ours == pytest.approx(float(take(name)), rel=1e-6, abs=1e-6)
    assert mmpose_epe(pred, gt, mask) == pytest.approx(float(take("epe")), rel=1e-6)
    assert epe(pred, gt, mask) == pytest.approx(float(golden["epe"]), rel=1e-6)
    assert mmpose_nme(pred, gt, mask, lengths=lengths) == pytest.approx(float(take("nme")), rel=1e-6)

    nobody = np.zeros_like(mask)
    assert mmpose_pck(pred, gt, nobody, lengths=lengths, threshold=0.2).mean == float(take("allmasked_avg"))
    assert mmpose_epe(pred, gt, nobody) == float(take("allmasked_epe"))
    np.testing.assert_array_equal(lengths, untouched, err_msg="the caller's lengths were overwritten")
    assert compared == set(golden), f"not compared: {sorted(set(golden) - compared)}"


@pytest.mark.golden("metrics_pose_pck_heatmap*.npz")
def test_heatmap_pck(golden_file):
    golden = np.load(golden_file)
    result = mmpose_heatmap_pck(golden["output"], golden["target"], golden["mask"])
    assert_same_pck(result, golden["acc"], golden["avg"], golden["cnt"])


@pytest.mark.golden("metrics_mpii_pckh*.npz")
def test_mpii(golden_file):
    golden = np.load(golden_file)
    expected = json.loads(golden_file.with_suffix(".json").read_text())
    pred, gt, visible, heads = (golden[name] for name in ("pred", "gt", "visible", "head_size"))
    ours = mmpose_mpii_metrics(pred, gt, visible, heads)
    assert ours == pytest.approx(expected, rel=1e-6, abs=1e-6)
    if (heads <= 0).any():
        with pytest.raises(ValueError, match="positive"):
            pckh_mpii(pred + 1, gt, visible, head_sizes=heads)
        return
    plain = pckh_mpii(pred + 1, gt, visible, head_sizes=heads, comparison="<")
    for name, value in plain.group_fractions.items():
        assert 100 * value == pytest.approx(expected[f"{name} PCK"], rel=1e-6)
    assert 100 * plain.mean == pytest.approx(expected["PCK"], rel=1e-6)
    tenth = pckh_mpii(pred + 1, gt, visible, head_sizes=heads, comparison="<", threshold=0.1)
    assert 100 * tenth.mean == pytest.approx(expected["PCK@0.1"], rel=1e-6)


@pytest.mark.golden("metrics_jhmdb_pck*.npz")
def test_jhmdb(golden_file):
    golden = np.load(golden_file)
    expected = json.loads(golden_file.with_suffix(".json").read_text())
    data = [golden[name] for name in ("pred", "gt", "visible")]
    long_torso = torso_sizes(data[1], JHMDB) >= 1
    assert expected
    for key, numbers in expected.items():
        threshold = float(key.removeprefix("thr"))
        ours = mmpose_jhmdb_metrics(*data, golden["bboxes"], threshold=threshold)
        assert ours == pytest.approx(numbers, rel=1e-6, abs=1e-6)
        plain = pck_jhmdb(*data, boxes_xyxy=golden["bboxes"], threshold=threshold)
        assert plain.mean == pytest.approx(numbers["PCK"], rel=1e-6)
        for name, value in plain.group_fractions.items():
            assert value == pytest.approx(numbers[f"{name} PCK"], rel=1e-6)
        # By torso the plain rule agrees where mmpose does not borrow the predicted torso.
        part = [values[long_torso] for values in data]
        theirs = mmpose_jhmdb_metrics(*part, golden["bboxes"][long_torso], threshold=threshold)
        plain = tpck_jhmdb(*part, threshold=threshold)
        assert plain.mean == pytest.approx(theirs["tPCK"], rel=1e-6)
        for name, value in plain.group_fractions.items():
            assert value == pytest.approx(theirs[f"{name} tPCK"], rel=1e-6)


@pytest.mark.golden("metrics_jhmdb_pck*.npz")
def test_other_metrics_of_the_jhmdb_data(golden_file):
    golden = np.load(golden_file)
    expected = json.loads(
        golden_file.with_name(golden_file.stem.replace("_pck", "_other") + ".json").read_text()
    )
    pred, gt, visible, boxes = (golden[name] for name in ("pred", "gt", "visible", "bboxes"))
    box_lengths = (boxes[:, 2:] - boxes[:, :2]).max(1)
    assert expected
    for name, value in expected.items():
        if name == "NME_bbox":
            ours = [
                mmpose_nme(pred, gt, visible, lengths=box_lengths),
                nme(pred, gt, visible, normalizer=box_lengths),
            ]
        elif match := re.fullmatch(r"NME_kpt_(\d+)_(\d+)", name):
            first, second = map(int, match.groups())
            lengths = np.linalg.norm(gt[:, first] - gt[:, second], axis=-1)
            ours = [mmpose_nme(pred, gt, visible, lengths=lengths)]
        elif name == "EPE":
            ours = [mmpose_epe(pred, gt, visible), epe(pred, gt, visible)]
        elif match := re.fullmatch(r"AUC_([\d.]+)_(\d+)", name):
            ours = [mmpose_auc(pred, gt, visible, length_px=float(match[1]), num_thresholds=int(match[2]))]
        elif match := re.fullmatch(r"PCK_bbox_([\d.]+)", name):
            ours = [mmpose_pck(pred, gt, visible, lengths=box_lengths, threshold=float(match[1])).mean]
        else:
            pytest.fail(f"{golden_file.name}: the number {name} is not compared")
        assert ours == pytest.approx([value] * len(ours), rel=1e-6), name


@pytest.mark.golden("metrics_oks*.npz")
def test_oks_and_suppression(golden_file):
    golden = np.load(golden_file)
    joints, areas, scores, sigmas = (golden[name] for name in ("keypoints", "areas", "scores", "sigmas"))
    joints = joints[..., :2]
    np.testing.assert_allclose(oks_matrix(joints, areas, sigmas=sigmas), golden["oks_matrix"], **CLOSE)
    # Between exact copies of one person mmpose's sort is unstable: name a copy by its first index.
    rows = np.concatenate([golden["keypoints"].reshape(len(joints), -1), areas[:, None], scores[:, None]], 1)
    first = [int((rows == row).all(1).argmax()) for row in rows]
    kept = [name for name in golden if name.startswith("keep_thr")]
    assert kept
    for name in kept:
        digits = name.removeprefix("keep_thr")  # 09 is 0.9, 005 is 0.05
        ours = oks_nms(joints, areas, scores, threshold=float(f"{digits[0]}.{digits[1:]}"), sigmas=sigmas)
        assert [first[i] for i in ours] == [first[i] for i in golden[name]], name


def coco_files(ap_file):
    def beside(part):
        return ap_file.with_name(ap_file.name.replace("metrics_coco_ap", f"metrics_coco_{part}"))

    people = [
        PoseInstance(
            image_id=person["img_id"],
            joints=person["keypoints"][0],
            scores=person["keypoint_scores"][0],
            area=float(np.prod(person["bbox_scales"][0])),
            box_score=person["bbox_scores"][0],
            box_xyxy=person["bboxes"][0],
            id=person["id"],
        )
        for person in json.loads(beside("predictions").read_text())
    ]
    return json.loads(beside("gt").read_text()), people, beside


MODES = {
    "default": {},
    "nonms": {"nms": None},
    "bboxscore": {"score_rule": "box"},
    "keypointscore": {"score_rule": "keypoint"},
    "softnms": {"nms": "soft"},
}


def mode_arguments(mode):
    name, boxes = mode.rsplit("_", 2)[0], mode.endswith("_with_bbox")
    if match := re.fullmatch(r"(thr|nmsthr)(\d)(\d+)", name):  # thr05 is 0.5
        argument = {"thr": "score_threshold", "nmsthr": "nms_threshold"}[match[1]]
        return {argument: float(f"{match[2]}.{match[3]}"), "include_boxes": boxes}
    return {**MODES[name], "include_boxes": boxes}


@pytest.mark.golden("metrics_coco_ap*.json")
def test_coco_ap(golden_file):
    truth, people, _ = coco_files(golden_file)
    expected = json.loads(golden_file.read_text())
    assert expected
    for mode, numbers in expected.items():
        results = coco_results(people, **mode_arguments(mode))
        assert len(results) == numbers["num_results_after_nms"], mode
        ap = coco_ap(truth, results)
        ours = [np.nan_to_num(ap[name], nan=-1.0) for name in COCO_STATS]
        assert ours == pytest.approx(numbers["pycocotools_stats"], rel=1e-6, abs=1e-6), mode
        assert ours == pytest.approx([numbers[name] for name in COCO_STATS], rel=1e-6, abs=1e-6), mode


@pytest.mark.golden("metrics_coco_ap*.json")
def test_coco_results_file(golden_file):
    _, people, beside = coco_files(golden_file)

    def key(entry):
        return entry["image_id"], *entry["keypoints"]

    for mode in ("default_with_bbox", "default_no_bbox"):
        expected = sorted(json.loads(beside(f"results_{mode}").read_text()), key=key)
        ours = sorted(coco_results(people, **mode_arguments(mode)), key=key)
        assert len(ours) == len(expected)
        for mine, theirs in zip(ours, expected, strict=True):
            assert mine.keys() == theirs.keys(), mode
            for name, value in theirs.items():
                assert mine[name] == pytest.approx(value, rel=1e-6, abs=1e-6), (mode, name)
