"""Training in short bursts, for a figure that trains while it is watched, and a training that others run.

`LiveTraining` calls the steps of `training/loop.py` one after the other; `FollowedRun` reads what that loop writes
into its folder. Both hold the same history, which the figure draws.
"""

from __future__ import annotations

import copy
import csv
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...datasets.augment import Augmentation
from ...datasets.people import FirstPersons, PeopleDataset, Person
from ...datasets.synthetic import SyntheticPeople
from ...inference import crop_beliefs, crop_joints
from ...losses import stage_loss
from ...metrics.pck import pck
from ...models import CPM
from ...models.checkpoints import CheckpointError, open_checkpoint
from ...skeletons import LSP, Skeleton
from ...training.batches import Batch, crop_loader, model_inputs, stage_targets
from ...training.loop import train_step
from ...training.run import Run, TrainingConfig

__all__ = [
    "FewPeople", "FollowedRun", "History", "LiveTraining", "blank_loss", "drawn_people", "learn", "people_pck", "tiny_cpm",
]  # fmt: skip

MOMENTS = (0, 10, 30, 60, 100, 200, 400, 800, 1600)  # steps whose belief maps are kept
BURST = 2  # steps between two frames: about a sixth of a second on one laptop core
SIGMA_CELLS = {"center": 1.2, "msra": 2.0}  # of the shipped model; of mmpose's configurations
SAME, NEW = "the same few", "new ones each step"


@dataclass
class History:
    """What a training did so far.

    Args:
        steps: (K,) the steps after which there is something to show.
        losses: K lists of T numbers.
        rates: (K,) learning rates.
        trained_pck, new_pck: (step, percent) of the people learned from and of people never seen.
        maps: step -> (J, H, W) the last stage's belief maps of the fixed person.
        trouble: why it stopped, or "".
    """

    steps: list[int] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    trained_pck: list[tuple[int, float]] = field(default_factory=list)
    new_pck: list[tuple[int, float]] = field(default_factory=list)
    maps: dict[int, np.ndarray] = field(default_factory=dict)
    trouble: str = ""

    @property
    def step(self) -> int:
        return self.steps[-1] if self.steps else 0


def tiny_cpm(skeleton: Skeleton = LSP, *, num_stages: int = 3, seed: int = 0) -> CPM:
    """A fresh lite CPM of 0.3 million parameters for crops of 96 x 96 px: a step on 8 people takes 0.07 s."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CPM.lite(
            skeleton,
            num_stages=num_stages,
            input_size=(96, 96),
            features=32,
            width=24,
            image_features=16,
            kernel=5,
        )


def drawn_people(length: int = 4096, *, seed: int = 21) -> PeopleDataset:
    """Synthetic people of 160 x 160 px, as a data set to train on."""
    return FirstPersons(SyntheticPeople(length, seed=seed, size=(160, 160)))


def blank_loss(targets: Tensor, weights: Tensor, *, background: bool = True) -> Tensor:
    """(T,) loss of maps that say "no joint anywhere": zero on every joint map, one on the background.

    Args:
        targets, weights: of `stage_targets`.
        background: whether the last map is the background.
    """
    blank = torch.zeros_like(targets)
    if background:
        blank[:, :, -1] = 1.0
    return stage_loss(blank, targets, weights)


def learn(
    model: CPM, batch: Batch, targets: Tensor, weights: Tensor, steps: int, lr: float = 0.003
) -> Tensor:
    """The whole of training: some steps on one batch; (steps, T) loss of every stage before each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    images, centers = model_inputs(batch, model)
    model.train()
    losses = []
    for _ in range(steps):
        beliefs = model(images, centers)  # (T, N, C, H, W): what every stage says
        by_stage = stage_loss(beliefs, targets, weights)  # (T,)
        optimizer.zero_grad()
        by_stage.sum().backward()  # every stage is judged, and all judgements flow back
        optimizer.step()
        losses.append(by_stage.detach())
    return torch.stack(losses)


