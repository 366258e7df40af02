"""COCO keypoint evaluation: from predicted people to a results file, and from that to AP and AR.

AP and AR are computed by pycocotools, the reference. What comes before (an instance's score, its
duplicates, suppression of near-copies) is not part of COCO's definition but decides the number: it is
written out here as mmpose does it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cpm_edu.metrics.inputs import as_array
from cpm_edu.metrics.oks import oks_nms, soft_oks_nms
from cpm_edu.metrics.table import Table
from cpm_edu.skeletons import COCO as COCO_SKELETON

__all__ = ["COCO_STATS", "COCOResult", "PoseInstance", "coco_ap", "coco_results", "instance_scores"]

# The ten numbers of COCOeval.summarize() for keypoints, in its order, under mmpose's names.
COCO_STATS = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)", "AR", "AR .5", "AR .75", "AR (M)", "AR (L)")

ScoreRule = Literal["box_keypoint", "box", "keypoint"]


@dataclass(frozen=True, eq=False)
class PoseInstance:
    """One predicted person.

    Args:
        image_id: the image in the ground-truth file.
        joints: (J, 2) points (x, y) in image pixels.
        scores: (J,) score of each joint.
        area: for suppression; mmpose takes width * height of the padded crop in image pixels.
        box_score: the detector's score.
        box_xyxy: (4,) the detector's box (x1, y1, x2, y2), not padded; None where there is none.
        id: instances of one image with equal ids are duplicates (as a distributed sampler makes them);
            None is never a duplicate.

    Raises:
        ValueError: wrong shapes, values that are not finite, or an area that is not positive.
    """

    image_id: int
    joints: Any
    scores: Any
    area: float
    box_score: float = 1.0
    box_xyxy: Any = None
    id: int | None = None

    def __post_init__(self) -> None:
        joints, scores = as_array(self.joints, "joints"), as_array(self.scores, "scores")
        if joints.ndim != 2 or joints.shape[1] != 2 or scores.shape != joints.shape[:1] or not len(scores):
            raise ValueError(
                f"image {self.image_id}: joints must be (J, 2) and scores (J,), "
                f"not {joints.shape} and {scores.shape}"
            )
        box = None if self.box_xyxy is None else as_array(self.box_xyxy, "box_xyxy")
        if box is not None and box.shape != (4,):
            raise ValueError(f"image {self.image_id}: box_xyxy must be (4,), not {box.shape}")
        numbers = [joints, scores, [self.area, self.box_score], [] if box is None else box]
        if not all(np.isfinite(values).all() for values in numbers) or self.area <= 0:
            raise ValueError(
                f"image {self.image_id}: joints, scores and box must be finite and area positive "
                f"(area {self.area})"
            )
        for name, value in (("joints", joints), ("scores", scores), ("box_xyxy", box)):
            object.__setattr__(self, name, value)


def instance_scores(
    scores, box_scores, *, rule: ScoreRule = "box_keypoint", threshold: float = 0.2
) -> np.ndarray:
    """Score by which people are ranked.

    Args:
        scores: (N, J) joint scores.
        box_scores: (N,) detector scores.
        rule: "box_keypoint": box score times the mean of the joint scores above `threshold`, 0 if there
            is none; "box": the box score; "keypoint": the mean of all joint scores.

    Returns:
        (N,) float64.

    Source: mmpose's CocoMetric, score modes bbox_keypoint (its default), bbox and keypoint.
    """
    scores = as_array(scores, "scores").astype(np.float64)
    box_scores = as_array(box_scores, "box_scores").astype(np.float64)
    if scores.ndim != 2 or scores.shape[1] == 0 or box_scores.shape != scores.shape[:1]:
        raise ValueError(
            f"scores must be (N, J) and box_scores (N,), not {scores.shape} and {box_scores.shape}"
        )
    if rule == "box":
        return box_scores.copy()
    if rule == "keypoint":
        return scores.mean(1)
    if rule != "box_keypoint":
        raise ValueError(f'rule must be "box_keypoint", "box" or "keypoint", not {rule!r}')
    good = scores > threshold
    return box_scores * np.where(good, scores, 0.0).sum(1) / np.maximum(good.sum(1), 1)


def coco_results(
    instances: Iterable[PoseInstance],
    *,
    score_rule: ScoreRule = "box_keypoint",
    score_threshold: float = 0.2,
    nms: Literal["hard", "soft"] | None = "hard",
    nms_threshold: float = 0.9,
    include_boxes: bool = False,
    sigmas=COCO_SKELETON.oks_sigmas,
    category_id: int = 1,
) -> list[dict]:
    """Rescore, remove duplicates, suppress near-copies, and write down in COCO's results format.

    Args:
        instances: predicted people of any number of images, in any order.
        score_rule, score_threshold: see `instance_scores`.
        nms, nms_threshold: `oks_nms`, `soft_oks_nms` (at most 20 people an image) or None, per image.
        include_boxes: also write "bbox". mmpose does, and it is not harmless: pycocotools then takes a
            detection's area from the box instead of from the extent of its joints, which changes AP (M)
            and AP (L). Use True to compare with mmpose's tables.
        sigmas: (J,) OKS standard deviations.

    Returns:
        One dict a person: image_id, category_id, keypoints (x, y, score of each joint, 3 J numbers),
        score, and bbox [x, y, width, height] where asked for. Only Python numbers; json.dump takes it.

    Raises:
        ValueError: an unknown rule, a wrong number of joints, or a missing box where boxes are asked for.

    Source: mmpose's CocoMetric, whose defaults are these with include_boxes=True.
    """
    if nms not in ("hard", "soft", None):
        raise ValueError(f'nms must be "hard", "soft" or None, not {nms!r}')
    images: dict[int, list[PoseInstance]] = {}
    for instance in instances:
        if len(instance.joints) != len(sigmas):
            raise ValueError(
                f"image {instance.image_id}: {len(instance.joints)} joints, but {len(sigmas)} OKS sigmas"
            )
        if include_boxes and instance.box_xyxy is None:
            raise ValueError(f"image {instance.image_id}: include_boxes needs box_xyxy of every instance")
        images.setdefault(instance.image_id, []).append(instance)
    results = []
    for image_id, people in images.items():
        people = _without_duplicates(people)
        scores = instance_scores(
            np.stack([p.scores for p in people]),
            [p.box_score for p in people],
            rule=score_rule,
            threshold=score_threshold,
        )
        kept: Iterable[int] = range(len(people))
        if nms is not None:
            suppress = oks_nms if nms == "hard" else soft_oks_nms
            joints, areas = np.stack([p.joints for p in people]), [p.area for p in people]
            kept = suppress(joints, areas, scores, threshold=nms_threshold, sigmas=sigmas)
        for i in kept:
            triples = np.concatenate([people[i].joints, people[i].scores[:, None]], 1)
            entry = {
                "image_id": image_id,
                "category_id": category_id,
                "keypoints": triples.ravel().tolist(),
                "score": float(scores[i]),
            }
            if include_boxes:
                x1, y1, x2, y2 = people[i].box_xyxy.tolist()
                entry["bbox"] = [x1, y1, x2 - x1, y2 - y1]
            results.append(entry)
    return results


def _without_duplicates(people: list[PoseInstance]) -> list[PoseInstance]:
    """The first instance of each id, by rising id; those without an id follow."""
    first: dict[int, PoseInstance] = {}
    for person in people:
        if person.id is not None:
            first.setdefault(person.id, person)
    return [first[key] for key in sorted(first)] + [p for p in people if p.id is None]


@dataclass(frozen=True)
class COCOResult:
    """Ten numbers of the COCO keypoint evaluation.

    Attributes:
        stats: name in `COCO_STATS` -> value 0..1; NaN where no ground truth of that size exists.
        num_results: detections evaluated.
        num_people: ground-truth people with at least one labelled joint, crowds left out.
    """

    stats: dict[str, float]
    num_results: int
    num_people: int

    def __getitem__(self, name: str) -> float:
        return self.stats[name]

    def table(self) -> Table:
        """One row with ten columns, in percent."""
        return Table(
            COCO_STATS,
            [{name: 100 * value for name, value in self.stats.items()}],
            caption=f"COCO keypoints: {self.num_results} detections, {self.num_people} people, percent",
            formats=dict.fromkeys(COCO_STATS, ".1f"),
        )


def coco_ap(
    ground_truth: str | os.PathLike | dict,
    results: str | os.PathLike | list[dict],
    *,
    sigmas=COCO_SKELETON.oks_sigmas,
) -> COCOResult:
    """AP and AR of keypoint detections, by pycocotools (OKS 0.5:0.05:0.95, at most 20 people an image).

    Args:
        ground_truth: COCO keypoint annotations, a file or the loaded dict; not changed.
        results: results in COCO's format, a file or the list that `coco_results` returns; not changed.
            May be empty: every AP and AR is then 0.
        sigmas: (J,) OKS standard deviations of the joints in both.

    Returns:
        COCOResult. Nothing is printed.

    Raises:
        OSError: a file that cannot be read.
        ValueError: a file that is not JSON, an entry that lacks a field, a wrong number of joints, numbers
            that are not finite, an image that the ground truth does not have, boxes in some entries only.

    Source: pycocotools' COCOeval("keypoints").
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sigmas = as_array(sigmas, "sigmas").astype(np.float64)
    truth_data = _checked_truth(_load(ground_truth, "ground truth"), len(sigmas))
    detections = _checked_results(_load(results, "results"), truth_data, len(sigmas))
    people = sum(a["num_keypoints"] > 0 and not a["iscrowd"] for a in truth_data["annotations"])
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = truth_data
        truth.createIndex()
        if detections:
            found = truth.loadRes(detections)
        else:  # loadRes looks at the first detection
            found = COCO()
            found.dataset = {**truth_data, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # pycocotools writes -1 where there was nothing to find
    stats = {
        name: float(value) if value > -1 else float("nan")
        for name, value in zip(COCO_STATS, evaluation.stats, strict=True)
    }
    return COCOResult(stats, len(detections), people)


def _load(source, what: str):
    if not isinstance(source, (str, os.PathLike)):
        return source
    try:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{what}: {source} is not a JSON file ({error})") from None


def _require(entry: dict, fields: tuple[str, ...], what: str) -> None:
    missing = [name for name in fields if name not in entry]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")


def _checked_truth(data, num_joints: int) -> dict:
    """A copy that pycocotools may change, with the fields it needs."""
    if not isinstance(data, dict):
        raise ValueError(f"ground truth must be a COCO annotation dict, not {type(data).__name__}")
    _require(data, ("images", "annotations", "categories"), "ground truth")
    annotations = []
    for place, annotation in enumerate(data["annotations"], start=1):
        what = f"ground truth: annotation {annotation.get('id', '?')}"
        _require(annotation, ("id", "image_id", "category_id", "keypoints", "area", "bbox"), what)
        if len(annotation["keypoints"]) != 3 * num_joints:
            raise ValueError(
                f"{what} has {len(annotation['keypoints'])} keypoint numbers for {num_joints} joints"
            )
        if not np.isfinite([*annotation["keypoints"], *annotation["bbox"], annotation["area"]]).all():
            raise ValueError(f"{what} holds NaN or infinity")
        labelled = sum(v > 0 for v in annotation["keypoints"][2::3])
        # Numbered from 1: pycocotools takes a match with id 0 for none.
        annotations.append({"num_keypoints": labelled, "iscrowd": 0, **annotation, "id": place})
    return {**data, "annotations": annotations}


def _checked_results(data, truth: dict, num_joints: int) -> list[dict]:
    """Copies that pycocotools may change."""
    if not isinstance(data, list):
        raise ValueError(f"results must be a list of dicts, not {type(data).__name__}")
    images = {image["id"] for image in truth["images"]}
    with_boxes = sum("bbox" in entry for entry in data)
    if with_boxes not in (0, len(data)):
        raise ValueError(f"{with_boxes} of {len(data)} results have a bbox; give it to all or to none")
    for index, entry in enumerate(data):
        what = f"result {index}"
        _require(entry, ("image_id", "category_id", "keypoints", "score"), what)
        if entry["image_id"] not in images:
            raise ValueError(f"{what} is of image {entry['image_id']}, which the ground truth does not have")
        if len(entry["keypoints"]) != 3 * num_joints:
            raise ValueError(f"{what} has {len(entry['keypoints'])} keypoint numbers for {num_joints} joints")
        if not np.isfinite([*entry["keypoints"], entry["score"], *entry.get("bbox", [])]).all():
            raise ValueError(f"{what} of image {entry['image_id']} holds NaN or infinity")
    return [dict(entry) for entry in data]
