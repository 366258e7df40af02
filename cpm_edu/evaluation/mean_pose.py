"""The mean pose: what guessing without looking is worth. A model that does not beat it by far has learned nothing."""

from __future__ import annotations

import numpy as np

from ..datasets.annotated import AnnotatedPeople

__all__ = ["mean_pose", "place_pose"]


def mean_pose(people: AnnotatedPeople) -> np.ndarray:
    """Mean place of every joint in its person's box: (J, 2), (0, 0) the box's corner and (1, 1) the opposite one.

    Raises:
        ValueError: a joint that nobody has labelled.
    """
    low, size = _boxes(people)
    joints = np.stack([record.joints_px for record in people.records])
    labelled = np.stack([record.labelled for record in people.records])[..., None]
    for joint, known in zip(people.skeleton.joints, labelled.any((0, 2)), strict=True):
        if not known:
            raise ValueError(f"{people.title}: nobody has a labelled {joint!r}, so it has no mean place")
    relative = (joints - low[:, None]) / size[:, None]
    return np.where(labelled, relative, 0).sum(0) / labelled.sum(0)


def place_pose(people: AnnotatedPeople, pose: np.ndarray) -> np.ndarray:
    """A pose (J, 2) of `mean_pose` in everybody's box: (N, J, 2) image pixels."""
    low, size = _boxes(people)
    return low[:, None] + pose * size[:, None]


def _boxes(people: AnnotatedPeople) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.stack([record.box_xyxy for record in people.records]).astype(np.float64)
    return boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
