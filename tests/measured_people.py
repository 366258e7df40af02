"""People of annotation files without the files: records made from arrays, to judge predictions by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cpm_edu.datasets.annotated import AnnotatedPeople, Record, Sieve
from cpm_edu.datasets.pictures import Pictures
from cpm_edu.skeletons import Skeleton


def people_of(skeleton: Skeleton, joints_px, visibility, *, boxes_xyxy=None, **of_each) -> AnnotatedPeople:
    """N people.

    Args:
        joints_px: (N, J, 2) counted from 0.
        visibility: (N, J).
        boxes_xyxy: (N, 4); None: 0 0 100 100 for everybody.
        of_each: other fields of `Record`, N values each.
    """
    joints_px = np.asarray(joints_px, np.float32)
    boxes = np.tile([0.0, 0, 100, 100], (len(joints_px), 1)) if boxes_xyxy is None else np.asarray(boxes_xyxy)
    records = [
        Record(
            **{
                "name": f"person {n}", "file": f"{n}.jpg", "image_id": n, "id": n,
                "joints_px": joints_px[n], "visibility": np.asarray(visibility[n], np.float32),
                "box_xyxy": boxes[n].astype(np.float32),
                "center_px": ((boxes[n, :2] + boxes[n, 2:]) / 2).astype(np.float32),
                "scale_px": (1.25 * (boxes[n, 2:] - boxes[n, :2])).astype(np.float32),
                **{name: values[n] for name, values in of_each.items()},
            }
        )
        for n in range(len(joints_px))
    ]  # fmt: skip
    return AnnotatedPeople("people", records, skeleton, Pictures([]), Sieve("people.json"))


def with_ground_truth(people: AnnotatedPeople, folder: Path, annotations: dict) -> AnnotatedPeople:
    """The same people with a COCO annotation file."""
    people.annotation_file = folder / "truth.json"
    people.annotation_file.write_text(json.dumps(annotations))
    return people
