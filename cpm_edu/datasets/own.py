"""Your own data: any COCO-style file with any joints, and pictures in a folder.

The file needs "images" (id, file_name; width and height if you have them), "annotations" (id, image_id,
"keypoints": x, y, v of every joint; "bbox" if you have it) and one category with the joints' names. docs/own_data.md
walks through it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from ..images import ImageError, load_image
from ..skeletons import SKELETONS, Skeleton
from .annotated import AnnotatedPeople, DataError, Record, Sieve
from .coco_json import CocoFile, annotated_records, given_size, read_coco_file
from .pictures import Pictures

__all__ = ["BOX_LIKE_CORNERS", "ODD_V", "OwnPeople", "skeleton_of_category", "split_by_picture"]

ORIENTATION_TAG, TURNED_BY_90_DEG = ExifTags.Base.Orientation, 5  # EXIF: 5..8 swap width and height
BOX_LIKE_CORNERS = "its box reaches beyond the picture, and would fit as x0, y0, x1, y1"
ODD_V = "a v is not 0, 1 or 2"
LOWER_BODY = ("hip", "knee", "ankle", "foot", "heel", "toe", "thigh", "shin", "leg")


class OwnPeople(AnnotatedPeople):
    """People (or animals, or hands) of a COCO-style file.

    Args:
        annotations: the JSON file.
        images: the folder or .zip in which its file names are found.
        skip_bad: leave broken records out and count them, instead of stopping at the first.

    Attributes:
        skeleton: joints, limbs and pairs from the file's category. Joints named and ordered as those of a
            data set of this package get that skeleton.

    Raises:
        DataError: a file that is missing or of another kind, or a broken record.
    """

    def __init__(self, annotations: Path | str, images: Path | str, *, skip_bad: bool = False) -> None:
        path, pictures = Path(annotations), Pictures([images])
        if not path.is_file():
            raise DataError(f"own data: there is no file {path}")
        if not pictures.sources[0].exists():
            raise DataError(
                f"{path}: there is no folder '{images}'; --images names the folder of its pictures"
            )
        self.annotation_file = path
        sieve = Sieve(path, skip_bad=skip_bad)
        file = read_coco_file(path, "own data", sieve)
        skeleton = skeleton_of_category(file)
        _require_some_picture(file, pictures)
        records = annotated_records(file, pictures, sieve, boxes_needed=False)
        records = _of_pictures_that_fit(records, file, pictures, sieve)
        super().__init__(path.name, records, skeleton, pictures, sieve)
        self.require_people()


def skeleton_of_category(file: CocoFile) -> Skeleton:
    """The joints of a file's category with its limbs; flip pairs follow from the names.

    Raises:
        DataError: a joint named twice, or a limb between joints that do not exist.
    """
    for known in SKELETONS.values():
        if known.joints == file.joints:
            return known
    category, count = file.category, len(file.joints)
    limbs = category.get("skeleton") or []
    for limb in limbs:
        ends = limb if isinstance(limb, list) and len(limb) == 2 else []
        if not ends or not all(type(end) is int and 1 <= end <= count for end in ends):
            raise DataError(
                f'{file.path}: limb {limb!r} in the "skeleton" of category {category["name"]!r} is not two joint '
                f"numbers of 1..{count} (they count from 1)"
            )
    halves = [any(part in name.lower() for part in LOWER_BODY) for name in file.joints]
    try:
        skeleton = Skeleton(
            name=str(category["name"]),
            joints=file.joints,
            limbs=tuple((a - 1, b - 1) for a, b in limbs),
            upper_body=tuple(j for j, lower in enumerate(halves) if not lower),
            lower_body=tuple(j for j, lower in enumerate(halves) if lower),
        )
    except ValueError as error:
        raise DataError(f"{file.path}: {error}") from None
    return _with_torso(skeleton)


def _with_torso(skeleton: Skeleton) -> Skeleton:
    """The same with left shoulder and right hip as its torso, where it has both."""
    found = {}
    for left, right in skeleton.flip_pairs:
        for part, joint in (("shoulder", left), ("hip", right)):
            if part in skeleton.joints[left].lower() and part not in found:
                found[part] = joint
    if len(found) < 2:
        return skeleton
    return Skeleton(
        skeleton.name, skeleton.joints, skeleton.limbs, skeleton.upper_body, skeleton.lower_body,
        torso=(found["shoulder"], found["hip"]),
    )  # fmt: skip


def _require_some_picture(file: CocoFile, pictures: Pictures) -> None:
    """DataError where none of a file's pictures is found: then the folder is wrong, not the records."""
    names = [image.get("file_name") for entries in file.images.values() for image in entries]
    names = [name for name in names if isinstance(name, str)]
    if names and not any(pictures.find(name) for name in names):
        source = pictures.sources[0]
        where = f"in the folder '{source}'" + pictures.under_other_name(names[0])
        beside = {
            folder for place in (file.path.parent, source.parent) for folder in (place, *place.glob("*"))
        }
        found = [folder for folder in sorted(beside) if os.path.isfile(folder / names[0])]
        raise DataError(
            f"none of the {len(names)} pictures of {file.path} is {where}; --images names the folder of the pictures"
            + (f", is it '{found[0]}'?" if found else "")
        )


