"""Batches whose randomness depends on (seed, epoch, sample) only, and the targets of a batch.

Neither the worker that makes a crop nor the process that asks for it enters the random numbers. A run that
is stopped and resumed therefore sees the very same batches.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..datasets.augment import Augmentation, Crop, plain_crop, training_crop
from ..datasets.people import PeopleDataset
from ..models import CPM
from ..targets import background_map, background_weights, belief_map_targets, center_map, everybody_targets

__all__ = ["Batch", "collate", "crop_loader", "sample_rng", "stage_targets"]

NO_SAMPLE = 2**63  # where an epoch's order is drawn: no data set has a person of this index


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Generator of one training sample; the counter-based Philox needs no state from other samples."""
    return np.random.Generator(np.random.Philox(key=seed, counter=np.array([0, 0, epoch, index], np.uint64)))


@dataclass
class Batch:
    """N crops.

    Args:
        images: (N, 3, H_in, W_in) float32 RGB, 0..255.
        joints_px: (N, P, J, 2) crop pixels; person 0 is at the center.
        labelled: (N, P, J) bool; False in all of an absent person's row.
        present: (N, P) bool.
        center_px: (N, 2) crop pixels.
        matrices: (N, 2, 3) image pixels -> crop pixels.
    """

    images: Tensor
    joints_px: Tensor
    labelled: Tensor
    present: Tensor
    center_px: Tensor
    matrices: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def pin_memory(self) -> Batch:
        return Batch(*(getattr(self, name).pin_memory() for name in self.__dataclass_fields__))

    def to(self, device: torch.device) -> Batch:
        return Batch(
            *(getattr(self, name).to(device, non_blocking=True) for name in self.__dataclass_fields__)
        )


def collate(crops: list[Crop]) -> Batch:
    """N crops as one batch; rows of people that a crop lacks are marked absent."""
    num_joints, most = crops[0].joints_px.shape[1], max(len(crop.joints_px) for crop in crops)
    joints = torch.zeros(len(crops), most, num_joints, 2)
    labelled = torch.zeros(len(crops), most, num_joints, dtype=torch.bool)
    present = torch.zeros(len(crops), most, dtype=torch.bool)
    for n, crop in enumerate(crops):
        people = len(crop.joints_px)
        joints[n, :people], labelled[n, :people], present[n, :people] = crop.joints_px, crop.labelled, True
    return Batch(
        images=torch.stack([crop.image for crop in crops]),
        joints_px=joints,
        labelled=labelled,
        present=present,
        center_px=torch.stack([crop.center_px for crop in crops]),
        matrices=torch.stack([crop.matrix for crop in crops]),
    )


class _Crops(Dataset):
    """Crops by key: (epoch, index) gives a training crop, (None, index) the plain one."""

    def __init__(
        self, people: PeopleDataset, model: CPM, seed: int, augmentation: Augmentation | None
    ) -> None:
        self.people, self.size, self.convention = people, model.input_size, model.convention
        self.seed, self.augmentation = seed, augmentation

    def __getitem__(self, key: tuple[int, int]) -> Crop:
        epoch, index = key
        person = self.people[index]
        if self.augmentation is None:
            return plain_crop(person, self.size, self.convention)
        return training_crop(
            person, self.people.skeleton, self.size, sample_rng(self.seed, epoch, index), self.augmentation,
            another=lambda rng: self.people[int(rng.integers(len(self.people)))], convention=self.convention,
        )  # fmt: skip


