"""Batches whose randomness depends on (seed, epoch, sample) only, and the targets of a batch.

Neither the worker that makes a crop nor the process that asks for it enters the random numbers. A run that
is stopped and resumed therefore sees the very same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..datasets.augment import AnyAugmentation, plain_sketch, training_sketch
from ..datasets.crops import Crop, Part, Sketch, paint_parts, visible_parts
from ..datasets.gpu_crops import PackedCrops, pack_crops
from ..datasets.people import PeopleDataset
from ..images import ImageError
from ..models import CPM
from ..targets import background_map, background_weights, belief_map_targets, center_map, everybody_targets
from .workers import born_without_sigterm, start_worker

__all__ = ["Batch", "collate", "crop_loader", "sample_rng", "stage_targets"]

NO_SAMPLE = 2**63  # where an epoch's order is drawn: no data set has a person of this index


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Generator of one training sample; the counter-based Philox needs no state from other samples."""
    return np.random.Generator(np.random.Philox(key=seed, counter=np.array([0, 0, epoch, index], np.uint64)))


@dataclass
class Batch:
    """N crops.

    Args:
        images: (N, 3, H_in, W_in) float32 RGB, 0..255; or `PackedCrops`, which `to` paints.
        joints_px: (N, P, J, 2) crop pixels; person 0 is at the center.
        labelled: (N, P, J) bool; False in all of an absent person's row.
        present: (N, P) bool.
        center_px: (N, 2) crop pixels.
        matrices: (N, 2, 3) image pixels -> crop pixels.
        indices: (N,) int64, which people of the data set these are.
        skipped: a sentence for every picture that could not be read on the way here.
    """

    images: Tensor | PackedCrops
    joints_px: Tensor
    labelled: Tensor
    present: Tensor
    center_px: Tensor
    matrices: Tensor
    indices: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    skipped: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.matrices)

    def pin_memory(self) -> Batch:
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """The batch on a device, where crops that are not painted yet are painted."""
        moved = self._with(lambda tensor: tensor.to(device, non_blocking=True))
        return replace(moved, images=moved.images.paint()) if isinstance(moved.images, PackedCrops) else moved

    def split(self, parts: int) -> list[Batch]:
        """`parts` batches of equally many crops, in order; the first of them says what was skipped.

        Raises:
            ValueError: the crops cannot be shared out equally, or are not painted yet.
        """
        if isinstance(self.images, PackedCrops):
            raise ValueError("these crops are not painted yet: move the batch to its device first")
        if parts < 1 or len(self) % parts:
            raise ValueError(f"{len(self)} crops cannot be split into {parts} equal parts")
        size = len(self) // parts
        batches = [self._with(lambda tensor, k=k: tensor[k * size : (k + 1) * size]) for k in range(parts)]
        for batch in batches[1:]:
            batch.skipped = []
        return batches

    def _with(self, change: Callable) -> Batch:
        """The same batch with every tensor changed."""
        tensors = {n: value for n, value in vars(self).items() if isinstance(value, Tensor | PackedCrops)}
        return replace(self, **{name: change(tensor) for name, tensor in tensors.items()})


def collate(crops: Sequence[Crop]) -> Batch:
    """N crops, at least one, as one batch; rows of people that a crop lacks are marked absent."""
    return _batch(crops, torch.stack([crop.image for crop in crops]), crops[0].joints_px.shape[1])


def _batch(crops: Sequence[Crop | Sketch], images: Tensor | PackedCrops, num_joints: int) -> Batch:
    shape = (len(crops), max((len(crop.joints_px) for crop in crops), default=1))
    joints = np.zeros((*shape, num_joints, 2), np.float32)
    labelled, present = np.zeros((*shape, num_joints), bool), np.zeros(shape, bool)
    for n, crop in enumerate(crops):
        people = len(crop.joints_px)
        joints[n, :people], labelled[n, :people], present[n, :people] = crop.joints_px, crop.labelled, True
    centers = np.array([np.asarray(crop.center_px) for crop in crops], np.float32).reshape(-1, 2)
    matrices = np.array([np.asarray(crop.matrix) for crop in crops], np.float64).reshape(-1, 2, 3)
    return Batch(
        images, *map(torch.from_numpy, (joints, labelled, present, centers, matrices, np.arange(len(crops))))
    )


