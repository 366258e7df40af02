"""What feeds the network, timed: crops of people in photos, ours against mmpose's transforms; and the lite model itself.

Both pipelines get the same files and boxes and make what a training or testing step takes: decoded, cropped to
256 x 192 by COCO's augmentation in mmpose's configuration, targets included in training. One process, one core.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from ..coords import box_center_scale
from ..datasets.annotated import AnnotatedPeople, Record, Sieve
from ..datasets.augment import MmposeAugmentation
from ..datasets.pictures import Pictures
from ..images import open_image
from ..models import CPM
from ..skeletons import COCO, LSP
from ..training.batches import Batch, crop_loader, model_inputs, stage_targets
from .bench import Contest, Contestant, Limit, Row, race
from .bench_peers import module_or_none

__all__ = [
    "PIPELINE_LIMITS",
    "lite_contest",
    "per_person",
    "photo_people",
    "pipeline_contests",
    "stage_costs",
]

SIZE = (256, 192)  # of mmpose's COCO configuration, as is all of the following
SIGMA_CELLS = 2
AUGMENTATION = MmposeAugmentation(half_body=0.3, scale=(0.5, 1.5), rotation_deg=80.0)
PEOPLE_A_PHOTO = 6
LITE_STAGES = 4
MANY_STEPS = 10**6

PIPELINE_LIMITS = [
    Limit("pipeline_train", ("mmpose",), at_least=1.0),
    Limit("pipeline_test", ("mmpose",), at_least=1.0),
]


def photo_people() -> AnnotatedPeople:
    """Made-up people on the photos that come with the package, for those who have no data set."""
    folder, rng = Path(str(files("cpm_edu") / "photos")), np.random.default_rng(0)
    pictures, records = Pictures([folder]), []
    for name in sorted(path.name for path in folder.glob("*.jpg")):
        width, height = pictures.open(name)[0].size
        for _ in range(PEOPLE_A_PHOTO):
            low = rng.uniform(0, 0.5, 2) * (width, height)
            high = low + rng.uniform(0.2, 0.5, 2) * (width, height)
            box = torch.from_numpy(np.concatenate([low, high]))
            center, scale = (t.numpy() for t in box_center_scale(box))
            joints = rng.uniform(low, high, (COCO.num_joints, 2)).astype(np.float32)
            seen, number = np.ones(COCO.num_joints, np.float32), len(records)
            label = f"{name}, {number}"
            records.append(Record(label, name, 0, number, joints, seen, box.numpy(), center, scale))
    return AnnotatedPeople("the package's photos", records, COCO, pictures, Sieve(folder))


def pipeline_contests(people: AnnotatedPeople) -> list[Contest]:
    """Training crops with targets, and testing crops, of all people once."""
    model = CPM.mmpose(COCO, num_stages=1, input_size=SIZE)
    return [_training(people, model), _testing(people, model)]


def _training(people: AnnotatedPeople, model: CPM) -> Contest:
    options = {"batch_size": len(people), "augmentation": AUGMENTATION}
    batches = iter(crop_loader(people, model, steps=range(MANY_STEPS), **options))

    def ours() -> tuple:
        batch = next(batches)
        return batch, stage_targets(batch, model, SIGMA_CELLS)

    mmpose = _mmpose(people, training=True)
    return Contest("pipeline_train", SIZE, Contestant("ours", ours), mmpose, (), 0.0, _decoding(people), 0, 0)


def _testing(people: AnnotatedPeople, model: CPM) -> Contest:
    """In the file's order, where people of one picture follow each other, and so that none does."""
    spread = _apart(people)
    loader, spread_loader = (
        crop_loader(part, model, batch_size=len(people)) for part in (people, people.chosen(spread))
    )
    others = [
        Contestant(
            "ours, a picture a person", lambda: next(iter(spread_loader)),
            lambda batch: _levels(batch, np.argsort(spread)), note="nobody's picture is the one before",
        ),
        *_mmpose(people, training=False),
    ]  # fmt: skip
    ours = Contestant("ours", lambda: next(iter(loader)), _levels)
    # 5 of 255 levels: OpenCV 4 samples in steps of 1/32 px
    return Contest(
        "pipeline_test", SIZE, ours, others, _levels(next(iter(loader))), 5.0, _decoding(people), 0, 0
    )


def _levels(batch: Batch, order=slice(None)) -> tuple[torch.Tensor]:
    return (batch.images[order].round(),)


def _decoding(people: AnnotatedPeople) -> Contestant:
    paths = [people.pictures.find(record.file) for record in people.records]
    return Contestant(
        "decoding alone",
        lambda: [open_image(path, path.name) for path in paths],
        note="Pillow, a picture a person",
    )