def _leave_interrupts_to_the_main_process(_worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; a worker that died of it could not feed the last step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Keys:
    """Lists of keys, one list a batch: shuffled by (seed, epoch), beginning at any step."""

    def __init__(self, num_people: int, batch_size: int, seed: int, steps: range, shuffle: bool) -> None:
        self.num_people, self.batch_size, self.seed, self.steps, self.shuffle = (
            num_people, batch_size, seed, steps, shuffle,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        per_epoch, order, shuffled = (
            steps_per_epoch(self.num_people, self.batch_size, self.shuffle),
            None,
            None,
        )
        for step in self.steps:
            epoch, k = divmod(step, per_epoch)
            if shuffled != epoch:
                order, shuffled = np.arange(self.num_people), epoch
                if self.shuffle:
                    sample_rng(self.seed, epoch, NO_SAMPLE).shuffle(order)
            chosen = order[k * self.batch_size : (k + 1) * self.batch_size]
            yield [(epoch, int(i)) for i in chosen]


def steps_per_epoch(num_people: int, batch_size: int, training: bool = True) -> int:
    """Batches of one pass; training drops a last batch that is not full, unless it is the only one."""
    return max(num_people // batch_size, 1) if training else -(-num_people // batch_size)


def crop_loader(
    people: PeopleDataset,
    model: CPM,
    *,
    batch_size: int,
    steps: range | None = None,
    seed: int = 0,
    augmentation: Augmentation | None = None,
    workers: int = 0,
) -> DataLoader:
    """Batches of crops for a model.

    Args:
        steps: which training steps to yield, counted from the first epoch's first; None: one plain pass in
            file order, with the last batch smaller.
        augmentation: None gives plain crops.
        workers: processes that make crops; their number changes nothing but the speed.

    Returns:
        An iterable of `Batch`.
    """
    training = steps is not None
    steps = range(steps_per_epoch(len(people), batch_size, False)) if steps is None else steps
    keys = _Keys(len(people), batch_size, seed, steps, shuffle=training)
    return DataLoader(
        _Crops(people, model, seed, augmentation), batch_sampler=keys, num_workers=workers, collate_fn=collate,
        pin_memory=torch.cuda.is_available(), prefetch_factor=4 if workers else None,
        worker_init_fn=_leave_interrupts_to_the_main_process,
    )  # fmt: skip


def stage_targets(batch: Batch, model: CPM, sigma_cells: float) -> tuple[Tensor, Tensor]:
    """Targets and weights of every stage.

    Stage 1 sees no center map, so it is trained toward everybody's joints; later stages toward those of the
    person at the center (label_1st_lower and label_lower of the paper's release). A model without a center
    map is trained toward that person at every stage.

    Returns:
        targets: (T, N, C, H, W) float32.
        weights: (T, N, C) float32; 0 where a joint is unlabelled, and for the background of such a person.
    """
    num_people, persons = batch.labelled.shape[:2]
    size = tuple(side // model.stride for side in batch.images.shape[-2:])
    maps, weights = belief_map_targets(
        batch.joints_px.flatten(0, 1), batch.labelled.flatten(0, 1),
        size=size, stride=model.stride, sigma_cells=sigma_cells, convention=model.convention,
    )  # fmt: skip
    maps = maps.unflatten(0, (num_people, persons))  # (N, P, J, H, W)
    weights = weights.unflatten(0, (num_people, persons))
    own, everybody = maps[:, 0], everybody_targets(maps)
    own_weights = weights[:, 0]
    all_weights = torch.where(batch.present[..., None], weights, 1.0).amin(1)
    if model.has_background:
        own = torch.cat([own, background_map(own)], 1)
        everybody = torch.cat([everybody, background_map(everybody)], 1)
        own_weights = torch.cat([own_weights, background_weights(own_weights)], 1)
        all_weights = torch.cat([all_weights, background_weights(all_weights)], 1)
    first = 1 if model.uses_center_map else 0
    stages = [everybody] * first + [own] * (model.num_stages - first)
    stage_weights = [all_weights] * first + [own_weights] * (model.num_stages - first)
    return torch.stack(stages), torch.stack(stage_weights)


def model_inputs(batch: Batch, model: CPM) -> tuple[Tensor, Tensor | None]:
    """(images, center maps) as `model` takes them."""
    centers = None
    if model.uses_center_map:
        centers = center_map(batch.center_px, tuple(batch.images.shape[-2:]))
    return model.preprocess(batch.images), centers
