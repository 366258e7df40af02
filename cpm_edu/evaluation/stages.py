"""PCK of every stage on labelled people, and what the center map is worth on two-person scenes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..coords import mirror_points
from ..datasets.augment import two_person_crop
from ..datasets.people import PeopleDataset
from ..inference import joints_in_image, predict_crops
from ..metrics.benchmarks import box_sizes, torso_sizes
from ..metrics.pck import PCKResult, normalized_distances, pck
from ..models import CPM
from ..skeletons import Skeleton
from ..training.batches import collate
from .labels import Labels, read_labels
from .predictions import collect, find_in_crops

__all__ = [
    "person_errors",
    "predict_people",
    "score_stages",
    "stage_pck",
    "stage_pck_and_skipped",
    "two_person_pck",
    "yardstick",
]


def predict_people(
    model: CPM,
    people: PeopleDataset,
    *,
    flip_test: bool = False,
    batch_size: int = 50,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    """Joints of every person by every stage; the processes of a torchrun share the work and all get the result.

    Returns:
        joints_px: (T, N, J, 2) image pixels.
        scores: (T, N, J).
    """
    options = dict(flip_test=flip_test, batch_size=batch_size, device=device)
    found = collect(people, partial(find_in_crops, model, **options), progress=progress)
    return torch.from_numpy(found.joints_px), torch.from_numpy(found.scores)


def stage_pck(
    model: CPM, people: PeopleDataset, *, threshold: float = 0.2, progress: bool = False, **options
) -> list[PCKResult]:
    """PCK of every stage, first to last.

    A joint is correct when its error is at most `threshold` times the person's torso, left shoulder to right
    hip; where the skeleton names no such joints, times the longer side of the person's box. The results'
    title says which. People whose torso is not labelled, or has no length, are left out.

    Args:
        progress: show a bar.
        options: of `find_in_crops`, such as flip_test, batch_size, device and skip_bad.

    Raises:
        ValueError: no joint that could count, or neither a torso nor boxes to measure with.
    """
    return stage_pck_and_skipped(model, people, threshold=threshold, progress=progress, **options)[0]


def stage_pck_and_skipped(
    model: CPM, people: PeopleDataset, *, threshold: float = 0.2, progress: bool = False, **options
) -> tuple[list[PCKResult], tuple[str, ...]]:
    """`stage_pck`, and a sentence for everybody whom `skip_bad` left out."""
    labels = read_labels(people)
    _lengths(labels, people.skeleton)  # told now, not after the work
    found = collect(people, partial(find_in_crops, model, **options), progress=progress)
    labels = labels.chosen(found.indices)
    return score_stages(found.joints_px, labels, people.skeleton, threshold=threshold), found.skipped


def score_stages(
    joints_px: np.ndarray, labels: Labels, skeleton: Skeleton, *, threshold: float = 0.2
) -> list[PCKResult]:
    """`stage_pck` of joints (T, N, J, 2) that were predicted before."""
    counted, lengths = _lengths(labels, skeleton)
    results = [
        pck(
            stage, labels.joints_px, counted, normalizer=lengths, threshold=threshold, comparison="<=",
            skeleton=skeleton,
        )
        for stage in joints_px
    ]  # fmt: skip
    return [replace(r, title=r.title.replace("the length", f"the {yardstick(skeleton)}")) for r in results]


def person_errors(joints_px: np.ndarray, labels: Labels, skeleton: Skeleton) -> np.ndarray:
    """Mean error of each person's labelled joints in the lengths of `stage_pck`.

    Args:
        joints_px: (N, J, 2) of one stage.

    Returns:
        (N,) float64; NaN for people that do not count.
    """
    counted, lengths = _lengths(labels, skeleton)
    distances = normalized_distances(joints_px, labels.joints_px, counted, normalizer=lengths)
    counts = counted.sum(1)
    return np.where(counts > 0, np.nansum(distances, 1) / np.maximum(counts, 1), np.nan)


def yardstick(skeleton: Skeleton) -> str:
    """What `stage_pck` measures errors by, in words."""
    return "torso" if skeleton.torso is not None else "longer side of the person's box"


def _lengths(labels: Labels, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Which joints count (N, J), and the length that errors are measured by (N,)."""
    if skeleton.torso is not None:
        lengths = torso_sizes(labels.joints_px, skeleton)
        measurable = labels.labelled[:, list(skeleton.torso)].all(1)
    elif labels.boxes_xyxy is not None:
        lengths = box_sizes(labels.boxes_xyxy)
        measurable = np.ones(len(labels), bool)
    else:
        raise ValueError(
            f"PCK needs a length: skeleton {skeleton.name!r} names no torso, and the data set gives no boxes"
        )
    measurable &= lengths > 0
    counted = labels.labelled & measurable[:, None]
    if not counted.any():
        what = "torso" if skeleton.torso is not None else "box"
        raise ValueError(f"none of the {len(labels)} people to measure on has a labelled joint and {what}")
    return counted, np.where(measurable, lengths, 1.0)


def two_person_pck(
    model: CPM,
    people: PeopleDataset,
    *,
    threshold: float = 0.2,
    batch_size: int = 50,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> dict[str, list[float]]:
    """PCK of the left of two people, asked for with the right, a wrong and a blank center map.

    Person i stands left, person i + half the data set right; see `two_person_crop`.

    Returns:
        "right", "wrong" and "blank" -> PCK (0..1) of every stage.
    """
    labels = read_labels(people)
    found = {"right": [], "wrong": [], "blank": []}
    starts = range(0, len(people), batch_size)
    for start in tqdm(starts, disable=not progress, desc="two-person scenes"):
        indices = range(start, min(start + batch_size, len(people)))
        crops = [
            two_person_crop(
                people[i], people[(i + len(people) // 2) % len(people)], model.input_size, model.convention
            )
            for i in indices
        ]
        batch = collate(crops).to(torch.device(device))
        mirrored = mirror_points(batch.center_px, model.input_size[1])
        centers = {"right": batch.center_px, "wrong": mirrored, "blank": torch.full_like(mirrored, torch.nan)}
        for name, center_px in centers.items():
            crop_px, _ = predict_crops(model, batch.images, center_px)
            found[name].append(joints_in_image(crop_px, batch.matrices).cpu())
    return {
        name: [
            result.mean
            for result in score_stages(
                torch.cat(joints, 1).numpy(), labels, people.skeleton, threshold=threshold
            )
        ]
        for name, joints in found.items()
    }
