"""People from annotation files: what COCO, MPII, JHMDB and your own data have in common.

A loader turns its file into `Record`s, dropping what the data set's own rules drop (counted and named) and
refusing what is broken (one sentence, or counted and left out with `skip_bad`).
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..skeletons import Skeleton
from .people import Person
from .pictures import Picture, Pictures

__all__ = ["AnnotatedPeople", "BadRecord", "DataError", "Record", "Sieve", "finite_numbers", "read_json"]

NAMES_SHOWN = 3


class DataError(ValueError):
    """An annotation file, or a record in it, that cannot be used; the message names both."""


class BadRecord(Exception):
    """Why one record is broken; a loader hands the words to `Sieve.refuse`."""


@dataclass(frozen=True, eq=False)
class Record:
    """What a file says about one person, in pixels that count from 0.

    Args:
        name: what to call it in a message, such as "000000000785.jpg, annotation 442619".
        file: name of its picture, as `Pictures` knows it.
        image_id: the picture in the file.
        id: the person in the file.
        joints_px: (J, 2) float32 (x, y); anything where not labelled.
        visibility: (J,) float32, 0 where the joint is not labelled.
        box_xyxy: (4,) float32, the person's box before padding.
        center_px: (2,) float32, the middle of the crop.
        scale_px: (2,) float32 (width, height) of the crop, padded, before it gets the network's aspect.
        score: the detector's; 1 for an annotated box.
        head_size: MPII's length for PCKh in pixels; NaN elsewhere.
        area: the annotated outline's in square pixels, which OKS is measured by; NaN where not known.
    """

    name: str
    file: str
    image_id: int
    id: int
    joints_px: np.ndarray
    visibility: np.ndarray
    box_xyxy: np.ndarray
    center_px: np.ndarray
    scale_px: np.ndarray
    score: float = 1.0
    head_size: float = float("nan")
    area: float = float("nan")

    @property
    def labelled(self) -> np.ndarray:
        """(J,) bool."""
        return self.visibility > 0


class Sieve:
    """Counts what a loader leaves out.

    Args:
        file: the annotation file, for messages.
        skip_bad: count broken records too, instead of stopping at the first.
    """

    def __init__(self, file: Path | str, *, skip_bad: bool = False) -> None:
        self.file, self.skip_bad = Path(file), skip_bad
        self.dropped: dict[str, list[str]] = defaultdict(list)
        self.bad: dict[str, list[str]] = defaultdict(list)
        self.noted: dict[str, list[str]] = defaultdict(list)

    def drop(self, reason: str, name: str) -> None:
        """Leave out a record that the data set's own rules leave out."""
        self.dropped[reason].append(name)

    def refuse(self, reason: str, name: str) -> None:
        """Leave out a broken record; DataError unless `skip_bad`."""
        if not self.skip_bad:
            raise DataError(
                f"{self.file}: {name}: {reason}. Mend it, or leave such records out by --skip-bad"
            )
        self.bad[reason].append(name)

    def note(self, what: str, name: str) -> None:
        """Keep a record that the file does not describe fully, and say what was made of it."""
        self.noted[what].append(name)

    def summary(self) -> str:
        """One line a reason, with its count and the first names; "" where there is nothing to say."""
        lines = []
        for what, reasons in (
            ("left out by rule", self.dropped), ("left out as broken", self.bad), ("kept", self.noted),
        ):  # fmt: skip
            for reason, names in reasons.items():
                more = len(names) - NAMES_SHOWN
                shown = "; ".join(names[:NAMES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
                lines.append(f"{what}: {len(names)} ({reason}): {shown}")
        return "\n".join(lines)


class AnnotatedPeople(Sequence):
    """A sequence of `Person` whose pictures are read when they are needed.

    Args:
        title: such as "COCO val2017".
        records: the people.
        skeleton: their joints.
        pictures: where `Record.file` is found.
        sieve: what was left out.
        how_to_get: where the files must lie and who gives them, for `describe`.
    """

    def __init__(
        self,
        title: str,
        records: Iterable[Record],
        skeleton: Skeleton,
        pictures: Pictures,
        sieve: Sieve,
        how_to_get: str = "",
    ) -> None:
        self.title, self.records, self.skeleton = title, list(records), skeleton
        self.pictures, self.sieve, self.how_to_get = pictures, sieve, how_to_get
        self._of_file: dict[str, list[int]] = defaultdict(list)
        for index, record in enumerate(self.records):
            self._of_file[record.file].append(index)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Person:
        if not 0 <= index < len(self):
            raise IndexError(f"person {index} of {len(self)}")
        record = self.records[index]
        others = [self.records[i] for i in self._of_file[record.file] if i != index]
        return Person(
            image=Picture(self.pictures, record.file),
            joints_px=record.joints_px,
            labelled=record.labelled,
            center_px=record.center_px,
            scale_px=record.scale_px,
            name=record.name,
            others_px=np.stack([o.joints_px for o in others]) if others else None,
            others_labelled=np.stack([o.labelled for o in others]) if others else None,
        )

    def chosen(self, indices: Iterable[int]) -> AnnotatedPeople:
        """The same data set with only these people, in this order."""
        part = copy.copy(self)
        AnnotatedPeople.__init__(
            part, self.title, [self.records[i] for i in indices], self.skeleton, self.pictures, self.sieve,
            self.how_to_get,
        )  # fmt: skip
        return part

    def require_people(self) -> None:
        """DataError that tells what was left out, where nobody is left."""
        if not self.records:
            own = self.title == self.sieve.file.name  # a file of one's own is its own title
            nobody = f"{'' if own else f'{self.title}: '}{self.sieve.file} leaves nobody"
            raise DataError("\n".join(filter(None, [nobody, self.sieve.summary()])))

    def describe(self) -> str:
        """What a newcomer asks: how many pictures, people and joints, where the files lie, how to get them."""
        labelled = int(sum(record.labelled.sum() for record in self.records))
        lines = [
            f"{self.title}: {len(self._of_file)} pictures, {len(self)} people, {labelled} of "
            f"{len(self) * self.skeleton.num_joints} joints labelled ({self.skeleton.name}: "
            f"{self.skeleton.num_joints} joints)",
            f"annotations: {self.sieve.file}",
            f"pictures: {', '.join(map(str, self.pictures.sources))}",
            self.sieve.summary(),
            self.how_to_get,
        ]
        return "\n".join(line for line in lines if line)


def read_json(path: Path | str, what: str):
    """A JSON file's content; DataError that says which file and why where it cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{what}: {path}: there is no such file")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editors begin a file with a byte order mark
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = " (JSON has no comments and no comma before a closing bracket)"
        written = isinstance(error, json.JSONDecodeError) and error.doc.strip()
        raise DataError(f"{what}: {path} is not a JSON file ({error}){hint if written else ''}") from None


def finite_numbers(values, count: int, what: str) -> np.ndarray:
    """`count` numbers out of a JSON list.

    Args:
        what: what they are, in the plural, such as 'its "keypoints"'.

    Returns:
        (count,) float64.

    Raises:
        BadRecord: no list, another number of them, something that is no number, NaN or infinity.
    """
    if not isinstance(values, list | tuple | np.ndarray):
        raise BadRecord(f"{what} are {values!r}, not {count} numbers")
    if len(values) != count:
        raise BadRecord(f"{what} are {len(values)} numbers, not {count}")
    try:
        numbers = np.array(values, np.float64)
    except (ValueError, TypeError):
        numbers = np.empty(0)
    if numbers.shape != (count,):
        raise BadRecord(f"{what} are not all numbers")
    if not np.isfinite(numbers).all():
        raise BadRecord(f"{what} hold NaN or infinity")
    return numbers
