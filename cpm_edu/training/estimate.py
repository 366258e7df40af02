"""What a training would cost: memory, time of an epoch and of the whole, measured on a few steps.

Nothing is kept: the learning rate of these steps is zero, and no file is written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.people import PeopleDataset
from ..models import CPM
from .batches import Batch, crop_loader, steps_per_epoch
from .loop import train_step
from .run import Run, TrainingConfig

__all__ = ["Estimate", "estimate"]

LONG_STEP_SECONDS = 5.0  # after such a step no larger batch is tried
CROPS_TIMED = 16
GIB = 2**30


@dataclass(frozen=True)
class Estimate:
    """Cost of a run, by a measurement with fewer people a step where the whole share does not fit or takes long.

    Args:
        device: where it was measured.
        parameters: of the network.
        num_people: to learn from.
        config: of the run.
        micro_batch: people that pass through the network at once, batch_size / accumulate.
        measured: people a step in the largest measurement.
        person_s: seconds of network, loss and update a person there.
        crop_s: seconds that one core needs to make a crop.
        fixed_bytes: weights, gradients, optimizer and averaged weights.
        person_bytes: what each person of a micro-batch adds.
        available_bytes: memory of the device; None where it is the CPU's, which others use too.
        gpus: of the published schedule; 0 where there is none.
    """

    device: str
    parameters: int
    num_people: int
    config: TrainingConfig
    micro_batch: int
    measured: int
    person_s: float
    crop_s: float
    fixed_bytes: float
    person_bytes: float
    available_bytes: float | None
    gpus: int = 0

    @property
    def memory_bytes(self) -> float:
        """Peak of one process that does the whole batch."""
        return self.fixed_bytes + self.micro_batch * self.person_bytes

    @property
    def epoch_people(self) -> int:
        """People that an epoch shows: a last batch that is not full is dropped."""
        batch = min(self.config.batch_size, self.num_people)
        return batch * steps_per_epoch(self.num_people, self.config.batch_size)

    def epoch_s(self, processes: int = 1) -> float:
        """Seconds of an epoch, shared out perfectly; crops are made meanwhile where there are workers."""
        network = self.epoch_people * self.person_s / processes
        crops = self.epoch_people * self.crop_s / processes
        return max(network, crops / self.config.workers) if self.config.workers else network + crops

    def fitting_accumulate(self, available_bytes: float) -> int | None:
        """Fewest micro-batches whose people fit; None where not even one person does."""
        for accumulate in range(1, self.config.batch_size + 1):
            people = self.config.batch_size / accumulate
            if people.is_integer() and self.fixed_bytes + people * self.person_bytes <= available_bytes:
                return accumulate
        return None

    def __str__(self) -> str:
        config = self.config
        of = "" if self.measured >= self.micro_batch else f", from steps of {self.measured}"
        lines = [
            f"network: {self.parameters:,} parameters; a step: {config.batch_size} people, {self.micro_batch} at once",
            f"memory on {self.device}: {self.memory_bytes / GIB:.2f} GiB = {self.fixed_bytes / GIB:.2f} (weights, "
            f"gradients, optimizer) + {self.micro_batch} x {self.person_bytes / GIB:.3f} GiB a person{of}",
            f"time: {_duration(self.person_s)} a person on {self.device}{of}; {_duration(self.crop_s)} to make a crop "
            f"on one core, so {self._workers_wanted()} would keep up",
            f"an epoch: {self.epoch_people:,} people, {_duration(self.epoch_s())}; {config.epochs} epochs: "
            f"{_duration(config.epochs * self.epoch_s())}, validation not counted",
        ]
        if self.available_bytes is not None and self.memory_bytes > self.available_bytes:
            fitting = self.fitting_accumulate(self.available_bytes)
            advice = f"--accumulate {fitting} would fit" if fitting else "not even one person would fit"
            lines.insert(2, f"that is more than the {self.available_bytes / GIB:.1f} GiB there are: {advice}")
        if self.gpus:
            share = config.batch_size / self.gpus
            memory = self.fixed_bytes + share / config.accumulate * self.person_bytes
            lines.append(
                f"published on {self.gpus} GPUs, {share:g} people each: {memory / GIB:.1f} GiB each; {self.gpus} "
                f"devices like this one would need {_duration(config.epochs * self.epoch_s(self.gpus))}, one "
                f"{_duration(config.epochs * self.epoch_s())}"
            )
        return "\n".join(lines)

    def _workers_wanted(self) -> str:
        workers = max(1, -(-self.crop_s // self.person_s))
        return f"{workers:.0f} worker{'s' if workers > 1 else ''}"


def estimate(
    model: CPM,
    people: PeopleDataset,
    config: TrainingConfig,
    device: torch.device | str,
    *,
    gpus: int = 0,
) -> Estimate:
    """Measure a few training steps.

    On a GPU batches grow until the whole micro-batch fits or memory ends, and memory is what torch allocated.
    On the CPU they grow while a step takes less than 5 s, and memory is counted: weights, gradients, optimizer state and
    the activations kept for the backward pass; while it computes a layer takes some more.

    Args:
        model: left as it is but for its device and the running statistics of batch norm.
        people: the first batches are made of them.
        config: of the run to be estimated.
        gpus: of the published schedule, to be compared with.

    Raises:
        ValueError: not even one person fits into the device's memory.
    """
    device = torch.device(device)
    micro_batch = min(config.batch_size, len(people)) // config.accumulate
    model.to(device)
    if device.type == "cuda":
        model.to(memory_format=torch.channels_last)
    run = Run(model, replace(config, batch_size=1, accumulate=1, compile=False), Path())
    run.set_learning_rate(0.0)
    peaks: list[tuple[int, float]] = []  # (people, bytes)
    size, person_s = 1, 0.0
    while True:
        batch = next(iter(_crops(model, people, config, size, steps=1))).to(device)
        try:
            peak = _peak_bytes(run, batch)  # warms up, too
            seconds = _step_seconds(run, batch)
        except torch.OutOfMemoryError:
            if not peaks:
                raise ValueError(f"not even one person fits into the memory of {device}") from None
            break
        peaks.append((size, peak))
        person_s = seconds / size
        if size == micro_batch or seconds >= LONG_STEP_SECONDS:
            break
        size = min(2 * size, micro_batch)
    fixed, person = _line(peaks, sum(_state_bytes(run).values()))
    available = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    threads = torch.get_num_threads()
    name = f"{threads} CPU thread{'s' if threads > 1 else ''}"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return Estimate(
        device=name, parameters=sum(p.numel() for p in model.parameters()), num_people=len(people), config=config,
        micro_batch=micro_batch, measured=peaks[-1][0], person_s=person_s, crop_s=_crop_seconds(model, people, config), fixed_bytes=fixed,
        person_bytes=person, available_bytes=available, gpus=gpus,
    )  # fmt: skip


def _crops(model: CPM, people: PeopleDataset, config: TrainingConfig, size: int, *, steps: int):
    return crop_loader(
        people, model, batch_size=size, steps=range(steps), seed=config.seed, augmentation=config.augmentation
    )


def _crop_seconds(model: CPM, people: PeopleDataset, config: TrainingConfig) -> float:
    """Seconds that this core takes to make a crop; the first one only warms up."""
    crops = iter(_crops(model, people, config, 1, steps=1 + CROPS_TIMED))
    next(crops)
    start = time.perf_counter()
    for _ in crops:
        pass
    return (time.perf_counter() - start) / CROPS_TIMED


def _step_seconds(run: Run, batch: Batch) -> float:
    """Seconds of one step; the one that measured memory has warmed up."""
    on_gpu = batch.images.device.type == "cuda"
    start = time.perf_counter()
    train_step(run, batch)
    if on_gpu:
        torch.cuda.synchronize(batch.images.device)
    return time.perf_counter() - start


def _peak_bytes(run: Run, batch: Batch) -> float:
    """Memory of one step: what torch allocated on a GPU, what is kept for the backward pass on the CPU."""
    device = batch.images.device
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        train_step(run, batch)
        return torch.cuda.max_memory_allocated(device)
    kept: dict[int, int] = {}  # storages, each counted once

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        train_step(run, batch)
    return sum((kept | _state_bytes(run)).values())


def _state_bytes(run: Run) -> dict[int, int]:
    """Bytes by address of weights, gradients, optimizer state and averaged weights."""
    state = [*run.model.parameters(), *run.model.buffers()]
    state += [p.grad for p in run.model.parameters() if p.grad is not None]
    state += [
        t for o in run.optimizers for s in o.state.values() for t in s.values() if isinstance(t, Tensor)
    ]
    if run.average is not None:
        state += list(run.average.parameters())
    return {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in state}


def _line(peaks: list[tuple[int, float]], state_bytes: float) -> tuple[float, float]:
    """(bytes at no people, bytes a person) through the two largest measurements, or the state and the only one."""
    (few, low), (many, high) = [(0, state_bytes), *peaks][-2:]
    person = max(high - low, 0.0) / (many - few)
    return high - many * person, person


def _duration(seconds: float) -> str:
    """In the unit that a person would choose."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} seconds" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"
