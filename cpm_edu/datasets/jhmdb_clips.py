"""JHMDB clips whose joints were recovered from normalised poses: good to learn from, not comparable in print.

The pack holds every second frame of 234 clips of 8 of sub-JHMDB's 12 classes, each clip cut to one rectangle:
`frames_sub8.zip` and `jhmdb_14class_poses.npz`. The recovered scale of a frame is a guess among steps of 5 %, so
joints far from the middle may be some pixels off; published numbers are of the original joints and all 12 classes.

Source: Jhuang et al., ICCV 2013 (clips, splits); the pack's README tells how the joints were recovered.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..skeletons import JHMDB as JHMDB_SKELETON
from . import data_root
from .annotated import AnnotatedPeople, DataError, Record, Sieve
from .coco_json import BOX_PADDING
from .pictures import Pictures

__all__ = ["JhmdbClips"]

POSES, FRAMES = "jhmdb_14class_poses.npz", "frames_sub8.zip"
ARRAYS = ("clip", "start", "pos_img", "bbox_xyxy", "split", "sub8", "crop_xyxy")
FRAME_STEP = 2  # the pack keeps frames 0, 2, 4, ...
LAST_PX = (319, 239, 319, 239)  # mmpose's JhmdbDataset keeps boxes inside the frame
TRAIN, TEST = 1, 2  # how the pack and the official split files number the halves
HOW_TO_GET = (
    "This pack was made for developing this package and is not published; the original JHMDB "
    "(jhmdb.is.tue.mpg.de) is read as jhmdb-sub1, jhmdb-sub2 and jhmdb-sub3."
)


class JhmdbClips(AnnotatedPeople):
    """Frames of the recovered clips; every frame is one person of 15 joints, all labelled.

    Args:
        split: "train" (the official training clips less those for validation), "val" (the clips of every tenth
            source video of the official training half) or "test" (the official test clips).
        sub: which of the three official splits, 1..3.
        folder: of the pack; None: `data_root()/jhmdb`.

    Attributes:
        clips: names of the clips, "class/clip".
        corners_px: clip -> (2,) pixel (x, y) of the 320 x 240 frame at which the pack's pictures begin.

    Raises:
        DataError: the pack is not there, or damaged, or holds nobody of this part.
        ValueError: no such split.
    """

    def __init__(self, split: str = "train", sub: int = 1, folder: Path | str | None = None) -> None:
        if split not in ("train", "val", "test") or sub not in (1, 2, 3):
            raise ValueError(f"the JHMDB clips have no split {split!r} {sub}: train, val, test of 1, 2, 3")
        folder = Path(folder) if folder is not None else data_root() / "jhmdb"
        for file in (POSES, FRAMES):
            if not (folder / file).is_file():
                raise DataError(f"JHMDB clips: there is no {folder / file}. {HOW_TO_GET}")
        self.split, self.sub = split, sub
        poses = _load_poses(folder / POSES)
        half = TEST if split == "test" else TRAIN
        chosen = np.flatnonzero(poses["sub8"] & (poses["split"][:, sub - 1] == half))
        if split != "test":
            held_out = _every_tenth_source(poses["clip"][chosen])
            chosen = chosen[held_out if split == "val" else ~held_out]
        self.clips = [str(poses["clip"][i]) for i in chosen]
        self.corners_px = {str(poses["clip"][i]): poses["crop_xyxy"][i, :2] for i in chosen}
        records = [record for i in chosen for record in _frames(poses, int(i))]
        sieve = Sieve(folder / POSES)
        title = f"JHMDB clips with recovered joints, split {sub}, {split}"
        super().__init__(title, records, JHMDB_SKELETON, Pictures([folder / FRAMES]), sieve, HOW_TO_GET)
        self.require_people()


def _load_poses(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as pack:
            return {name: pack[name] for name in ARRAYS}
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"JHMDB clips: {path} is not that of the pack ({error})") from None


def _every_tenth_source(clips: np.ndarray) -> np.ndarray:
    """(len(clips),) bool: "class/VIDEO_class_..." clips of one video stay together."""
    sources = []
    for clip in clips:
        action, _, name = str(clip).partition("/")
        sources.append((action, name.rpartition(f"_{action}_")[0]))
    held_out = set(sorted(set(sources))[9::10])
    return np.array([source in held_out for source in sources])


def _frames(poses: dict[str, np.ndarray], clip: int) -> list[Record]:
    name = str(poses["clip"][clip])
    start, end = poses["start"][clip : clip + 2]
    corner = poses["crop_xyxy"][clip, :2].astype(np.float32)
    records = []
    for row in range(int(start), int(end), FRAME_STEP):
        file = f"{name}/{row - int(start):03d}.jpg"
        box = np.minimum(poses["bbox_xyxy"][row], LAST_PX).astype(np.float32) - np.tile(corner, 2)
        size = box[2:] - box[:2]
        records.append(
            Record(
                name=file, file=file, image_id=row, id=row,
                joints_px=(poses["pos_img"][row] - 1 - corner).astype(np.float32),  # the file counts from 1
                visibility=np.ones(JHMDB_SKELETON.num_joints, np.float32),
                box_xyxy=box, center_px=(box[:2] + box[2:]) / 2, scale_px=size * np.float32(BOX_PADDING),
            )
        )  # fmt: skip
    return records