class _Batches(Dataset):
    """Batches by a list of keys: (epoch, index) asks for a training crop, or for the plain one."""

    def __init__(
        self, people: PeopleDataset, model: CPM, seed: int, augmentation: AnyAugmentation | None,
        training: bool, skip_bad: bool, paint_later: bool,
    ) -> None:  # fmt: skip
        self.people, self.size, self.convention = people, model.input_size, model.convention
        self.seed, self.augmentation, self.training = seed, augmentation, training
        self.skip_bad, self.paint_later = skip_bad, paint_later

    def __getitems__(self, keys: list[tuple[int, int]]) -> Batch | ImageError:
        """The batch, or the error: one that a worker raised would arrive with the worker's traceback in its text."""
        sketches, parts, indices, skipped = [], [], [], []
        images = torch.empty(0 if self.paint_later else len(keys), 3, *self.size)
        try:
            # All sketches first: between two decodings the same lines of Python take several times longer.
            first = [self._sketch_or_error(epoch, index) for epoch, index in keys]
            for (epoch, index), sketch in zip(keys, first, strict=True):
                found = self._readable(epoch, index, sketch, skipped)
                if found is None:
                    continue
                sketch, read, chosen = found
                if self.paint_later:
                    parts.append(read)
                else:
                    images[len(sketches)] = paint_parts(sketch, read)
                sketches.append(sketch)
                indices.append(chosen)
        except ImageError as error:
            return error
        images = pack_crops(sketches, parts) if parts else images[: len(sketches)]
        batch = _batch(sketches, images, self.people.skeleton.num_joints)
        return replace(batch, indices=torch.tensor(indices, dtype=torch.int64), skipped=skipped)

    def _readable(
        self, epoch: int, index: int, sketch: Sketch | ImageError, skipped: list[str]
    ) -> tuple[Sketch, list[Part], int] | None:
        """A person's sketch, pictures and index: with `skip_bad` the next one who can be read, or nobody in testing."""
        for later in range(len(self.people)):
            chosen = (index + later) % len(self.people)
            if later:
                sketch = self._sketch_or_error(epoch, chosen)
            try:
                if isinstance(sketch, ImageError):
                    raise sketch
                return sketch, visible_parts(sketch), chosen
            except ImageError as error:
                if not self.skip_bad:
                    raise
                skipped.append(str(error))
                if not self.training:
                    return None
        raise ImageError(
            f"none of the {len(self.people)} people has a picture that can be read: {skipped[-1]}"
        )

    def _sketch_or_error(self, epoch: int, index: int) -> Sketch | ImageError:
        try:
            return self._sketch(epoch, index)
        except ImageError as error:  # a data set that reads its pictures at once
            return error

    def _sketch(self, epoch: int, index: int) -> Sketch:
        person = self.people[index]
        if self.augmentation is None:
            return plain_sketch(person, self.size, self.convention)
        return training_sketch(
            person, self.people.skeleton, self.size, sample_rng(self.seed, epoch, index), self.augmentation,
            another=lambda rng: self.people[int(rng.integers(len(self.people)))], convention=self.convention,
        )  # fmt: skip


