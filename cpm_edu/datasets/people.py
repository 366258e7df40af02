"""One labelled person in one picture: what every data set yields and every crop is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from ..images import ImageError
from ..skeletons import Skeleton
from .pictures import Picture

__all__ = ["Concatenation", "FirstPersons", "PeopleDataset", "Person"]


@dataclass(frozen=True)
class Person:
    """A person in an image; joints are 0-based pixels of that image.

    Args:
        image: (H, W, 3) uint8 RGB, or a `Picture` that is read when needed; `pixels()` gives the array.
        joints_px: (J, 2) float32 (x, y); anything where not labelled.
        labelled: (J,) bool, True where the position is known, visible or occluded.
        center_px: (2,) (x, y) that the center map marks.
        scale_px: (2,) (width, height) that the crop covers.
        name: what to call it in a message or gallery, such as the file's name.
        others_px: (Q, J, 2) joints of other people in the image, for stage 1, which is taught everybody's.
        others_labelled: (Q, J) bool.

    Raises:
        ValueError: shapes that do not fit, or a labelled joint whose position is not a number.
    """

    image: np.ndarray | Picture
    joints_px: np.ndarray
    labelled: np.ndarray
    center_px: np.ndarray
    scale_px: np.ndarray
    name: str = ""
    others_px: np.ndarray | None = None
    others_labelled: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.joints_px.shape != (*self.labelled.shape, 2):
            raise ValueError(
                f"{self.name}: joints {self.joints_px.shape} and labels {self.labelled.shape} do not fit"
            )
        lost = np.flatnonzero(self.labelled & ~np.isfinite(self.joints_px).all(-1))
        if len(lost):
            raise ValueError(f"{self.name}: joint {lost[0]} is labelled, but its position is not a number")

    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB; ImageError, which names file and person, where the picture cannot be read."""
        return np.asarray(self.picture()[0])

    def picture(
        self, *, shrink: Callable[[tuple[int, int]], int] | None = None
    ) -> tuple[np.ndarray | Image.Image, int]:
        """The picture, as an array or as an RGB image of Pillow, and how many times smaller than stored it is.

        Args:
            shrink: of `images.open_image`.
        """
        if not isinstance(self.image, Picture):
            return np.asarray(self.image), 1
        try:
            return self.image.open(shrink=shrink)
        except ImageError as error:
            raise ImageError(f"{self.name}: {error}") from None

    def everybody(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints (P, J, 2) and labels (P, J) of all people in the image, this one first; no NaN."""
        joints, labelled = self.joints_px[None], self.labelled[None]
        if self.others_px is not None:
            joints = np.concatenate([joints, self.others_px])
            labelled = np.concatenate([labelled, self.others_labelled])
        return np.where(labelled[..., None], joints, 0).astype(np.float32), labelled.astype(bool)


class PeopleDataset(Protocol):
    """A sequence of `Person` with one skeleton."""

    skeleton: Skeleton

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Person: ...


class Concatenation(Sequence):
    """Several data sets of the same joints, one after the other."""

    def __init__(self, *parts: PeopleDataset) -> None:
        for part in parts[1:]:
            parts[0].skeleton.require_same(part.skeleton, "data sets to train on together")
        self.skeleton = parts[0].skeleton
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> Person:
        if not 0 <= index < len(self):
            raise IndexError(f"person {index} of {len(self)}")
        part = int(np.searchsorted(self.ends, index, side="right"))
        return self.parts[part][index - (int(self.ends[part - 1]) if part else 0)]


class FirstPersons(Sequence):
    """The main `Person` of every scene of a data set whose items offer `person()`."""

    def __init__(self, scenes) -> None:
        self.scenes, self.skeleton = scenes, scenes.skeleton

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Person:
        return self.scenes[index].person()