def _of_pictures_that_fit(
    records: list[Record], file: CocoFile, pictures: Pictures, sieve: Sieve
) -> list[Record]:
    """Records whose pictures open and have the size that the file gives; joints far outside are noted."""
    kept, problems = [], {}
    annotations = {}
    for annotation in file.annotations:
        key = annotation.get("image_id"), annotation.get("id")
        if all(type(number) is int for number in key):
            annotations.setdefault(key, annotation)  # the first, as `annotated_records` takes it
    for record in records:
        image = file.images[record.image_id][0]
        if record.file not in problems:
            problems[record.file] = _problem_of(image, pictures)
        problem, size = problems[record.file]
        if problem is not None:
            sieve.refuse(problem, record.name)
            continue
        points = record.joints_px[record.labelled]
        if (points == 0).all(-1).any():
            sieve.note("a joint at (0, 0) is marked as labelled (v above 0)", record.name)
        if (points < -0.5).any() or (points > np.array(size) - 0.5).any():
            sieve.note("some labelled joints lie outside the picture", record.name)
        annotation = annotations[record.image_id, record.id]
        if _fits_as_corners_only(annotation.get("bbox"), size):
            sieve.note(BOX_LIKE_CORNERS, record.name)
        if not set(annotation["keypoints"][2::3]) <= {0, 1, 2}:
            sieve.note(ODD_V, record.name)
        kept.append(record)
    return kept


def _fits_as_corners_only(box: list[float] | None, size: tuple[int, int]) -> bool:
    """Whether a "bbox" of the file reaches beyond the picture by more than a pixel, unless it is two corners."""
    if box is None:
        return False
    low, last = np.array(box[:2], np.float64), np.array(box[2:], np.float64)
    limit = np.array(size) + 1.0
    return bool((low + last > limit).any() and (last > low).all() and (last <= limit).all())


def _problem_of(image: dict, pictures: Pictures) -> tuple[str | None, tuple[int, int]]:
    """(what is wrong with a picture or None, its (width, height))."""
    try:
        size = _size_of(image["file_name"], pictures)
    except ImageError as error:
        return str(error), (0, 0)
    given = given_size(image)
    if given is not None and given != size:
        return (
            f"its picture is {size[0]} x {size[1]} px, the file says {given[0]} x {given[1]}: the joints "
            "would not fit"
        ), size
    return None, size


def _size_of(name: str, pictures: Pictures) -> tuple[int, int]:
    """(width, height) as `load_image` gives them; of a file only the header is read."""
    path = pictures.find(name)
    if path in pictures.sources:  # an archive
        height, width = pictures.read(name).shape[:2]
        return width, height
    try:
        with Image.open(path) as image:
            told = image.format != "PNG" or "exif" in image.info  # Pillow decodes a whole PNG to look for it
            turned = told and image.getexif().get(ORIENTATION_TAG, 1) >= TURNED_BY_90_DEG
            return image.size[::-1] if turned else image.size
    except Exception:
        load_image(path)  # says what is wrong
        raise


def split_by_picture(
    people: AnnotatedPeople, share: float = 0.2, seed: int = 0
) -> tuple[AnnotatedPeople, AnnotatedPeople]:
    """(train, val): people of one picture stay together; the order of the file is kept in both.

    Args:
        share: of the pictures that go to val; at least one does, and at least one stays.
        seed: decides which.

    Raises:
        ValueError: fewer than two pictures, or a share outside 0..1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, not {share}")
    files = sorted({record.file for record in people.records})
    if len(files) < 2:
        raise ValueError(
            f"{people.title} has people in one picture only; it takes two to keep one for validation"
        )
    count = min(max(round(share * len(files)), 1), len(files) - 1)
    chosen = np.random.default_rng(seed).permutation(len(files))[:count]
    held_out = {files[i] for i in chosen}
    parts = ([], [])
    for index, record in enumerate(people.records):
        parts[record.file in held_out].append(index)
    return people.chosen(parts[0]), people.chosen(parts[1])
