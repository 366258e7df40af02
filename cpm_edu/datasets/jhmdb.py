"""sub-JHMDB: people in short videos, 15 joints, three official splits.

Two layouts are read. mmpose's: annotations/Sub{1,2,3}_{train,test}.json beside the frames. The original:
Rename_Images/<class>/<clip>/00001.png, joint_positions/<class>/<clip>/joint_positions.mat,
puppet_mask/<class>/<clip>/puppet_mask.mat and the official lists in sub_splits/ (the 316 clips of sub-JHMDB,
<class>_test_split_1.txt) or splits/ (all 928, <class>_test_split1.txt). Files count pixels from 1; here from 0.

Source: Jhuang et al., ICCV 2013; the rules are those of mmpose's JhmdbDataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..skeletons import JHMDB as JHMDB_SKELETON
from . import data_root
from .annotated import AnnotatedPeople, BadRecord, DataError, Record, Sieve
from .coco_json import BOX_PADDING, annotated_records, read_coco_file
from .matlab import load_mat
from .pictures import Pictures

__all__ = ["JhmdbPeople"]

HALVES = {"train": "1", "test": "2"}  # in the official lists; 0 is in neither
LISTS = ("sub_splits", "splits")
CLIP_IDS = 10_000  # a frame's id: the clip's place in the lists, then the frame in four digits
HOW_TO_GET = (
    "How to get JHMDB: from jhmdb.is.tue.mpg.de take Rename_Images, joint_positions, puppet_mask and sub_splits and "
    "unpack them in {folder}; or put Sub1_train.json, Sub1_test.json and so on, which mmpose's page on JHMDB links, "
    "into {folder}/annotations, beside Rename_Images."
)


class JhmdbPeople(AnnotatedPeople):
    """Every labelled frame is one person.

    Args:
        split: "train" or "test".
        sub: which of the three official splits, 1..3.
        folder: the data set's folder; None: `data_root()/jhmdb`.
        annotations: a .json file in place of the official one.
        images: the folder that the names in the .json begin at (None: `folder`), or that holds the original
            layout's classes (None: `folder/Rename_Images`).
        skip_bad: leave broken records out and count them, instead of stopping at the first.

    Raises:
        DataError: a file that is missing or of another data set, or a broken record.
    """

    def __init__(
        self,
        split: str = "test",
        sub: int = 1,
        folder: Path | str | None = None,
        *,
        annotations: Path | str | None = None,
        images: Path | str | None = None,
        skip_bad: bool = False,
    ) -> None:
        if split not in HALVES or sub not in (1, 2, 3):
            raise ValueError(f"JHMDB has no split {split!r} {sub}: train, test of 1, 2, 3")
        folder = Path(folder) if folder is not None else data_root() / "jhmdb"
        self.split, self.sub = split, sub
        title, how_to_get = f"JHMDB split {sub}, {split}", HOW_TO_GET.format(folder=folder)
        path = Path(annotations or folder / "annotations" / f"Sub{sub}_{split}.json")
        lists = next((folder / name for name in LISTS if (folder / name).is_dir()), None)
        original = annotations is None and not path.exists() and lists is not None
        pictures = Pictures([images or (folder / "Rename_Images" if original else folder)])
        needed = (folder / "joint_positions", folder / "puppet_mask") if original else (path,)
        for file in (*needed, *pictures.sources):
            if not file.exists():
                raise DataError(f"{title}: there is no {file}. {how_to_get}")
        if original:
            sieve = Sieve(lists, skip_bad=skip_bad)
            if lists.name == LISTS[1]:
                title += ", all 21 classes (the lists of sub-JHMDB's 12 are not there)"
            records = _original_records(folder, lists, split, sub, pictures, sieve)
        else:
            sieve = Sieve(path, skip_bad=skip_bad)
            file = read_coco_file(path, title, sieve)
            if file.joints != JHMDB_SKELETON.joints:
                raise DataError(
                    f"{title}: {path} labels {len(file.joints)} joints ({', '.join(file.joints[:3])}, ...), not "
                    f"JHMDB's {JHMDB_SKELETON.num_joints}, {JHMDB_SKELETON.joints[0]} first"
                )
            records = annotated_records(file, pictures, sieve, first_px=1)
        super().__init__(title, records, JHMDB_SKELETON, pictures, sieve, how_to_get)
        self.require_people()


def _original_records(
    folder: Path, lists: Path, split: str, sub: int, pictures: Pictures, sieve: Sieve
) -> Iterator[Record]:
    """Frames of the clips that the official lists put into this half, by class and clip.

    Some clips end with frames that lack a mask; they are left out.
    """
    for number, (name, half) in enumerate(_clips(lists, sub), start=1):
        if half != HALVES[split]:
            continue
        try:
            joints = _of_clip(folder, "joint_positions", name, "pos_img", (2, JHMDB_SKELETON.num_joints))
            mask = _of_clip(folder, "puppet_mask", name, "part_mask", ())
        except BadRecord as bad:
            sieve.refuse(str(bad), name)
            continue
        labels, masks = joints.shape[2], mask.shape[2]
        for frame in range(max(labels, masks)):
            file = f"{name}/{frame + 1:05d}.png"
            if frame >= labels:
                sieve.drop("its joints are not labelled", file)
            elif frame >= masks or not mask[..., frame].any():
                sieve.drop("it has no puppet mask, so the person has no box", file)
            else:
                try:
                    yield _frame(
                        file, number * CLIP_IDS + frame + 1, joints[..., frame], mask[..., frame], pictures
                    )
                except BadRecord as bad:
                    sieve.refuse(str(bad), file)


def _clips(lists: Path, sub: int) -> Iterator[tuple[str, str]]:
    """("class/clip", half) of every line "CLIP.avi 1" of <class>_test_split<sub>.txt, classes in order."""
    found = {}
    for file in lists.rglob("*.txt"):
        name = re.fullmatch(rf"(.+)_test_split_?{sub}\.txt", file.name)
        hidden = any(part.startswith(".") for part in file.relative_to(lists).parts)  # as macOS leaves behind
        if name and not hidden:
            found[name[1]] = file
    if not found:
        raise DataError(f"JHMDB: {lists} holds no list <class>_test_split{sub}.txt")
    for action, file in sorted(found.items()):
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), start=1):
            clip = re.fullmatch(r"\s*(.+?)(?:\.avi)?\s+([012])\s*", line)
            if clip:
                yield f"{action}/{clip[1]}", clip[2]
            elif line.strip():
                raise DataError(f"JHMDB: {file}, line {number} is {line!r}, not a clip's name and 0, 1 or 2")


def _of_clip(folder: Path, kind: str, clip: str, variable: str, first_sizes: tuple[int, ...]) -> np.ndarray:
    """(.., .., frames) of <kind>/<clip>/<kind>.mat; BadRecord where it is missing or of another shape."""
    path = folder / kind / clip / f"{kind}.mat"
    content = load_mat(path)
    if variable not in content:
        raise BadRecord(f"{path} holds no {variable}")
    values = np.atleast_3d(content[variable])  # MATLAB drops the last size where it is 1
    if values.ndim != 3 or values.shape[: len(first_sizes)] != first_sizes or values.dtype.kind not in "buif":
        expected = "(2, 15, frames)" if first_sizes else "(height, width, frames)"
        raise BadRecord(f"{variable} of {path} has shape {content[variable].shape}, not {expected}")
    return values


def _frame(file: str, number: int, joints: np.ndarray, mask: np.ndarray, pictures: Pictures) -> Record:
    """Joints (2, 15) from 1 and a (height, width) mask -> the frame's record; the box is the mask's extent."""
    if not np.isfinite(joints).all():
        raise BadRecord("a joint is NaN or infinite")
    if pictures.find(file) is None:
        raise BadRecord(f"there is no such picture in {', '.join(map(str, pictures.sources))}")
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    height, width = mask.shape
    # As mmpose's json has it: the width counts pixels, and the far edge stays in the picture.
    low = np.array([columns[0], rows[0]], np.float32)
    high = np.minimum([columns[-1] + 1, rows[-1] + 1], [width - 1, height - 1]).astype(np.float32)
    if not (high > low).all():
        raise BadRecord(f"its box is {high[0] - low[0]:g} px wide and {high[1] - low[1]:g} px high")
    return Record(
        name=file, file=file, image_id=number, id=number, joints_px=(joints.T - 1).astype(np.float32),
        visibility=np.ones(JHMDB_SKELETON.num_joints, np.float32), box_xyxy=np.concatenate([low, high]),
        center_px=(low + high) / 2, scale_px=(high - low) * np.float32(BOX_PADDING),
    )  # fmt: skip