def people_pck(model: CPM, batch: Batch) -> float:
    """PCK@0.2 in percent of the last stage; of the torso, or of the crop's half side where nobody defines one."""
    return _pck(model, crop_beliefs(model, batch.images, batch.center_px)[-1], batch)


def _pck(model: CPM, beliefs: Tensor, batch: Batch) -> float:
    joints, _ = crop_joints(model, beliefs)
    truth, mask = batch.joints_px[:, 0], batch.labelled[:, 0].clone()
    lengths = torch.full((len(truth),), batch.images.shape[-1] / 2)
    if model.skeleton.torso is not None:
        a, b = model.skeleton.torso
        lengths = (truth[:, a] - truth[:, b]).norm(dim=-1)
        mask &= (mask[:, a] & mask[:, b] & (lengths > 1))[:, None]
        lengths = lengths.clamp(min=1)
    return 100 * pck(joints, truth, mask, normalizer=lengths.numpy(), threshold=0.2, comparison="<=").mean


class FewPeople:
    """`count` people of a data set, from number `first` on, as a data set."""

    def __init__(self, people: PeopleDataset, count: int, first: int = 0) -> None:
        self.people, self.count, self.first, self.skeleton = people, count, first, people.skeleton

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Person:
        if not 0 <= index < self.count:
            raise IndexError(f"person {index} of {self.count}")
        return self.people[self.first + index]


class LiveTraining:
    """A model that learns a few steps at a time.

    Args:
        model: trained in place; `restart` puts its first weights back.
        people: to learn from.
        new_people: whom it never learns from; None: the last of `people`.
        batch_size: people a step.
        lr: learning rate of AdamW.
        sigma_cells: of the targets; None: the shipped model's, or mmpose's for a model of that convention.
    """

    def __init__(
        self, model: CPM, people: PeopleDataset, new_people: PeopleDataset | None = None, *, batch_size: int = 8,
        lr: float = 0.003, sigma_cells: float | None = None,
    ) -> None:  # fmt: skip
        sigma_cells = SIGMA_CELLS[model.convention] if sigma_cells is None else sigma_cells
        self.model, self.people = model, people
        self.config = TrainingConfig(
            optimizer="adamw", lr=lr, batch_size=batch_size, warmup_steps=0, ema_decay=0.0, sigma_cells=sigma_cells,
            amp="off", augmentation=Augmentation(second_person=0.0, half_body=0.0),
        )  # fmt: skip
        self.first_weights = copy.deepcopy(model.state_dict())
        self.batch = next(iter(crop_loader(people, model, batch_size=batch_size)))
        if new_people is None:
            new_people = FewPeople(people, batch_size, len(people) - batch_size)
        self.new_batch = next(iter(crop_loader(new_people, model, batch_size=batch_size)))
        self.targets, self.weights = stage_targets(self.batch, model, sigma_cells)
        losses = blank_loss(self.targets, self.weights, background=model.has_background)
        self.blank = float(losses[-1])
        # torch's optimizers import torch._dynamo, which takes seconds: meanwhile the figure can be looked at.
        threading.Thread(target=import_module, args=("torch._dynamo",), daemon=True).start()
        self.run: Run | None = None
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self.model.load_state_dict(self.first_weights)
        self.run = None
        self.fresh: Iterator[Batch] | None = None
        self.history = History()
        self._look()

    def burst(self, steps: int = BURST, *, lr: float | None = None, people: str = SAME) -> None:
        """Some steps, then a look at the people. A loss that is no number any more ends the training."""
        if self.history.trouble:
            return
        if self.run is None:
            self.run = Run(self.model, self.config, Path())  # it never saves
        if lr is not None:
            self.run.set_learning_rate(lr / self.config.lr)
        for _ in range(steps):
            try:
                losses, _ = train_step(self.run, self._batch(people))
            except ValueError as problem:
                self.history.trouble = str(problem)
                return
            self.run.step += 1
            self.history.steps.append(self.run.step)
            self.history.losses.append(losses)
            self.history.rates.append(self.run.optimizers[0].param_groups[0]["lr"])
        self._look()

    def _batch(self, people: str) -> Batch:
        if people == SAME:
            return self.batch
        if self.fresh is None:
            loader = crop_loader(
                self.people, self.model, batch_size=self.config.batch_size, steps=range(10**9),
                augmentation=self.config.augmentation,
            )  # fmt: skip
            self.fresh = iter(loader)
        return next(self.fresh)

    def _look(self) -> None:
        count = len(self.batch)
        images = torch.cat([self.batch.images, self.new_batch.images])
        centers = torch.cat([self.batch.center_px, self.new_batch.center_px])
        beliefs = crop_beliefs(self.model, images, centers)[-1]
        step = self.history.step
        self.history.trained_pck.append((step, _pck(self.model, beliefs[:count], self.batch)))
        self.history.new_pck.append((step, _pck(self.model, beliefs[count:], self.new_batch)))
        keep_maps(self.history, step, self.model.joint_maps(beliefs[0]).numpy())


