"""The COCO keypoint format: one JSON file with "images", "annotations" and "categories".

COCO, JHMDB's json files and most people's own data are written in it. A person's "keypoints" are 3 J numbers
x, y, v: v = 0 not labelled (then x = y = 0), 1 labelled but hidden, 2 visible. A "bbox" is x, y, width, height.

Source: cocodataset.org, "Data format", "Keypoint Detection".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .annotated import BadRecord, DataError, Record, Sieve, finite_numbers, read_json
from .pictures import Pictures

__all__ = ["BOX_PADDING", "CocoFile", "annotated_records", "given_size", "kind_of_file", "read_coco_file"]

BOX_PADDING = 1.25  # mmpose's GetBBoxCenterScale
NO_JOINT = "no joint is labelled"


@dataclass(frozen=True, eq=False)
class CocoFile:
    """What a COCO file holds.

    Args:
        path: the file.
        category: the one category whose annotations are read.
        joints: J joint names of that category.
        images: the "images" entries by id: one each, more only where the file is broken.
        annotations: the annotations of that category and any other with joints, as in the file.
    """

    path: Path
    category: dict
    joints: tuple[str, ...]
    images: dict[int, list[dict]]
    annotations: list[dict]


def read_coco_file(path: Path | str, what: str, sieve: Sieve) -> CocoFile:
    """Read a COCO keypoint file and choose its category.

    Args:
        what: what the file should be, for messages.
        sieve: annotations of other categories are dropped into it.

    Raises:
        DataError: not such a file (and what it looks like), no category with joint names, or several.
    """
    path = Path(path)
    data = read_json(path, what)
    kind = kind_of_file(data)
    if kind != "COCO keypoints":
        raise DataError(
            f'{what}: {path} is not a COCO keypoint file (with "images", "annotations" and "categories"): it looks like {kind}'
        )
    category = _person_category(data, f"{what}: {path}")
    joints = tuple(category["keypoints"])
    images = defaultdict(list)
    for image in data["images"]:
        number = image.get("id")
        images[number if _is_whole(number) else None].append(image)
    annotations = []
    for annotation in data["annotations"]:
        if annotation.get("category_id") != category["id"] and not annotation.get("keypoints"):
            sieve.drop(f"not of the category {category['name']!r}", f"annotation {annotation.get('id')}")
        else:
            annotations.append(annotation)
    return CocoFile(path, category, joints, dict(images), annotations)


def kind_of_file(data) -> str:
    """What the content of an annotation file looks like: "COCO keypoints", or words for a message."""
    if isinstance(data, dict):
        lists = [data.get(key) for key in ("images", "annotations", "categories")]
        if all(isinstance(entries, list) and all(isinstance(e, dict) for e in entries) for entries in lists):
            if not any("keypoints" in e for entries in lists[1:] for e in entries):
                captions = any("caption" in a for a in lists[1])
                kind = "COCO captions" if captions else "COCO boxes"
                return f'{kind} without "keypoints" (COCO\'s joints are in person_keypoints_*.json)'
            return "COCO keypoints"
        return f"a JSON object with {', '.join(map(repr, list(data)[:5])) or 'nothing in it'}"
    if isinstance(data, list) and data and isinstance(data[0], dict):
        if {"joints", "joints_vis"} & set(data[0]):
            return "MPII people (--data mpii --annotations FILE reads those)"
        if "keypoints" in data[0]:
            return "keypoint results, the output of an evaluation"
        if {"bbox", "score"} <= set(data[0]):
            return "detector boxes"
        return f"a list of objects with {', '.join(map(repr, list(data[0])[:5])) or 'nothing in them'}"
    return f"a JSON {type(data).__name__} of something else"


def _person_category(data: dict, what: str) -> dict:
    """The category with joint names that the annotations use."""
    named = [c for c in data["categories"] if c.get("keypoints")]
    labelled = [a for a in data["annotations"] if a.get("keypoints")]
    found = [c for c in named if any(a.get("category_id") == c.get("id") for a in labelled)] or named
    if not found:
        raise DataError(
            f'{what}: no category lists its "keypoints", the names of the joints in the order of the numbers; '
            'write them like "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_eye", ...]}]'
        )
    if len(found) > 1:
        names = ", ".join(str(c.get("name", c.get("id"))) for c in found)
        raise DataError(
            f"{what}: {len(found)} categories have joints ({names}); a model learns one, so keep the "
            "annotations of one of them in the file"
        )
    category = {"id": None, "name": "person"} | found[0]
    joints = category["keypoints"]
    if not isinstance(joints, list) or not all(isinstance(name, str) and name.strip() for name in joints):
        raise DataError(
            f'{what}: the "keypoints" of category {category["name"]!r} are no list of joint names'
        )
    return category


def annotated_records(
    file: CocoFile, pictures: Pictures, sieve: Sieve, *, first_px: float = 0.0, boxes_needed: bool = True
) -> list[Record]:
    """The labelled people of a file: in the order of its images, then of its annotations.

    Left out by rule, as in mmpose: crowds, people without a labelled joint, boxes beside their picture.

    Args:
        first_px: what the file calls the first pixel: 1 where MATLAB wrote it.
        boxes_needed: False takes the extent of the labelled joints where a "bbox" is missing, and notes it.

    Raises:
        DataError: a broken record, unless the sieve skips those: ids that are missing or occur twice, numbers
            that are too few, not numbers, or NaN, a box of no area, a picture that is not there.
    """
    return _Reader(file, pictures, sieve, first_px, boxes_needed).records()


def _is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def given_size(image: dict) -> tuple[float, float] | None:
    """(width, height) of an "images" entry, where it has them."""
    size = image.get("width"), image.get("height")
    return size if all(isinstance(side, int | float) and side > 0 for side in size) else None


@dataclass
class _Reader:
    """The annotations of a file on their way to `Record`s."""

    file: CocoFile
    pictures: Pictures
    sieve: Sieve
    first_px: float
    boxes_needed: bool

    def records(self) -> list[Record]:
        of_image, seen = defaultdict(list), set()
        for place, annotation in enumerate(self.file.annotations):
            number, image_id = annotation.get("id"), annotation.get("image_id")
            name = f"annotation {number}" if number is not None else f"annotation {place + 1} of the list"
            try:
                image = self._picture_of(image_id)
                name = f"{image['file_name']}, {name}"
                if not _is_whole(number):
                    raise BadRecord(f'its "id" is {number!r}, not a whole number')
                if number in seen:
                    raise BadRecord(f"another annotation has the id {number} too")
            except BadRecord as bad:
                self.sieve.refuse(str(bad), name)
                continue
            seen.add(number)
            of_image[image_id].append((name, annotation))
        records = []
        for image_id, entries in self.file.images.items():
            if not of_image[image_id]:
                continue
            there = self.pictures.find(entries[0]["file_name"]) is not None
            for name, annotation in of_image[image_id]:
                try:
                    record = self._record(name, annotation, entries[0], there)
                except BadRecord as bad:
                    self.sieve.refuse(str(bad), name)
                    continue
                if record is not None:
                    records.append(record)
        return records

    def _picture_of(self, image_id) -> dict:
        entries = self.file.images.get(image_id, []) if _is_whole(image_id) else []
        if not entries:
            raise BadRecord(f'its "image_id" is {image_id!r}, which no picture of the file has')
        if len(entries) > 1:
            names = ", ".join(str(entry.get("file_name")) for entry in entries[:3])
            raise BadRecord(f"{len(entries)} pictures have its image_id {image_id} ({names})")
        if not isinstance(entries[0].get("file_name"), str):
            raise BadRecord(f'its picture, image {image_id}, has no "file_name"')
        return entries[0]

    def _record(self, name: str, annotation: dict, image: dict, there: bool) -> Record | None:
        """None where a rule leaves it out; BadRecord where it is broken."""
        if (reason := _left_out(annotation)) is not None:
            self.sieve.drop(reason, name)
            return None
        if annotation.get("category_id") != self.file.category["id"]:
            raise BadRecord(
                f'its "category_id" is {annotation.get("category_id")!r}, not {self.file.category["id"]!r}, the '
                "category with joint names"
            )
        count = len(self.file.joints)
        points = finite_numbers(
            annotation["keypoints"], 3 * count, f'its "keypoints" (x, y, v of {count} joints)'
        ).reshape(-1, 3)
        joints, visibility = points[:, :2] - self.first_px, np.minimum(1, points[:, 2])
        if joints.max() <= 0 or not (visibility > 0).any():
            self.sieve.drop(NO_JOINT, name)
            return None
        box = self._box(name, annotation, image, joints[visibility > 0])
        if box is None:
            self.sieve.drop("its box lies beside the picture", name)
            return None
        if not there:
            raise BadRecord(self.pictures.missing(image["file_name"]))
        area = annotation.get("area")
        return Record(
            name=name,
            file=image["file_name"],
            image_id=image["id"],
            id=annotation["id"],
            joints_px=joints.astype(np.float32),
            visibility=visibility.astype(np.float32),
            box_xyxy=box,
            center_px=(box[:2] + box[2:]) / 2,
            scale_px=(box[2:] - box[:2]) * np.float32(BOX_PADDING),
            area=float(area) if isinstance(area, int | float) else float("nan"),
        )

    def _box(self, name: str, annotation: dict, image: dict, labelled_px: np.ndarray) -> np.ndarray | None:
        """(4,) float32 (x1, y1, x2, y2), cut at the picture's edge; None where nothing of it is left."""
        if annotation.get("bbox") is None and not self.boxes_needed:
            low, high = labelled_px.min(0), labelled_px.max(0)
            if not (high > low).all():
                raise BadRecord('it has no "bbox", and its labelled joints span no area')
            self.sieve.note("no box: the extent of the labelled joints stands in for it", name)
        else:
            box = finite_numbers(annotation.get("bbox"), 4, 'its "bbox" (x, y, width, height)')
            if (box[2:] <= 0).any():
                raise BadRecord(f"its box is {box[2]:g} px wide and {box[3]:g} px high")
            low = box[:2] - self.first_px
            high = low + box[2:]
        size = given_size(image)
        if size is not None:
            low, high = (np.clip(corner, 0, np.array(size) - 1) for corner in (low, high))
        box = np.concatenate([low, high]).astype(np.float32)
        return box if (box[2:] > box[:2]).all() else None


def _left_out(annotation: dict) -> str | None:
    """Why a rule leaves an annotation out, whatever its numbers; None where none does."""
    if annotation.get("iscrowd"):
        return "a crowd, not one person"
    if not annotation.get("keypoints"):
        return NO_JOINT
    if annotation.get("num_keypoints") == 0:
        return 'its "num_keypoints" is 0'
    return None
