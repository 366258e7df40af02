"""Eight people of each data set, a small CPM that learns them by heart, and the scores they are judged by."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cpm_edu.coords import mirror_points
from cpm_edu.datasets.annotated import AnnotatedPeople
from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.jhmdb_clips import JhmdbClips
from cpm_edu.datasets.mpii import MpiiPeople
from cpm_edu.datasets.people import Person
from cpm_edu.inference import joints_in_image, predict_crops
from cpm_edu.metrics import (
    PoseInstance,
    coco_ap,
    coco_results,
    head_sizes_mpii,
    pck_jhmdb,
    pckh_mpii,
    tpck_jhmdb,
)
from cpm_edu.models import CPM
from cpm_edu.training import loop
from cpm_edu.training.batches import crop_loader
from cpm_edu.training.run import TrainingConfig

SIZE = (128, 128)  # 16 x 16 cells: small, so that a test takes seconds and the targets' cap shows
SIGMA = {"center": 1.2, "msra": 1.0}  # cells; "msra" takes whole numbers only
STEPS = 160
COCO_PICTURES = (785, 40083, 197388)  # of mmpose's four samples, the three with 1 + 2 + 5 labelled people


class WithMirrored(AnnotatedPeople):
    """People, and mirror images of the first few of them as further people."""

    def __init__(self, people: AnnotatedPeople, number: int) -> None:
        self.__dict__.update(copy.copy(people).__dict__)
        self.plain = people
        self.records = [*people.records, *(self._mirrored(i)[1] for i in range(number))]

    def __getitem__(self, index: int) -> Person:
        own = len(self.plain)
        return self.plain[index] if index < own else self._mirrored(index - own)[0]

    def _mirrored(self, index: int):
        person, record = self.plain[index], self.plain.records[index]
        pixels = person.pixels()[:, ::-1]
        width, order = pixels.shape[1], list(self.plain.skeleton.flip_permutation)
        joints = mirror_points(torch.from_numpy(record.joints_px), width, order).numpy()
        center = mirror_points(torch.from_numpy(record.center_px)[None], width)[0].numpy()
        person = replace(
            person, image=pixels, joints_px=joints, labelled=person.labelled[order], center_px=center,
            others_px=None, others_labelled=None, name=f"{person.name}, mirrored",
        )  # fmt: skip
        return person, replace(
            record, joints_px=joints, visibility=record.visibility[order], center_px=center
        )


def coco_people(data_dir: Path) -> CocoPeople:
    folder = data_dir / "samples" / "mmpose_tests_data" / "coco"
    people = CocoPeople("val", annotations=folder / "test_coco.json", images=folder)
    return people.chosen(i for i, record in enumerate(people.records) if record.image_id in COCO_PICTURES)


def mpii_people(data_dir: Path) -> WithMirrored:
    """There are five samples; three of them once more, mirrored."""
    folder = data_dir / "samples" / "mmpose_tests_data" / "mpii"
    return WithMirrored(MpiiPeople("val", annotations=folder / "test_mpii.json", images=folder), 3)


def jhmdb_people(data_dir: Path) -> AnnotatedPeople:
    """The middle frame of every sixteenth clip."""
    people = JhmdbClips("train", 1, data_dir / "jhmdb")
    clips: dict[str, list[int]] = {}
    for index, record in enumerate(people.records):
        clips.setdefault(record.file.rpartition("/")[0], []).append(index)
    frames = [indices[len(indices) // 2] for indices in clips.values()]
    return people.chosen(frames[:: len(frames) // 8][:8])


def learn(people: AnnotatedPeople, convention: str, folder: Path) -> CPM:
    """A two-stage `CPM.lite`, trained on the plain crops of these people and on nothing else."""
    torch.manual_seed(0)
    model = CPM.lite(
        people.skeleton, num_stages=2, input_size=SIZE, features=64, width=32, convention=convention
    )
    config = TrainingConfig(
        epochs=STEPS, batch_size=len(people), warmup_steps=5, ema_decay=0.0, augmentation=None,
        sigma_cells=SIGMA[convention], validate_every=10_000, save_every=10_000, amp="off",
    )  # fmt: skip
    loop.train(model, people, people, config, folder, progress=False)
    return model


def ask(model: CPM, people: AnnotatedPeople, method: str | None = None) -> np.ndarray:
    """Joints (N, J, 2) of the last stage in image pixels; method: of `decode`, None: the model's."""
    [batch] = crop_loader(people, model, batch_size=len(people))
    crop_px, _ = predict_crops(model, batch.images, batch.center_px, method=method)
    return joints_in_image(crop_px, batch.matrices)[-1].numpy()


@dataclass(frozen=True)
class Truth:
    """What the joints of all records are, and which are labelled."""

    joints_px: np.ndarray
    labelled: np.ndarray
    boxes_xyxy: np.ndarray

    @staticmethod
    def of(people: AnnotatedPeople) -> Truth:
        records = people.records
        return Truth(
            np.stack([record.joints_px for record in records]),
            np.stack([record.labelled for record in records]),
            np.stack([record.box_xyxy for record in records]),
        )


def coco_scores(people: CocoPeople, joints_px: np.ndarray) -> dict[str, float]:
    """AP and two of its parts, of the pictures that `people` has.

    Everybody is ranked alike: who of eight people learnt by heart comes first is chance, and moves AP by 4.
    """
    content = json.loads(people.annotation_file.read_text())
    shown = {record.image_id for record in people.records}
    content["images"] = [image for image in content["images"] if image["id"] in shown]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] in shown]
    found = [
        PoseInstance(
            record.image_id, joints, np.ones(len(joints)), float(np.prod(record.scale_px)), id=record.id
        )
        for record, joints in zip(people.records, joints_px, strict=True)
    ]
    result = coco_ap(content, coco_results(found))
    return {name: result[name] for name in ("AP", "AP .5", "AP .75")}


def mpii_scores(people: AnnotatedPeople, joints_px: np.ndarray) -> dict[str, float]:
    """PCKh by head boxes that we draw, for the samples have none: a square as high as head top and neck are apart."""
    truth = Truth.of(people)
    top, neck = (truth.joints_px[:, people.skeleton.index(name)] for name in ("head_top", "upper_neck"))
    middle, half = (top + neck) / 2, np.linalg.norm(top - neck, axis=-1, keepdims=True) / 2
    heads = head_sizes_mpii(np.concatenate([middle - half, middle + half], 1))
    return {
        f"PCKh@{t}": pckh_mpii(joints_px, truth.joints_px, truth.labelled, head_sizes=heads, threshold=t).mean
        for t in (0.5, 0.1)
    }


def jhmdb_scores(people: AnnotatedPeople, joints_px: np.ndarray) -> dict[str, float]:
    truth = Truth.of(people)
    found = {}
    for t in (0.2, 0.05):
        by_box = pck_jhmdb(
            joints_px, truth.joints_px, truth.labelled, boxes_xyxy=truth.boxes_xyxy, threshold=t
        )
        by_torso = tpck_jhmdb(joints_px, truth.joints_px, truth.labelled, threshold=t)
        found |= {f"PCK@{t} by box": by_box.mean, f"PCK@{t} by torso": by_torso.mean}
    return found