class _Keys:
    """Lists of keys (epoch, index), one list a batch: shuffled by (seed, epoch), beginning at any step.

    Args:
        part: (rank, world): of a shuffled batch the contiguous share of this process; unshuffled, every
            world-th person.
    """

    def __init__(
        self, num_people: int, batch_size: int, seed: int, steps: range | None, part: tuple[int, int]
    ) -> None:
        self.shuffle, (self.rank, self.world) = steps is not None, part
        self.everybody = np.arange(num_people)
        if not self.shuffle:
            self.everybody = self.everybody[self.rank :: self.world]
            steps = range(steps_per_epoch(len(self.everybody), batch_size, False))
        self.batch_size, self.seed, self.steps = batch_size, seed, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        per_epoch = steps_per_epoch(len(self.everybody), self.batch_size, self.shuffle)
        order, shuffled = self.everybody, None
        for step in self.steps:
            epoch, k = divmod(step, per_epoch)
            if self.shuffle and shuffled != epoch:
                order, shuffled = self.everybody.copy(), epoch
                sample_rng(self.seed, epoch, NO_SAMPLE).shuffle(order)
            chosen = order[k * self.batch_size : (k + 1) * self.batch_size]
            if self.shuffle:
                first, end = (len(chosen) * r // self.world for r in (self.rank, self.rank + 1))
                chosen = chosen[first:end]
            yield [(epoch, int(i)) for i in chosen]


def steps_per_epoch(num_people: int, batch_size: int, training: bool = True) -> int:
    """Batches of one pass; training drops a last batch that is not full, unless it is the only one."""
    return max(num_people // batch_size, 1) if training else -(-num_people // batch_size)


class _Loader(DataLoader):
    """Raises what a worker hands over as an error."""

    def __iter__(self) -> Iterator[Batch]:
        with born_without_sigterm():
            batches = super().__iter__()
        for batch in batches:
            if isinstance(batch, ImageError):
                raise batch
            yield batch


def _as_it_is(batch: Batch) -> Batch:
    return batch


def crop_loader(
    people: PeopleDataset,
    model: CPM,
    *,
    batch_size: int,
    steps: range | None = None,
    seed: int = 0,
    augmentation: AnyAugmentation | None = None,
    workers: int = 0,
    skip_bad: bool = False,
    part: tuple[int, int] = (0, 1),
    paint_later: bool = False,
) -> DataLoader:
    """Batches of crops for a model.

    Args:
        batch_size: people a batch; in training those of all processes together.
        steps: which training steps to yield, counted from the first epoch's first; None: one plain pass in
            file order, with the last batch smaller.
        augmentation: None gives plain crops.
        workers: processes that make crops; their number changes nothing but the speed.
        skip_bad: of a picture that cannot be read, training takes the next person's instead (the same in every
            run), a plain pass leaves the person out, so that a batch may even be empty. `Batch.skipped` names it.
        part: (rank, world). In training every batch is shared out: process `rank` of `world` gets a contiguous
            share of the batch that one process would get. A plain pass gives it people rank, rank + world, ...
        paint_later: only read the pictures here; `Batch.to(device)` warps them there, all at once. For GPUs.

    Returns:
        An iterable of `Batch`. It raises ImageError, naming file and person, where a picture cannot be read.

    Raises:
        ValueError: a rank outside 0..world - 1, or batches of fewer people than there are processes.
    """
    rank, world = part
    if not 0 <= rank < world:
        raise ValueError(f"part {part}: the rank must be 0 or more and less than the number of processes")
    if steps is not None and world > min(batch_size, len(people)):
        raise ValueError(
            f"a batch of {min(batch_size, len(people))} people cannot be shared by {world} processes"
        )
    return _Loader(
        _Batches(people, model, seed, augmentation, steps is not None, skip_bad, paint_later),
        batch_sampler=_Keys(len(people), batch_size, seed, steps, part),
        num_workers=workers, collate_fn=_as_it_is, pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if workers else None, worker_init_fn=start_worker,
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
    first = 1 if model.uses_center_map else 0  # stages that are trained toward everybody
    persons = batch.labelled.shape[1] if first else 1
    size = tuple(side // model.stride for side in batch.images.shape[-2:])
    maps, weights = belief_map_targets(
        batch.joints_px[:, :persons].flatten(0, 1), batch.labelled[:, :persons].flatten(0, 1),
        size=size, stride=model.stride, sigma_cells=sigma_cells, convention=model.convention,
    )  # fmt: skip
    maps = maps.unflatten(0, (len(batch), persons))  # (N, P, J, H, W)
    weights = weights.unflatten(0, (len(batch), persons))
    own, own_weights = _with_background(maps[:, 0], weights[:, 0], model)
    if not first:
        return own.expand(model.num_stages, *own.shape), own_weights.expand(
            model.num_stages, *own_weights.shape
        )
    all_weights = torch.where(batch.present[..., None], weights, 1.0).amin(1)
    everybody, all_weights = _with_background(everybody_targets(maps), all_weights, model)
    later = model.num_stages - first
    return torch.stack([everybody] + [own] * later), torch.stack([all_weights] + [own_weights] * later)


def _with_background(maps: Tensor, weights: Tensor, model: CPM) -> tuple[Tensor, Tensor]:
    """Maps (N, J, H, W) and weights (N, J), with the background's where the model has one."""
    if not model.has_background:
        return maps, weights
    return torch.cat([maps, background_map(maps)], 1), torch.cat([weights, background_weights(weights)], 1)


def model_inputs(batch: Batch, model: CPM) -> tuple[Tensor, Tensor | None]:
    """(images, center maps) as `model` takes them."""
    centers = None
    if model.uses_center_map:
        centers = center_map(batch.center_px, tuple(batch.images.shape[-2:]))
    return model.preprocess(batch.images), centers
