"""Measured rows: the predictions of one stage, judged by the rule behind a recipe's published row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from ..coords import fit_aspect
from ..datasets.annotated import read_json
from ..datasets.people import PeopleDataset
from ..metrics.benchmarks import box_sizes, pck_jhmdb, pck_lsp, pckh_mpii, torso_sizes
from ..metrics.coco import PoseInstance, coco_ap, coco_results
from ..metrics.inputs import as_array
from ..metrics.mmpose_rules import mmpose_jhmdb_metrics, mmpose_mpii_metrics
from ..metrics.oks import joint_similarities
from ..metrics.pck import normalized_distances
from ..metrics.table import Table
from ..skeletons import COCO
from ..training.recipes import JHMDB_LENGTHS, Recipe
from .labels import read_labels

__all__ = ["Measurement", "comparison_table", "measure", "results_json", "rows_table"]

SAME_PERSON_IOU = (
    0.5  # ours, for the gallery: a detected box is of the person whom it overlaps at least so much
)
DECIMALS = {"coco": ".3f", "mpii": ".3f", "jhmdb": ".1f", "lsp": ".2f"}  # as the rows are printed


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a stage is worth by a recipe's rule.

    Attributes:
        values: name -> number in the unit of the published row. It has that row's names and may have more.
        label: which rule and which boxes the row belongs to.
        per_joint: one row a joint; the last column is what the joint is worth.
        errors: (N,) float64, how bad each person is, larger is worse; NaN for whom nothing can be said. For COCO
            1 - OKS, else the mean distance of the joints in the rule's length.
        truth_px: (N, J, 2) image pixels, what each person was compared with in `errors`.
        labelled: (N, J) bool, which of these joints are known.
        others: label -> values of the same predictions by another rule.
    """

    values: dict[str, float]
    label: str
    per_joint: Table
    errors: np.ndarray
    truth_px: np.ndarray
    labelled: np.ndarray
    others: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(recipe: Recipe, people: PeopleDataset, joints_px, scores, *, image_ids=None) -> Measurement:
    """Judge one stage's predictions by the recipe's rule.

    Args:
        recipe: of `cpm_edu.training.recipes`.
        people: N people of the recipe's data set.
        joints_px: (N, J, 2) image pixels counted from 0, of these people in this order.
        scores: (N, J).
        image_ids: COCO's AP is of these pictures only, because the others were not looked at; None: of all of
            the annotation file, where a person whom no box found is a miss. The other rules judge by person.

    Raises:
        ValueError: other joints than the recipe's, shapes that do not fit, joints that are not finite, or people
            that lack what the rule needs.
    """
    recipe.skeleton.require_same(people.skeleton, f"{recipe.name} on other data")
    joints, scores = as_array(joints_px, "joints_px"), as_array(scores, "scores")
    expected = (len(people), recipe.skeleton.num_joints)
    if joints.shape != (*expected, 2) or scores.shape != expected:
        raise ValueError(
            f"{recipe.name}: joints must be {(*expected, 2)} and scores {expected} for {len(people)} people, not "
            f"{joints.shape} and {scores.shape}"
        )
    if recipe.skeleton.name == "coco":
        return _measure_coco(recipe, people, joints, scores, image_ids)
    truth, labelled = _ground_truth(people)
    rule = {"mpii": _measure_mpii, "jhmdb": _measure_jhmdb, "lsp": _measure_lsp}[recipe.skeleton.name]
    return rule(people, joints, truth, labelled)


def results_json(recipe: Recipe, people: PeopleDataset, joints_px, scores) -> list[dict]:
    """COCO's official results format, after the recipe's score rule and OKS-NMS; json.dump takes it.

    Arguments as of `measure`. ValueError for a recipe of another data set, which has no such format.
    """
    if recipe.skeleton.name != "coco":
        raise ValueError(f"{recipe.name}: only COCO has an official format of results")
    records = people.records
    scale = torch.from_numpy(np.stack([record.scale_px for record in records]).astype(np.float64))
    areas = fit_aspect(scale, recipe.input_size).prod(-1).tolist()
    joints, scores = as_array(joints_px, "joints_px"), as_array(scores, "scores")
    instances = [
        PoseInstance(
            image_id=record.image_id, joints=joints[n], scores=scores[n], area=areas[n],
            box_score=record.score, box_xyxy=record.box_xyxy.astype(np.float64), id=record.id,
        )
        for n, record in enumerate(records)
    ]  # fmt: skip
    return coco_results(instances, include_boxes=True)


def comparison_table(recipe: Recipe, measurement: Measurement, caption: str = "") -> Table:
    """The published rows, then the measured one, then it by another rule where there is one."""
    rows = {f"published: {row.label}": row.values for row in recipe.published}
    rows |= {f"measured: {measurement.label}": measurement.values}
    rows |= {f"measured: {label}": values for label, values in measurement.others.items()}
    return rows_table(recipe, rows, caption)


