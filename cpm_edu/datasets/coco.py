"""COCO people: 17 joints, several people a picture, annotated boxes or a detector's.

Below the data set's folder: annotations/person_keypoints_{train,val}2017.json, the pictures in {train,val}2017/
and, to compare with published numbers, person_detection_results/COCO_val2017_detections_AP_H_56_person.json.

Source: Lin et al., ECCV 2014; the rules are those of mmpose's CocoDataset.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..skeletons import COCO as COCO_SKELETON
from . import data_root
from .annotated import AnnotatedPeople, BadRecord, DataError, Record, Sieve, finite_numbers, read_json
from .coco_json import BOX_PADDING, CocoFile, annotated_records, kind_of_file, read_coco_file
from .pictures import Pictures

__all__ = ["CocoPeople"]

DETECTIONS = "person_detection_results/COCO_val2017_detections_AP_H_56_person.json"
HOW_TO_GET = (
    "How to get COCO: from cocodataset.org take annotations_trainval2017.zip (241 MB), val2017.zip (1 GB) and, to "
    "train, train2017.zip (18 GB), and unpack them in {folder}. Published numbers use a detector's boxes "
    f"({DETECTIONS}); mmpose's page on COCO says where to get them."
)


class CocoPeople(AnnotatedPeople):
    """COCO 2017, people with at least one labelled joint, or the boxes of a detector.

    Args:
        split: "train" or "val".
        folder: the data set's folder; None: `data_root()/coco`.
        annotations: a file in place of the official one.
        images: a folder (or .zip) of pictures in place of the official one.
        boxes: None takes the annotated boxes, "detector" the official detections (val only), a path another
            file of them. Detected people carry no joints: they are there to be predicted.
        skip_bad: leave broken records out and count them, instead of stopping at the first.

    Attributes:
        annotation_file: the ground truth, for `coco_ap`.
        areas: (N,) float64 areas that OKS is measured by; NaN for detections.

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
        boxes: Path | str | None = None,
        skip_bad: bool = False,
    ) -> None:
        if split not in ("train", "val"):
            raise ValueError(f"COCO has no split {split!r}: train, val")
        folder = Path(folder) if folder is not None else data_root() / "coco"
        title, how_to_get = f"COCO {split}2017", HOW_TO_GET.format(folder=folder)
        self.split = split
        self.annotation_file = Path(
            annotations or folder / "annotations" / f"person_keypoints_{split}2017.json"
        )
        pictures = Pictures([images or folder / f"{split}2017"])
        for path in (self.annotation_file, *pictures.sources):
            if not path.exists():
                raise DataError(f"{title}: there is no {path}. {how_to_get}")
        sieve = Sieve(self.annotation_file, skip_bad=skip_bad)
        file = read_coco_file(self.annotation_file, title, sieve)
        if file.joints != COCO_SKELETON.joints:
            raise DataError(
                f"{title}: {file.path} labels {len(file.joints)} joints ({', '.join(file.joints[:3])}, ...), not "
                "COCO's 17; give a file of other joints as data of its own: --data FILE.json --images DIR"
            )
        if boxes is None:
            records = annotated_records(file, pictures, sieve)
        else:
            if boxes == "detector" and split != "val":
                raise ValueError("COCO's detector boxes are those of val2017; train on the annotated ones")
            path = folder / DETECTIONS if boxes == "detector" else Path(boxes)
            sieve.file = path
            if not path.is_file():
                raise DataError(f"{title}: there are no detector boxes {path}. {how_to_get}")
            records, title = detected_records(path, file, pictures, sieve), f"{title}, boxes of {path.name}"
        super().__init__(title, records, COCO_SKELETON, pictures, sieve, how_to_get)
        self.require_people()

    @property
    def areas(self) -> np.ndarray:
        return np.array([record.area for record in self.records])


def detected_records(path: Path, file: CocoFile, pictures: Pictures, sieve: Sieve) -> list[Record]:
    """People of a detector: boxes and scores without joints, not cut at the picture's edge, none left out.

    Args:
        path: a list of {"image_id", "category_id", "bbox": [x, y, width, height], "score"}.
        file: the annotation file, which knows the pictures.

    Raises:
        DataError: another kind of file, or a broken box unless the sieve skips those.
    """
    detections = read_json(path, "detector boxes")
    if (kind := kind_of_file(detections)) != "detector boxes":
        raise DataError(f"detector boxes: {path} is no list of boxes with scores: it looks like {kind}")
    num_joints = len(file.joints)
    records, there = [], {}
    for place, detection in enumerate(detections):
        image_id, name = detection.get("image_id"), f"detection {place + 1} of the list"
        if detection.get("category_id", 1) != 1:
            sieve.drop("not a person", name)
            continue
        try:
            entries = file.images.get(image_id, []) if isinstance(image_id, int) else []
            if len(entries) != 1:
                raise BadRecord(f"its image_id {image_id!r} is no picture of {file.path}")
            picture = entries[0]["file_name"]
            name = f"{picture}, {name}"
            box = finite_numbers(detection.get("bbox"), 4, 'its "bbox" (x, y, width, height)').astype(
                np.float32
            )
            if (box[2:] <= 0).any():
                raise BadRecord(f"its box is {box[2]:g} px wide and {box[3]:g} px high")
            [score] = finite_numbers([detection.get("score")], 1, 'its "score"')
            if picture not in there:
                there[picture] = pictures.find(picture) is not None
            if not there[picture]:
                raise BadRecord(f"there is no such picture in {', '.join(map(str, pictures.sources))}")
        except BadRecord as bad:
            sieve.refuse(str(bad), name)
            continue
        box[2:] += box[:2]
        records.append(
            Record(
                name=name, file=picture, image_id=image_id, id=place,
                joints_px=np.zeros((num_joints, 2), np.float32), visibility=np.zeros(num_joints, np.float32),
                box_xyxy=box, center_px=(box[:2] + box[2:]) / 2,
                scale_px=(box[2:] - box[:2]) * np.float32(BOX_PADDING), score=float(score),
            )
        )  # fmt: skip
    return records