def keep_maps(history: History, step: int, maps: np.ndarray) -> None:
    """Keep the newest maps, and of earlier ones the first at or after each of `MOMENTS`."""
    history.maps[step] = maps
    found = {min((s for s in history.maps if s >= moment), default=step) for moment in MOMENTS}
    history.maps = {s: m for s, m in history.maps.items() if s in found or s == step}


class FollowedRun:
    """The folder of a run that `training.train` writes, now or earlier.

    Args:
        folder: with `log.csv`; the losses come from there, PCK from `validation.csv`, maps from `best.safetensors`.
        people: with the run's joints; the first is shown, the first few give the blank loss. None shows neither.

    Raises:
        ValueError: no `log.csv` in that folder.
    """

    def __init__(
        self, folder: Path | str, people: PeopleDataset | None = None, *, sigma_cells: float = 1.2
    ) -> None:
        self.folder, self.people, self.sigma_cells = Path(folder), people, sigma_cells
        if not (self.folder / "log.csv").is_file():
            raise ValueError(
                f"{self.folder} holds no log.csv: it is no folder of a training run, or the run has not begun"
            )
        self.batch: Batch | None = None
        self.targets: Tensor | None = None
        self.blank: float | None = None
        self.history, self.stamp = History(), 0.0
        self.read()

    def read(self) -> None:
        """Take in what is new."""
        rows = _rows(self.folder / "log.csv")
        stages = [name for name in (rows[0] if rows else {}) if name.startswith("stage ")]
        self.history.steps = [int(row["step"]) for row in rows]
        self.history.losses = [[float(row[name]) for name in stages] for row in rows]
        self.history.rates = [float(row["lr"]) for row in rows]
        scores = _rows(self.folder / "validation.csv") if (self.folder / "validation.csv").is_file() else []
        last = [name for name in (scores[0] if scores else {}) if name.startswith("stage ")][-1:]
        self.history.new_pck = [(int(row["step"]), 100 * float(row[last[0]])) for row in scores]
        best = self.folder / "best.safetensors"
        if self.people is None or not best.is_file() or best.stat().st_mtime == self.stamp:
            return
        try:
            model, self.stamp = open_checkpoint(best), best.stat().st_mtime
        except (CheckpointError, OSError):  # just being written
            return
        if self.batch is None:
            self.batch = next(iter(crop_loader(self.people, model, batch_size=8)))
            self.targets, weights = stage_targets(self.batch, model, self._sigma_cells(model))
            losses = blank_loss(self.targets, weights, background=model.has_background)
            self.blank = float(losses[-1])
        beliefs = crop_beliefs(model, self.batch.images, self.batch.center_px)[-1]
        keep_maps(self.history, self.history.step, model.joint_maps(beliefs[0]).numpy())

    def _sigma_cells(self, model: CPM) -> float:
        """What the run was taught with."""
        settings = self.folder / "config.json"
        found = json.loads(settings.read_text()) if settings.is_file() else {}
        return found.get("sigma_cells", SIGMA_CELLS[model.convention])


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a CSV file; the last may be half written."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if None not in row and None not in row.values()]