def rows_table(recipe: Recipe, rows: dict[str, dict[str, float]], caption: str = "") -> Table:
    """Rows of numbers as the recipe's benchmark prints them.

    Args:
        rows: label -> name -> number, named as in `Published.values`; a row may lack some.
    """
    names = list(max(rows.values(), key=len))
    if recipe.skeleton.name == "jhmdb":  # measured by two lengths: a line for each
        names = list(dict.fromkeys(name.rsplit(" ", 1)[0] for name in names))
        lines = [
            [row, length, *(values.get(f"{name} {kind}") for name in names)]
            for kind, length in JHMDB_LENGTHS.items()
            for row, values in rows.items()
        ]
        columns = ["row", "length", *names]
    else:
        lines = [[row, *(values.get(name) for name in names)] for row, values in rows.items()]
        columns = ["row", *names]
    return Table(
        columns, lines, caption=caption, formats=dict.fromkeys(names, DECIMALS[recipe.skeleton.name])
    )


def _ground_truth(people: PeopleDataset) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, J, 2) in image pixels, as the files have them even where not labelled, and labels (N, J)."""
    records = getattr(people, "records", None)
    if records is None:
        labels = read_labels(people)
        return labels.joints_px, labels.labelled
    return np.stack([r.joints_px for r in records]), np.stack([r.labelled for r in records])


def _mean_distance(pred, truth, labelled, lengths) -> np.ndarray:
    """(N,) mean over the labelled joints of distance / length; NaN without any, or without a length."""
    lengths = np.asarray(lengths, np.float64)
    counted = labelled & (lengths > 0)[:, None]
    distances = normalized_distances(pred, truth, counted, normalizer=np.where(lengths > 0, lengths, 1.0))
    number = counted.sum(1)
    return np.divide(np.nansum(distances, 1), number, out=np.full(len(number), np.nan), where=number > 0)


def _measure_lsp(people, pred, truth, labelled) -> Measurement:
    torso = np.where(
        labelled[:, list(people.skeleton.torso)].all(1), torso_sizes(truth, people.skeleton), 0.0
    )
    counted = labelled & (torso > 0)[:, None]
    result = pck_lsp(pred, truth, counted)
    return Measurement(
        values={"PCK@0.2": 100 * result.mean}, label="by torso, person-centric", per_joint=result.table(),
        errors=_mean_distance(pred, truth, counted, torso), truth_px=truth, labelled=labelled,
    )  # fmt: skip


def _measure_jhmdb(people, pred, truth, labelled) -> Measurement:
    boxes = np.stack([record.box_xyxy for record in people.records])
    fractions = mmpose_jhmdb_metrics(pred, truth, labelled, boxes)
    values = {(name if " " in name else f"Mean {name}"): 100 * value for name, value in fractions.items()}
    return Measurement(
        values=values, label="one crop, no multi-scale or rotation", truth_px=truth, labelled=labelled,
        per_joint=pck_jhmdb(pred, truth, labelled, boxes_xyxy=boxes).table(),
        errors=_mean_distance(pred, truth, labelled, box_sizes(boxes)),
    )  # fmt: skip


def _measure_mpii(people, pred, truth, labelled) -> Measurement:
    heads = np.array([record.head_size for record in people.records], np.float64)
    known = np.isfinite(heads)
    if not known.any():
        raise ValueError(
            f"{people.title}: no head sizes, which PCKh is measured by: annotations/mpii_gt_val.mat is missing "
            "(it comes with mmpose's MPII json files)"
        )
    counted, lengths = labelled & known[:, None], np.where(known, heads, 1.0)
    # The test compares pixels counted from 1, as in the file, with predictions to which it adds 1.
    in_file = truth + 1 if getattr(people, "joints_rule", "0.x") == "0.x" else truth
    without = "" if known.all() else f", {(~known).sum()} people without a head size left out"
    plain = pckh_mpii(pred + 1, in_file, counted & (lengths > 0)[:, None], head_sizes=lengths, comparison="<")
    return Measurement(
        values=_mpii_values(pred, in_file, counted, lengths),
        label=f"joints counted from 0, 1 px added (mmpose 0.x){without}",
        per_joint=plain.table(),
        errors=_mean_distance(pred + 1, in_file, counted, lengths), truth_px=in_file - 1, labelled=labelled,
        others={
            f"joints counted from 1, nothing added (mmpose 1.x){without}": _mpii_values(
                pred - 1, in_file, counted, lengths
            )
        },
    )  # fmt: skip


def _mpii_values(pred, in_file, counted, lengths) -> dict[str, float]:
    """mmpose's table, 0..1, under the names of the published row; it adds 1 px to `pred`."""
    values = {
        n.removesuffix(" PCK"): v / 100
        for n, v in mmpose_mpii_metrics(pred, in_file, counted, lengths).items()
    }
    mean, strict = values.pop("PCK"), values.pop("PCK@0.1")
    return {**values, "Mean": mean, "Mean@0.1": strict}


