"""What the files say about all people of a data set, read once and without their pictures where that can be."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.people import PeopleDataset

__all__ = ["Labels", "read_labels"]


@dataclass(frozen=True, eq=False)
class Labels:
    """N people, in the order of the data set; image pixels.

    Args:
        names: what to call them.
        joints_px: (N, J, 2) float32; 0 where not labelled.
        labelled: (N, J) bool.
        center_px: (N, 2) float32, the middle of their crops.
        scale_px: (N, 2) float32 (width, height) of their crops.
        boxes_xyxy: (N, 4) float32 boxes before padding; None where the data set gives none.
    """

    names: list[str]
    joints_px: np.ndarray
    labelled: np.ndarray
    center_px: np.ndarray
    scale_px: np.ndarray
    boxes_xyxy: np.ndarray | None

    def __len__(self) -> int:
        return len(self.names)

    def chosen(self, indices: Sequence[int]) -> Labels:
        """Those of some people."""
        indices = np.asarray(indices, np.int64)
        arrays = (self.joints_px, self.labelled, self.center_px, self.scale_px, self.boxes_xyxy)
        return Labels([self.names[i] for i in indices], *(a if a is None else a[indices] for a in arrays))

    def digest(self) -> str:
        """16 hex digits that change with any name, joint or crop."""
        told = hashlib.sha256("\n".join(self.names).encode())
        for values in (self.joints_px, self.labelled, self.center_px, self.scale_px):
            told.update(np.ascontiguousarray(values).tobytes())
        return told.hexdigest()[:16]


def read_labels(people: PeopleDataset) -> Labels:
    """The labels of everybody; ValueError for a data set of nobody."""
    if len(people) == 0:
        raise ValueError("there is nobody in this data set to measure on")
    names, joints, labelled, center, scale = [], [], [], [], []
    for index in range(len(people)):
        person = people[index]  # one at a time: a data set may read the picture with it
        names.append(person.name)
        joints.append(np.where(person.labelled[:, None], person.joints_px, 0))
        labelled.append(person.labelled)
        center.append(person.center_px)
        scale.append(person.scale_px)
    records = getattr(people, "records", None)
    return Labels(
        names=names,
        joints_px=np.stack(joints).astype(np.float32),
        labelled=np.stack(labelled).astype(bool),
        center_px=np.stack(center).astype(np.float32),
        scale_px=np.stack(scale).astype(np.float32),
        boxes_xyxy=None if records is None else np.stack([r.box_xyxy for r in records]).astype(np.float32),
    )
