"""PCK of every stage on labelled people: what decides which weights of a run are kept."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..datasets.people import PeopleDataset
from ..inference import crop_beliefs, crop_joints, joints_in_image
from ..metrics.pck import PCKResult, pck
from ..models import CPM
from .batches import crop_loader

__all__ = ["predict_people", "stage_pck"]


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
    for batch in tqdm(crop_loader(people, model, batch_size=batch_size), disable=not progress, desc="predicting"):
        batch = batch.to(torch.device(device))
        beliefs = crop_beliefs(model, batch.images, batch.center_px, flip_test=flip_test)
        crop_px, score = crop_joints(model, beliefs)
        joints.append(joints_in_image(crop_px, batch.matrices).cpu())
        scores.append(score.cpu())
    return torch.cat(joints, 1), torch.cat(scores, 1)


def stage_pck(model: CPM, people: PeopleDataset, *, threshold: float = 0.2, **options) -> list[PCKResult]:
    """PCK of every stage, first to last.

    A joint is correct when its error is at most `threshold` times the person's torso (left shoulder to right
    hip), or, for a skeleton without those joints or a person who lacks one of them, times half the longer
    side of the box (ours).

    Args:
        options: of `predict_people`.
    """
    joints, _ = predict_people(model, people, **options)
    persons = [people[i] for i in range(len(people))]
    truth = np.stack([p.joints_px for p in persons])
    labelled = np.stack([p.labelled for p in persons])
    normalizer = np.array([p.scale_px.max() / 2 for p in persons])
    if people.skeleton.torso is not None:
        first, second = people.skeleton.torso
        torso = np.linalg.norm(truth[:, first] - truth[:, second], axis=-1)
        normalizer = np.where(labelled[:, first] & labelled[:, second] & (torso > 0), torso, normalizer)
    truth = np.where(labelled[..., None], truth, 0)
    return [
        pck(stage, truth, labelled, normalizer=normalizer, threshold=threshold, comparison="<=", skeleton=people.skeleton)
        for stage in joints.numpy()
    ]