def _measure_coco(recipe, people, pred, scores, image_ids) -> Measurement:
    if not hasattr(people, "annotation_file"):
        raise ValueError(f"{recipe.name}: AP is measured on COCO's people, not on other data")
    annotations = read_json(people.annotation_file, "ground truth")
    if people.sieve.skip_bad:
        annotations = _without_broken(annotations, people)
    if image_ids is not None:
        wanted = {int(image_id) for image_id in image_ids}
        annotations |= {
            "images": [i for i in annotations["images"] if i["id"] in wanted],
            "annotations": [a for a in annotations["annotations"] if a["image_id"] in wanted],
        }
    result = coco_ap(annotations, results_json(recipe, people, pred, scores))
    areas = np.array([record.area for record in people.records])
    detected = bool(np.isnan(areas).all())
    truth, labelled, areas = _matched(people, annotations) if detected else (*_ground_truth(people), areas)
    labelled = labelled & (areas > 0)[:, None]
    similarity = joint_similarities(pred, truth, labelled, areas=np.where(areas > 0, areas, 1.0))
    counts, people_counts = labelled.sum(0), labelled.sum(1)
    total = np.nan_to_num(similarity)
    per_joint = Table(
        ["joint", "counted", "part of OKS"],
        [
            [joint, int(counts[j]), float(total[:, j].sum() / counts[j]) if counts[j] else None]
            for j, joint in enumerate(people.skeleton.joints)
        ],
        caption="mean of what each labelled joint brings to its person's OKS, 0..1 (not AP: no scores, no misses)",
        formats={"part of OKS": ".3f"},
    )
    oks = np.divide(total.sum(1), people_counts, out=np.full(len(people), np.nan), where=people_counts > 0)
    return Measurement(
        values=dict(result.stats),
        label="detector boxes" if detected else "annotated boxes, not a detector's",
        per_joint=per_joint, errors=1 - oks, truth_px=truth, labelled=labelled,
    )  # fmt: skip


def _without_broken(annotations: dict, people) -> dict:
    """Ground truth without the pictures that are not there and the annotations that cannot be compared with.

    The loader left them out, and nobody can find whom nobody looked for.
    """
    images = [i for i in annotations["images"] if people.pictures.find(str(i.get("file_name"))) is not None]

    def whole(annotation: dict) -> bool:
        numbers = [annotation.get(name) for name in ("keypoints", "bbox", "area")]
        if None in numbers:
            return False
        keypoints, box, area = numbers
        return len(keypoints) == 3 * COCO.num_joints and bool(np.isfinite([*keypoints, *box, area]).all())

    return annotations | {"images": images, "annotations": list(filter(whole, annotations["annotations"]))}


def _matched(people, annotations: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every detected box the labelled person whom it shows: joints, labels and area; nobody has area 0.

    A person is given to one box only, the one that overlaps most.
    """
    of_image: dict[int, list[dict]] = {}
    for annotation in annotations["annotations"]:
        if any(annotation["keypoints"][2::3]) and not annotation.get("iscrowd"):
            of_image.setdefault(annotation["image_id"], []).append(annotation)
    best: dict[int, tuple[float, int, dict]] = {}
    for n, record in enumerate(people.records):
        for annotation in of_image.get(record.image_id, ()):
            overlap = _overlap(record.box_xyxy, annotation["bbox"])
            if overlap >= max(SAME_PERSON_IOU, best.get(annotation["id"], (0.0,))[0]):
                best[annotation["id"]] = (overlap, n, annotation)
    truth = np.zeros((len(people), COCO.num_joints, 2), np.float32)
    labelled, areas = np.zeros(truth.shape[:2], bool), np.zeros(len(people))
    for _, n, annotation in best.values():
        numbers = np.array(annotation["keypoints"], np.float64).reshape(-1, 3)
        truth[n], labelled[n], areas[n] = numbers[:, :2], numbers[:, 2] > 0, annotation["area"]
    return truth, labelled, areas


def _overlap(box_xyxy: np.ndarray, box_xywh) -> float:
    """Intersection over union of two boxes."""
    x, y, width, height = box_xywh
    x1, y1, x2, y2 = box_xyxy.tolist()
    shared = max(0.0, min(x2, x + width) - max(x1, x)) * max(0.0, min(y2, y + height) - max(y1, y))
    return shared / (width * height + (x2 - x1) * (y2 - y1) - shared) if shared else 0.0
