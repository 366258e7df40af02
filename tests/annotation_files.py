"""Small COCO-style files with pictures, to be spoiled in every way a file can be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from cpm_edu.skeletons import COCO

SIZE = (64, 48)  # (width, height) of every picture


def coco_data(num_images: int = 3, people: int = 2, joints=COCO.joints) -> dict:
    """Pictures 1, 2, .. with `people` each; annotation 10 * picture + person has its numbers written out below.

    Joint j of a person lies at (10 + j, 8 + 2 * person + j); all are visible (v = 2) but for the first (v = 1).
    """
    annotations = []
    for image_id in range(1, num_images + 1):
        for person in range(people):
            points = [[10 + j, 8 + 2 * person + j, 1 if j == 0 else 2] for j in range(len(joints))]
            annotations.append({
                "id": 10 * image_id + person, "image_id": image_id, "category_id": 1, "iscrowd": 0,
                "keypoints": [number for point in points for number in point], "num_keypoints": len(joints),
                "bbox": [5, 6 + 2 * person, 30, 20], "area": 400 + person,
            })  # fmt: skip
    return {
        "images": [
            {"id": i, "file_name": f"{i:04d}.jpg", "width": SIZE[0], "height": SIZE[1]}
            for i in range(1, num_images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(joints), "skeleton": [[1, 2], [2, 3]]}],
    }


def write_data(folder: Path, data: dict, name: str = "people.json") -> tuple[Path, Path]:
    """(json file, folder of its pictures); every picture of the file is written, told apart by its grey level."""
    file, images = folder / name, folder / "photos"
    images.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data))
    for place, image in enumerate(data["images"]):
        level = np.full((SIZE[1], SIZE[0], 3), 20 * (place + 1), np.uint8)
        (images / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(level).save(images / image["file_name"], quality=95)
    return file, images


def write_json(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path
