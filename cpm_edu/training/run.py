"""A training run: its numbers, its state, its folder.

The folder holds `last.pt` (everything needed to go on), `best.safetensors`, `log.csv`, `validation.csv`,
`config.json` and `lock`, which the process that trains there holds.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..datasets.annotated import AnnotatedPeople
from ..datasets.augment import AnyAugmentation, Augmentation
from ..datasets.people import PeopleDataset
from ..models import CPM
from ..models.checkpoints import save_checkpoint, write_atomically
from .batches import steps_per_epoch
from .distributed import is_main
from .optimizers import make_optimizers

__all__ = ["Log", "Run", "TrainingConfig", "check_folder", "learning_rate_factor", "run_progress"]


@dataclass(frozen=True)
class TrainingConfig:
    """All numbers of a run. The defaults train the lite model on a laptop.

    Args:
        epochs: passes over the training people.
        batch_size: people a step, of all processes and micro-batches together.
        accumulate: micro-batches a step, to fit a batch into memory; the gradients are those of the whole batch.
        optimizer: "muon", "adamw", "adam" or "sgd".
        lr: peak learning rate of that optimizer.
        weight_decay: of that optimizer.
        schedule: after warm-up "cosine" (half a cosine to zero), "step" or "multistep" (a factor now and then).
        step_epochs: schedule "step": epochs between two steps.
        lr_steps: schedule "multistep": the epochs of its steps.
        step_gamma: that factor.
        warmup_steps: length of the linear warm-up.
        warmup_start: share of the peak rate at the first step; 0 takes 1 / warmup_steps.
        clip_norm: largest norm of the gradient; 0 does not clip.
        ema_decay: decay a step of the averaged weights that are validated and kept; 0 keeps the raw ones.
        sigma_cells: standard deviation of the target Gaussian in map cells.
        loss: normalization of `stage_loss`.
        seed: of crops, order and dropout.
        workers: processes that make crops; changes nothing but the speed.
        save_every: steps between checkpoints, the most that a killed run repeats.
        validate_every: epochs between validations.
        amp: "off", "bfloat16", or "auto" (bfloat16 on a GPU that has it, else off).
        compile: let torch.compile fuse the network; takes minutes at the start, pays on GPUs only.
        augmentation: of the training crops; None shows the plain ones.
    """

    epochs: int = 20
    batch_size: int = 16
    accumulate: int = 1
    optimizer: str = "muon"
    lr: float = 0.02
    weight_decay: float = 0.01
    schedule: str = "cosine"
    step_epochs: float = 10.0
    lr_steps: tuple[float, ...] = ()
    step_gamma: float = 0.333
    warmup_steps: int = 100
    warmup_start: float = 0.0
    clip_norm: float = 0.0
    ema_decay: float = 0.998
    sigma_cells: float = 1.2
    loss: str = "mean"
    seed: int = 0
    workers: int = 0
    save_every: int = 200
    validate_every: float = 1.0
    amp: str = "auto"
    compile: bool = False
    augmentation: AnyAugmentation | None = field(default_factory=Augmentation)

    # What may change when a run goes on: how long it lasts and how it is run, not what it learns from.
    FREE: ClassVar = ("epochs", "workers", "save_every", "validate_every", "accumulate", "compile")

    CHOICES: ClassVar = {
        "optimizer": ("muon", "adamw", "adam", "sgd"),
        "schedule": ("cosine", "step", "multistep"),
        "loss": ("mean", "euclidean"),
        "amp": ("off", "bfloat16", "auto"),
    }

    def __post_init__(self) -> None:
        for name, allowed in self.CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        for name in (
            "epochs",
            "batch_size",
            "accumulate",
            "lr",
            "sigma_cells",
            "save_every",
            "validate_every",
            "step_epochs",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("weight_decay", "clip_norm", "ema_decay", "seed", "workers", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.seed >= 2**32:
            raise ValueError(f"seed must be below 2**32, not {self.seed}")
        if not 0 <= self.warmup_start <= 1:
            raise ValueError(f"warmup_start must be 0..1, not {self.warmup_start}")
        if list(self.lr_steps) != sorted(self.lr_steps) or not all(step > 0 for step in self.lr_steps):
            raise ValueError(f"lr_steps must be epochs in rising order, not {self.lr_steps}")
        if self.schedule == "multistep" and not self.lr_steps:
            raise ValueError('schedule "multistep" needs lr_steps, the epochs at which it steps')
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size {self.batch_size} does not split into {self.accumulate} micro-batches"
            )


def learning_rate_factor(step: int, total_steps: int, per_epoch: int, config: TrainingConfig) -> float:
    """Share of the peak learning rate at a step, counted from 0."""
    warm = 1.0
    if step < config.warmup_steps - 1:
        start = config.warmup_start or 1 / config.warmup_steps
        warm = start + (1 - start) * step / (config.warmup_steps - 1)
    if config.schedule == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * min(step / total_steps, 1.0)))
    if config.schedule == "multistep":
        return warm * config.step_gamma ** sum(step >= epoch * per_epoch for epoch in config.lr_steps)
    return warm * config.step_gamma ** int(step / (config.step_epochs * per_epoch))


def run_progress(folder: Path | str) -> tuple[int, int]:
    """(steps done and saved, steps of the whole run) of the run in a folder; (0, 0) where none is saved."""
    checkpoint = Path(folder) / "last.pt"
    if not checkpoint.is_file():
        return 0, 0
    step = torch.load(checkpoint, weights_only=True, map_location="cpu", mmap=True)["step"]
    config = json.loads(checkpoint.with_name("config.json").read_text())
    return step, config["epochs"] * steps_per_epoch(config["people"], config["batch_size"])


def _settings(model: CPM, config: TrainingConfig, people: PeopleDataset) -> dict:
    """What config.json says of a run."""
    return json.loads(json.dumps(asdict(config))) | {
        "people": len(people),
        "people_digest": _digest(people),
        "model": model.kind,
        "joints": list(model.skeleton.joints),
        **model.config(),
    }


def _digest(people: PeopleDataset) -> str | None:
    """Of the names and labelled joints of people from an annotation file; None for others."""
    if not isinstance(people, AnnotatedPeople) or not len(people):
        return None
    records = people.records
    labelled = np.stack([record.labelled for record in records])
    joints = np.where(labelled[..., None], np.stack([record.joints_px for record in records]), 0)
    digest = hashlib.sha256("\n".join(record.name for record in records).encode())
    digest.update(labelled.tobytes() + joints.astype(np.float32).tobytes())
    return digest.hexdigest()[:16]


def check_folder(model: CPM, config: TrainingConfig, folder: Path, people: PeopleDataset) -> list[str]:
    """Whether the run in a folder, if there is one, can go on as this one; reads only.

    Returns:
        What is asked for otherwise than before and may be, such as "epochs 30 -> 250".

    Raises:
        ValueError: the folder's run is another one, damaged, or past its end.
    """
    config_file, checkpoint = folder / "config.json", folder / "last.pt"
    if not checkpoint.is_file():
        return []
    if not config_file.is_file():
        raise ValueError(f"{checkpoint} has lost its config.json. Choose another folder, or move it away.")
    wanted = _settings(model, config, people)
    plain = json.loads(json.dumps(asdict(TrainingConfig()))) | {"people_digest": wanted["people_digest"]}
    before = plain | json.loads(config_file.read_text())  # what an older version did not write
    changed = [k for k in wanted if before.get(k) != wanted[k]]
    refused = [k for k in changed if k not in TrainingConfig.FREE]
    if refused:
        changes = "; ".join(
            f"{k}: {before.get(k)} there, {wanted[k]} asked for"
            if k != "people_digest"
            else "other people to learn from"
            for k in refused
        )
        raise ValueError(f"{folder} holds a run of other settings ({changes}). Choose another folder.")
    per_epoch = steps_per_epoch(len(people), config.batch_size)
    try:
        step = torch.load(checkpoint, weights_only=True, map_location="cpu", mmap=True)["step"]
    except Exception as error:  # damaged bytes make torch raise almost anything
        raise ValueError(_damaged(checkpoint)) from error
    if step > config.epochs * per_epoch:
        raise ValueError(
            f"{step / per_epoch:.4g} epochs are behind the run in {folder} and {config.epochs} are asked for, "
            "so nothing is to do: give more epochs, or another folder"
        )
    changes = [f"{k} {before[k]} -> {wanted[k]}" for k in changed]
    if "epochs" in changed and config.schedule == "cosine":
        changes[changed.index("epochs")] += "; the learning rate's schedule changes with it"
    return changes


def _damaged(checkpoint: Path) -> str:
    return f"{checkpoint} is damaged, so the run cannot go on; move it away to begin again"


class Run:
    """State of a run: weights, their average, optimizers, step, best score; saved and restored as one."""

    def __init__(self, model: CPM, config: TrainingConfig, folder: Path) -> None:
        self.model, self.config, self.folder = model, config, folder
        self.network = model  # what a step calls: the model, or what makes it many processes' or compiled
        self.optimizers = make_optimizers(model, config.optimizer, config.lr, config.weight_decay)
        self.peak_lrs = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.average = None
        if config.ema_decay:
            average = get_ema_multi_avg_fn(config.ema_decay)
            self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        self.step, self.best = 0, -1.0

    def _parts(self) -> dict:
        parts = {"model": self.model, **{f"optimizer{i}": o for i, o in enumerate(self.optimizers)}}
        return parts if self.average is None else parts | {"average": self.average}

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "best": self.best}
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.folder / "last.pt", buffer.getvalue())

    def resume(self, people: PeopleDataset) -> list[str] | None:
        """Go on from the folder's run, if it holds one; ValueError where `check_folder` has one.

        Args:
            people: to learn from; others make it another run.

        Returns:
            What `check_folder` does; None where there was nothing to go on from.
        """
        changes = check_folder(self.model, self.config, self.folder, people)
        checkpoint = self.folder / "last.pt"
        found = checkpoint.is_file()
        if found:
            try:
                state = torch.load(checkpoint, weights_only=True, map_location="cpu")
                for name, part in self._parts().items():
                    part.load_state_dict(state[name])
                self.step, self.best = state["step"], state["best"]
            except Exception as error:  # damaged bytes make torch raise almost anything
                raise ValueError(_damaged(checkpoint)) from error
        if is_main():
            settings = json.dumps(_settings(self.model, self.config, people), indent=1)
            write_atomically(self.folder / "config.json", settings.encode())
        return changes if found else None

    def set_learning_rate(self, factor: float) -> None:
        for optimizer, peaks in zip(self.optimizers, self.peak_lrs, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor

    @property
    def kept_model(self) -> CPM:
        """The weights to validate and to keep: the average where there is one."""
        return self.model if self.average is None else self.average.module

    def keep_if_best(self, score: float, metadata: dict[str, str]) -> bool:
        if score <= self.best:
            return False
        self.best = score
        if is_main():
            save_checkpoint(self.folder / "best.safetensors", self.kept_model, metadata=metadata)
        return True


class Log:
    """A CSV file whose first column is the step; rows past the step of a resumed run are dropped.

    Attributes:
        last: the step of the last row, 0 without rows.
    """

    def __init__(self, path: Path, columns: list[str], step: int) -> None:
        self.path, self.rows = path, []
        kept = []
        if step and path.is_file():
            with path.open(newline="") as file:  # a kill while writing leaves part of a row
                whole = [row for row in csv.reader(file) if len(row) == len(columns) and row[0].isdigit()]
            kept = [row for row in whole if int(row[0]) <= step]
        self.last = int(kept[-1][0]) if kept else 0
        text = io.StringIO()
        csv.writer(text).writerows([columns, *kept])
        if is_main():
            write_atomically(path, text.getvalue().encode())

    def add(self, row: list) -> None:
        self.last = row[0]
        self.rows.append([f"{v:.6g}" if isinstance(v, float) else v for v in row])

    def flush(self) -> None:
        """Write the rows that wait; only the process that saves a run calls this."""
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerows(self.rows)
        self.rows = []
