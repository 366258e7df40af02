"""A tiny data set, model and run for tests of training; as a program, it trains and can be killed.

python tests/tiny_people.py FOLDER STEPS_FILE      appends "start" and then every step it begins
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cpm_edu.datasets.people import Person
from cpm_edu.models import CPM
from cpm_edu.skeletons import Skeleton
from cpm_edu.training import loop
from cpm_edu.training.run import TrainingConfig

TINY = Skeleton(
    name="tiny",
    joints=("head", "left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    limbs=((0, 1), (0, 2)),
    upper_body=(0, 1, 2, 3),
    lower_body=(1, 2, 3, 4),
    torso=(1, 4),
)
PAUSE_SECONDS = 0.03  # a step of the program takes at least this long, so that a test can hit it


class TinyPeople:
    """Random pictures with random joints; some joints are unlabelled and NaN."""

    def __init__(self, num_people: int, *, seed: int = 0, skeleton: Skeleton = TINY, unlabelled: float = 0.1):
        self.num_people, self.seed, self.skeleton, self.unlabelled = num_people, seed, skeleton, unlabelled

    def __len__(self) -> int:
        return self.num_people

    def __getitem__(self, index: int) -> Person:
        if not 0 <= index < self.num_people:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, index])
        num_joints = self.skeleton.num_joints
        joints = rng.uniform(5, 35, (num_joints, 2)).astype(np.float32)
        labelled = rng.random(num_joints) >= self.unlabelled
        joints[~labelled] = np.nan
        return Person(
            image=rng.integers(0, 256, (40, 40, 3), dtype=np.uint8),
            joints_px=joints,
            labelled=labelled,
            center_px=np.array([19.5, 19.5], np.float32),
            scale_px=np.array([40.0, 40.0], np.float32),
            name=f"tiny {index}",
        )


def write_own_data(folder: Path, num_people: int) -> Path:
    """my.json in COCO's style and its pictures, one person each; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    people = TinyPeople(num_people, unlabelled=0.0)
    images, annotations = [], []
    for i in range(num_people):
        Image.fromarray(people[i].image).save(folder / f"{i:02d}.jpg")
        images.append({"id": i, "file_name": f"{i:02d}.jpg", "width": 40, "height": 40})
        keypoints = np.c_[people[i].joints_px, np.full(TINY.num_joints, 2)].ravel().tolist()
        annotations.append({
            "id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 40, 40], "area": 1600, "iscrowd": 0,
            "keypoints": keypoints, "num_keypoints": TINY.num_joints,
        })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(TINY.joints), "skeleton": [[1, 2], [1, 3]]}
    text = json.dumps({"images": images, "annotations": annotations, "categories": [category]})
    (folder / "my.json").write_text(text)
    return folder


def tiny_model(skeleton: Skeleton = TINY, **options) -> CPM:
    """A seeded lite CPM of two stages for 32 x 32 px."""
    torch.manual_seed(0)
    small = dict(num_stages=2, input_size=(32, 32), features=16, width=16, image_features=8, kernel=3)
    return CPM.lite(skeleton, **(small | options))


def tiny_config(**changes) -> TrainingConfig:
    """30 steps: 6 epochs of 5, a validation after each, everything switched on."""
    small = dict(epochs=6, batch_size=4, warmup_steps=3, ema_decay=0.9, seed=5, save_every=3, clip_norm=1.0)
    return TrainingConfig(**(small | changes))


def tiny_train(
    folder: Path | str, *, model: CPM | None = None, people=None, validation=None, minutes=None, **changes
) -> Path:
    """Train or go on in `folder`; changes: of `tiny_config`."""
    people = TinyPeople(22) if people is None else people
    validation = TinyPeople(6, seed=1) if validation is None else validation
    model = tiny_model() if model is None else model
    config = tiny_config(**changes)
    return loop.train(model, people, validation, config, folder, progress=False, minutes=minutes)


def main(folder: str, steps_file: str) -> None:
    torch.set_num_threads(1)
    original = loop.train_step

    def counted_step(run, batch):
        with Path(steps_file).open("a") as file:
            file.write(f"{run.step}\n")
        time.sleep(PAUSE_SECONDS)
        return original(run, batch)

    loop.train_step = counted_step
    with Path(steps_file).open("a") as file:
        file.write("start\n")
    tiny_train(folder, workers=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
