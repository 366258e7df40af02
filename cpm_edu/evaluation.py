"""PCK of every stage on labelled people, and what the center map is worth on two-person scenes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .coords import mirror_points
from .datasets.augment import two_person_crop
from .datasets.people import PeopleDataset
from .inference import joints_in_image, predict_crops
from .metrics.benchmarks import torso_sizes
from .metrics.pck import PCKResult, pck
from .models import CPM
from .training.batches import collate, crop_loader

__all__ = ["predict_people", "stage_pck", "two_person_pck"]


def predict_people(
    model: CPM,
    people: PeopleDataset,
    *,
    flip_test: bool = False,
    batch_size: int = 50,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    """Joints of every person by every stage.

    Returns:
        joints_px: (T, N, J, 2) image pixels.
        scores: (T, N, J).
    """
    joints, scores = [], []
    for batch in tqdm(
        crop_loader(people, model, batch_size=batch_size), disable=not progress, desc="predicting"
    ):
        batch = batch.to(torch.device(device))
        crop_px, score = predict_crops(model, batch.images, batch.center_px, flip_test=flip_test)
        joints.append(joints_in_image(crop_px, batch.matrices).cpu())
        scores.append(score.cpu())
    return torch.cat(joints, 1), torch.cat(scores, 1)


def stage_pck(model: CPM, people: PeopleDataset, *, threshold: float = 0.2, **options) -> list[PCKResult]:
    """PCK of every stage, first to last.

    A joint is correct when its error is at most `threshold` times the person's torso, left shoulder to right
    hip. People whose torso is not labelled, or has no length, are left out.

    Args:
        options: of `predict_people`.
    """
    truth, labelled, normalizer = _ground_truth(people)
    joints, _ = predict_people(model, people, **options)
    return [_pck(stage, truth, labelled, normalizer, threshold, people.skeleton) for stage in joints.numpy()]


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
    truth, labelled, normalizer = _ground_truth(people)
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
            _pck(stage, truth, labelled, normalizer, threshold, people.skeleton).mean
            for stage in torch.cat(joints, 1).numpy()
        ]
        for name, joints in found.items()
    }


def _ground_truth(people: PeopleDataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (N, J, 2), which of them count (N, J), and the torso (N,), all in image pixels."""
    persons = [people[i] for i in range(len(people))]
    labelled = np.stack([p.labelled for p in persons])
    truth = np.where(labelled[..., None], np.stack([p.joints_px for p in persons]), 0)
    torso = torso_sizes(truth, people.skeleton)
    measurable = labelled[:, list(people.skeleton.torso)].all(1) & (torso > 0)
    counted = labelled & measurable[:, None]
    if not counted.any():
        raise ValueError(f"none of the {len(persons)} people to measure on has a labelled joint and torso")
    return truth, counted, np.where(measurable, torso, 1.0)


def _pck(joints, truth, labelled, normalizer, threshold, skeleton) -> PCKResult:
    return pck(
        joints,
        truth,
        labelled,
        normalizer=normalizer,
        threshold=threshold,
        comparison="<=",
        skeleton=skeleton,
    )
