"""MPII Human Pose: 16 joints, a position and a size for every person, a head box as the measure of PCKh.

Below the data set's folder: images/*.jpg and annotations/ with mpii_train.json, mpii_val.json and mpii_gt_val.mat
(the split of the published tables, as mmpose and others hand it out); or the original
mpii_human_pose_v1_u12_1.mat, which names no validation people. Files count pixels from 1; here from 0.

Source: Andriluka et al., CVPR 2014; the rules are those of mmpose's MpiiDataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..metrics.benchmarks import head_sizes_mpii
from ..skeletons import MPII as MPII_SKELETON
from . import data_root
from .annotated import AnnotatedPeople, BadRecord, DataError, Record, Sieve, finite_numbers, read_json
from .coco_json import BOX_PADDING, kind_of_file
from .matlab import load_mat, number_of, structs_of, text_of
from .pictures import Pictures

__all__ = ["MpiiPeople"]

ORIGINAL = "mpii_human_pose_v1_u12_1.mat"
HEADS = "mpii_gt_val.mat"
PUBLISHED_SPLIT = (
    "detections.mat"  # of Tompson's validation predictions: it lists the people of the usual split
)
PX_PER_SCALE = 200.0  # a person's "scale" is its height over 200 px
DOWN_PX_PER_SCALE = 15.0  # mmpose moves the position down by 15 px x scale, to have the feet in the crop
VALIDATION_SHARE = 10  # without that list every tenth video validates (ours)
RULES = ("0.x", "1.x")
HOW_TO_GET = (
    "How to get MPII: the pictures (12 GB) from human-pose.mpi-inf.mpg.de into {folder}/images; mpii_train.json, "
    "mpii_val.json and mpii_gt_val.mat, which mmpose's page on MPII links, into {folder}/annotations. The original "
    f"{ORIGINAL} in {{folder}} does instead; {PUBLISHED_SPLIT} beside it, which lists the people that published "
    "tables validate on, makes its split theirs."
)


@dataclass(frozen=True)
class _Entry:
    """One person of either file, pixels as in the file."""

    name: str
    file: Any
    center: Any
    scale: Any
    joints: Any
    labelled: Any
    head: np.ndarray | None


class MpiiPeople(AnnotatedPeople):
    """MPII people with a position and a size; a person without a labelled joint is kept, as mmpose does.

    Args:
        split: "train" or "val". Of the original .mat: by `detections.mat` beside it, else every tenth video is
            "val". Its pictures without joints, the test pictures of the benchmark, are in neither.
        folder: the data set's folder; None: `data_root()/mpii`.
        annotations: a .json or .mat file in place of the official one.
        images: a folder (or .zip) of pictures in place of `images`.
        joints_rule: "0.x" takes 1 px off the joints, so that they count from 0 as everything here; "1.x" leaves
            them as in the file, as mmpose 1.x trains: one pixel off, for reproducing it.
        skip_bad: leave broken records out and count them, instead of stopping at the first.

    `Record.head_size` is MPII's length for PCKh, from mpii_gt_val.mat beside mpii_val.json or from the original
    file; NaN where there is none.

    Raises:
        DataError: a file that is missing or of another data set, or a broken record.
    """

    def __init__(
        self,
        split: str = "val",
        folder: Path | str | None = None,
        *,
        annotations: Path | str | None = None,
        images: Path | str | None = None,
        joints_rule: str = "0.x",
        skip_bad: bool = False,
    ) -> None:
        if split not in ("train", "val"):
            raise ValueError(f"MPII has no split {split!r}: train, val")
        if joints_rule not in RULES:
            raise ValueError(f'joints_rule must be "0.x" or "1.x", not {joints_rule!r}')
        folder = Path(folder) if folder is not None else data_root() / "mpii"
        title, how_to_get = f"MPII {split}", HOW_TO_GET.format(folder=folder)
        path = Path(annotations) if annotations is not None else _official(folder, split)
        pictures = Pictures([images or folder / "images"])
        for needed in (path, *pictures.sources):
            if not needed.exists():
                raise DataError(f"{title}: there is no {needed}. {how_to_get}")
        self.split, self.joints_rule = split, joints_rule
        sieve = Sieve(path, skip_bad=skip_bad)
        if path.suffix == ".mat":
            published = path.with_name(PUBLISHED_SPLIT)
            entries = _entries_of_mat(path, split, published if published.is_file() else None, sieve)
            if not published.is_file():
                title += f", a split of our own (every {VALIDATION_SHARE}th video of {path.name} validates)"
        else:
            entries = _entries_of_json(path, split, sieve)
        first_px = 1.0 if joints_rule == "0.x" else 0.0
        records = _records(entries, pictures, sieve, first_px)
        super().__init__(title, records, MPII_SKELETON, pictures, sieve, how_to_get)
        self.require_people()


def _official(folder: Path, split: str) -> Path:
    path = folder / "annotations" / f"mpii_{split}.json"
    return folder / ORIGINAL if not path.exists() and (folder / ORIGINAL).exists() else path


# ---- mmpose's json


def _entries_of_json(path: Path, split: str, sieve: Sieve) -> Iterator[_Entry]:
    data = read_json(path, f"MPII {split}")
    kind = kind_of_file(data)
    if not kind.startswith("MPII"):
        raise DataError(f"MPII {split}: {path} is no list of MPII people: it looks like {kind}")
    heads = _heads_beside(path, len(data)) if split == "val" else [None] * len(data)
    for place, (person, head) in enumerate(zip(data, heads, strict=True), start=1):
        if not isinstance(person, dict):
            sieve.refuse(
                "it is no object of image, center, scale, joints, joints_vis", f"person {place} of the list"
            )
            continue
        yield _Entry(
            f"{person.get('image')}, person {place} of the list", person.get("image"), person.get("center"),
            person.get("scale"), person.get("joints"), person.get("joints_vis"), head,
        )  # fmt: skip


def _heads_beside(path: Path, count: int) -> list[np.ndarray | None]:
    """The (2, 2) head box corners of the validation people in the order of mpii_val.json, or Nones."""
    file = path.with_name(HEADS)
    if not file.is_file():
        return [None] * count
    boxes = np.asarray(
        _variable(file, "headboxes_src", HEADS), np.float64
    )  # (2, 2, N): corner, x and y, person
    if boxes.shape != (2, 2, count):
        raise DataError(
            f"MPII val: {file} has head boxes of shape {boxes.shape}; {path.name} has {count} people, so it should "
            f"be (2, 2, {count})"
        )
    return list(boxes.transpose(2, 0, 1))


def _variable(path: Path, name: str, file_is: str) -> np.ndarray:
    try:
        content = load_mat(path)
    except BadRecord as bad:
        raise DataError(f"MPII: {bad}") from None
    if name not in content:
        raise DataError(f"MPII: {path} holds no {name}: it is not {file_is}")
    return content[name]


# ---- the original file


def _entries_of_mat(path: Path, split: str, published: Path | None, sieve: Sieve) -> Iterator[_Entry]:
    """RELEASE.annolist(i).annorect(k): head box x1 y1 x2 y2, scale, objpos.x y, annopoints.point(j).id x y."""
    release = _variable(path, "RELEASE", ORIGINAL).flat[0]
    pictures = structs_of(release, "annolist")
    training = np.ravel(getattr(release, "img_train", []))
    if len(training) != len(pictures) or not pictures:
        raise DataError(
            f"MPII {split}: {path} has {len(pictures)} annolist and {len(training)} img_train: it is not {ORIGINAL}"
        )
    held_out = (
        _published_people(published, len(pictures)) if published else _every_tenth_video(pictures, training)
    )
    for place, (picture, has_joints) in enumerate(zip(pictures, training, strict=True)):
        if not has_joints or (place in held_out) != (split == "val"):
            continue
        file = next((text_of(image, "name") for image in structs_of(picture, "image")), None)
        chosen = held_out.get(place)  # None: everybody
        for number, person in enumerate(structs_of(picture, "annorect"), start=1):
            name = f"{file}, person {number} of the picture"
            if chosen is not None and number not in chosen:
                continue
            points = [p for points in structs_of(person, "annopoints") for p in structs_of(points, "point")]
            position = structs_of(person, "objpos")
            scale = number_of(person, "scale")
            if not points:
                sieve.drop("no joint is annotated", name)
            elif not position or np.isnan(scale):
                sieve.drop("no position or no scale, so there is no crop", name)
            else:
                try:
                    joints, labelled = _joints_of(points)
                except BadRecord as bad:
                    sieve.refuse(str(bad), name)
                    continue
                center = [number_of(position[0], axis) for axis in "xy"]
                yield _Entry(name, file, center, scale, joints, labelled, _head_of(person))


def _published_people(path: Path, num_pictures: int) -> dict[int, set[int] | None]:
    """Places of the validation pictures -> numbers, from 1, of the people in them."""
    pictures, people = (
        np.ravel(_variable(path, name, f"the {PUBLISHED_SPLIT} of Tompson's validation predictions")).astype(
            int
        )
        for name in ("RELEASE_img_index", "RELEASE_person_index")
    )
    if (
        len(pictures) != len(people)
        or not len(pictures)
        or pictures.min() < 1
        or pictures.max() > num_pictures
    ):
        raise DataError(
            f"MPII: {path} lists {len(pictures)} pictures and {len(people)} people, which do not fit the "
            f"{num_pictures} pictures of {ORIGINAL}"
        )
    found: dict[int, set[int] | None] = {}
    for place, number in zip(pictures.tolist(), people.tolist(), strict=True):
        found.setdefault(place - 1, set()).add(number)
    return found


def _every_tenth_video(pictures: list, training: np.ndarray) -> dict[int, set[int] | None]:
    """Places of the pictures of every tenth video, each with everybody in it; a picture of no video is its own."""
    videos: dict[Any, list[int]] = {}
    for place, (picture, has_joints) in enumerate(zip(pictures, training, strict=True)):
        if has_joints:
            video = number_of(picture, "vididx")
            videos.setdefault(("picture", place) if np.isnan(video) else video, []).append(place)
    chosen = list(videos.values())[VALIDATION_SHARE - 1 :: VALIDATION_SHARE]
    return {place: None for places in chosen for place in places}


def _joints_of(points: list) -> tuple[list, list]:
    """(16) positions, and which of them are given: an occluded joint is, whatever `is_visible` says."""
    joints = np.full((MPII_SKELETON.num_joints, 2), -1.0)  # as the json has the others
    labelled = np.zeros(len(joints))
    for point in points:
        joint = number_of(point, "id")
        if joint not in range(len(joints)):
            raise BadRecord(f'a joint has the "id" {joint:g}, not one of 0 to {len(joints) - 1}')
        joints[int(joint)] = number_of(point, "x"), number_of(point, "y")
        labelled[int(joint)] = 1
    return joints.tolist(), labelled.tolist()


def _head_of(person) -> np.ndarray | None:
    corners = np.array([number_of(person, side) for side in ("x1", "y1", "x2", "y2")]).reshape(2, 2)
    return corners if np.isfinite(corners).all() else None


# ---- both


def _records(
    entries: Iterator[_Entry], pictures: Pictures, sieve: Sieve, first_px: float
) -> Iterator[Record]:
    there: dict[str, bool] = {}
    for number, entry in enumerate(entries):
        try:
            record = _record(entry, number, first_px)
            if entry.file not in there:
                there[entry.file] = pictures.find(entry.file) is not None
            if not there[entry.file]:
                raise BadRecord(f"there is no such picture in {', '.join(map(str, pictures.sources))}")
        except BadRecord as bad:
            sieve.refuse(str(bad), entry.name)
            continue
        yield record


def _record(entry: _Entry, number: int, first_px: float) -> Record:
    num_joints = MPII_SKELETON.num_joints
    if not isinstance(entry.file, str) or not Path(entry.file).stem.isdecimal():
        raise BadRecord(f'its "image" is {entry.file!r}, not a file name of digits, which MPII\'s are')
    center = finite_numbers(entry.center, 2, 'its "center" (x, y)')
    [scale] = finite_numbers([entry.scale], 1, 'its "scale"')
    if scale <= 0:
        raise BadRecord(f'its "scale" is {scale:g}: the person has no size')
    labelled = finite_numbers(entry.labelled, num_joints, 'its "joints_vis"') > 0
    if not isinstance(entry.joints, list) or len(entry.joints) != num_joints:
        raise BadRecord(f'its "joints" are not {num_joints} points')
    joints = np.stack([finite_numbers(point, 2, 'its "joints"') for point in entry.joints])
    if center[0] != -1:  # mmpose's MpiiDataset
        center[1] += DOWN_PX_PER_SCALE * scale
    center = (center - 1).astype(np.float32)
    side = np.float32(PX_PER_SCALE * scale)
    head_size = float("nan")
    if entry.head is not None:
        head_size = float(head_sizes_mpii(entry.head[None])[0])
    return Record(
        name=entry.name, file=entry.file, image_id=int(Path(entry.file).stem), id=number,
        joints_px=(joints - first_px).astype(np.float32), visibility=labelled.astype(np.float32),
        box_xyxy=np.concatenate([center - side / 2, center + side / 2]).astype(np.float32),
        center_px=center, scale_px=np.array([side, side]) * np.float32(BOX_PADDING), head_size=head_size,
    )  # fmt: skip