def _apart(people: AnnotatedPeople) -> list[int]:
    """Everybody in an order where neighbours have different pictures, as far as that can be."""
    seen: dict[str, int] = {}
    turns = []
    for index, record in enumerate(people.records):
        seen[record.file] = seen.get(record.file, 0) + 1
        turns.append((seen[record.file], index))
    return [index for _, index in sorted(turns)]


def _mmpose(people: AnnotatedPeople, *, training: bool) -> list[Contestant]:
    """mmpose's own transforms where it is installed, in the order of its configuration."""
    package = module_or_none("mmpose.datasets.transforms")
    if package is None:
        return []
    cv2 = module_or_none("cv2")
    cv2.setNumThreads(1)
    width, height = SIZE[1], SIZE[0]
    codec = {
        "type": "MSRAHeatmap", "input_size": (width, height), "heatmap_size": (width // 8, height // 8),
        "sigma": SIGMA_CELLS,
    }  # fmt: skip
    first = [package.LoadImage(), package.GetBBoxCenterScale()]
    crop = package.TopdownAffine(input_size=(width, height))
    if training:
        random = [package.RandomFlip(), package.RandomHalfBody(), package.RandomBBoxTransform()]
        steps = [*first, *random, crop, package.GenerateTarget(encoder=codec), package.PackPoseInputs()]
    else:
        steps = [*first, crop, package.PackPoseInputs()]
    infos = [_mmpose_info(people, record) for record in people.records]

    def run() -> list:
        return [_through(steps, copy.deepcopy(info)) for info in infos]

    def levels(results: list) -> tuple[torch.Tensor]:
        return (torch.stack([result["inputs"] for result in results])[:, [2, 1, 0]].float(),)

    note = f"{module_or_none('mmpose').__version__}, OpenCV {cv2.__version__}"
    return [Contestant("mmpose", run, None if training else levels, note=note)]


def _mmpose_info(people: AnnotatedPeople, record: Record) -> dict:
    return {
        "img_path": str(people.pictures.find(record.file)), "img_id": record.image_id, "id": record.id,
        "bbox": record.box_xyxy[None].astype(np.float32), "bbox_score": np.ones(1, np.float32),
        "keypoints": record.joints_px[None], "keypoints_visible": np.minimum(record.visibility, 1)[None],
        "flip_indices": list(COCO.flip_permutation), "upper_body_ids": list(COCO.upper_body),
        "lower_body_ids": list(COCO.lower_body),
    }  # fmt: skip


def _through(steps: list[Callable], info: dict) -> dict:
    for step in steps:
        info = step(info)
    return info


def per_person(rows: list[Row], num_people: int) -> list[Row]:
    """Rows of a whole pass as milliseconds a person."""
    return [
        replace(row, median_ms=row.median_ms / num_people, spread_ms=row.spread_ms / num_people)
        for row in rows
    ]


# ---- the lite model


def lite_contest(batch_size: int) -> Contest:
    """Forward passes of the lite model as it is shipped, and of its first stages alone; weights do not matter."""
    torch.manual_seed(0)
    models = [CPM.lite(LSP, num_stages=t).eval() for t in range(1, LITE_STAGES + 1)]
    size = models[0].input_size
    batch = Batch(
        images=255 * torch.rand(batch_size, 3, *size),
        joints_px=torch.zeros(batch_size, 1, LSP.num_joints, 2),
        labelled=torch.ones(batch_size, 1, LSP.num_joints, dtype=torch.bool),
        present=torch.ones(batch_size, 1, dtype=torch.bool),
        center_px=torch.rand(batch_size, 2) * size[0],
        matrices=torch.zeros(batch_size, 2, 3, dtype=torch.float64),
    )

    def forward(model: CPM) -> torch.Tensor:
        with torch.inference_mode():
            return model(*model_inputs(batch, model))

    names = ["stage 1", *(f"stages 1 to {t}" for t in range(2, LITE_STAGES + 1))]
    *fewer, whole = [
        Contestant(name, lambda m=model: forward(m)) for name, model in zip(names, models, strict=True)
    ]
    inputs = Contestant(
        "inputs", lambda: model_inputs(batch, models[-1]), note="normalised images, center maps"
    )
    return Contest(f"lite_forward, {batch_size} crops", size, whole, fewer, (), 0.0, inputs, 0, 0)


def stage_costs(contest: Contest, rounds: int) -> list[Row]:
    """Measure a `lite_contest`; the notes say what each further stage costs."""
    rows = {row.name: row for row in race(contest, rounds=rounds, device=torch.device("cpu"))}
    ordered = [*contest.others, contest.ours]
    before = rows[contest.floor.name].median_ms
    costs = [rows[contest.floor.name]]
    for t, contestant in enumerate(ordered, 1):
        row = rows[contestant.name]
        costs.append(replace(row, note=f"stage {t}: {row.median_ms - before:.2f} ms"))
        before = row.median_ms
    return costs
