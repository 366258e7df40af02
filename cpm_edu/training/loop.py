"""The training loop: crops in, stage-wise loss, one step, and now and then a look at the validation people.

Randomness depends on (seed, epoch, sample) and (seed, step) only. A run killed anywhere goes on from its last
checkpoint and, on the CPU with the same number of threads, ends with the very same weights. Under torchrun
every process runs this loop on its share of each batch; rank 0 alone prints and writes files.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from ..datasets.people import PeopleDataset
from ..evaluation.stages import stage_pck_and_skipped
from ..losses import stage_loss
from ..models import CPM
from .batches import Batch, crop_loader, model_inputs, stage_targets, steps_per_epoch
from .distributed import (
    all_or_none,
    any_rank,
    barrier,
    copy_from_main,
    gather,
    is_main,
    losing_a_process,
    mean_over_ranks,
    rank,
    world_size,
)  # fmt: skip
from .folder_lock import hold_folder
from .run import Log, Run, TrainingConfig, learning_rate_factor
from .stopping import stop_asked

__all__ = ["train", "train_step"]

NAMES_SHOWN = 3


def train(
    model: CPM,
    people: PeopleDataset,
    validation: PeopleDataset,
    config: TrainingConfig,
    folder: Path | str,
    *,
    device: str | torch.device = "cpu",
    metadata: dict[str, str] | None = None,
    progress: bool = True,
    minutes: float | None = None,
    skip_bad: bool = False,
) -> Path:
    """Train until `config.epochs` are done, going on from `folder` where it holds this run.

    Many processes train one model where all of them call this inside `distributed.process_group`: each makes
    and learns from its share of every batch.

    Args:
        model: trained in place.
        people: to learn from; its skeleton must be the model's.
        validation: people whose PCK at the last stage decides which weights are kept.
        folder: of the run, made if missing, seen by all processes. It will hold `last.pt` (to go on from),
            `best.safetensors`, `log.csv` (every step) and `validation.csv` (PCK of every stage).
        metadata: texts to keep in `best.safetensors`.
        progress: show a progress bar.
        minutes: end, saved, once this time is over and the step or validation under way is done.
        skip_bad: leave out pictures that cannot be read and list them in the folder's `skipped.txt`.

    Returns:
        Path of `best.safetensors`, which is not there yet if `minutes` ended the run before a validation.

    Raises:
        ValueError: other joints than the model's, a folder that `check_folder` or `hold_folder` refuses, a batch
            that cannot be shared out, a picture that cannot be read (the run is saved first), a loss that is no
            number any more, or the end of another process.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, when the step under way is done and saved.
    """
    started = time.perf_counter()
    model.skeleton.require_same(people.skeleton, "training data")
    model.skeleton.require_same(validation.skeleton, "validation data")
    _check_sizes(len(people), len(validation), config)
    folder, device = Path(folder), torch.device(device)
    folder.mkdir(parents=True, exist_ok=True)
    if len(set(gather((folder / "last.pt").is_file()))) > 1:
        raise ValueError(f"not every process of this run sees {folder}/last.pt: give a folder that all share")
    with hold_folder(folder):
        return _train(
            model, people, validation, config, folder, device, metadata or {}, progress, skip_bad,
            is_over=lambda: minutes is not None and time.perf_counter() - started > 60 * minutes,
        )  # fmt: skip


def _train(
    model: CPM, people: PeopleDataset, validation: PeopleDataset, config: TrainingConfig, folder: Path,
    device: torch.device, metadata: dict[str, str], progress: bool, skip_bad: bool, *, is_over: Callable[[], bool],
) -> Path:  # fmt: skip
    """`train` in a folder that no other process trains in."""
    if device.type == "cuda":
        if world_size() > 1:
            nn.SyncBatchNorm.convert_sync_batchnorm(model)
        model.to(memory_format=torch.channels_last)
    model.to(device)
    run = Run(model, config, folder)
    with all_or_none():
        changes = run.resume(people)
    run.network = _make_network(model, config.compile)
    loop = _Loop(run, people, validation, device, metadata, skip_bad)
    bar = tqdm(initial=run.step, total=loop.total, disable=not (progress and is_main()), desc="training", unit="step")  # fmt: skip
    say = bar.write if progress and is_main() else lambda _line: None
    go_on = f"the same command goes on from the last save in {folder}"
    with bar, losing_a_process(go_on), stop_asked() as stop:
        if changes is not None:
            say(f"going on from step {run.step} of {loop.total} in {folder}")
        if changes:
            say(f"changed: {'; '.join(changes)}")
        problem = loop.go(lambda: stop.is_set() or is_over(), bar, say)
        loop.save()
        loop.tell_skipped(say)
        if run.step < loop.total:
            say(f"stopped after step {run.step} of {loop.total}; {go_on}")
        interrupted = any_rank(stop.is_set()) and run.step < loop.total
        with all_or_none():  # together, and once rank 0 has saved: torchrun ends all when one has failed
            if problem is not None:
                raise problem
        barrier()
    if interrupted:
        raise KeyboardInterrupt
    return folder / "best.safetensors"


def _check_sizes(num_people: int, num_validation: int, config: TrainingConfig) -> None:
    if num_people == 0 or num_validation == 0:
        raise ValueError(
            f"nothing to train on: {num_people} people to learn from, {num_validation} to validate on"
        )
    batch, parts = min(config.batch_size, num_people), world_size() * config.accumulate
    if batch % parts:
        raise ValueError(
            f"a batch of {batch} people cannot be shared out equally to {world_size()} processes with "
            f"{config.accumulate} micro-batches each; choose a batch size that {parts} divides"
        )


def _make_network(model: CPM, compiled: bool) -> nn.Module:
    """What a step calls: the model itself, averaging gradients over processes, compiled."""
    network = model
    if world_size() > 1:
        device = next(model.parameters()).device
        network = DistributedDataParallel(
            model,
            device_ids=[device] if device.type == "cuda" else None,
            find_unused_parameters=model.kind == "mmpose"
            and model.num_stages == 1,  # mmpose's has layers for later stages then
        )
    return torch.compile(network) if compiled else network


class _Loop:
    """This process's part of a run."""

    def __init__(
        self, run: Run, people: PeopleDataset, validation: PeopleDataset, device: torch.device,
        metadata: dict[str, str], skip_bad: bool,
    ) -> None:  # fmt: skip
        config = run.config
        self.run, self.validation, self.device, self.metadata = run, validation, device, metadata
        self.per_epoch = steps_per_epoch(len(people), config.batch_size)
        self.total = config.epochs * self.per_epoch
        self.validate_every = max(1, round(config.validate_every * self.per_epoch))
        self.loader = crop_loader(
            people, run.model, batch_size=config.batch_size, steps=range(run.step, self.total), seed=config.seed,
            augmentation=config.augmentation, workers=config.workers, skip_bad=skip_bad,
            part=(rank(), world_size()), paint_later=device.type == "cuda",
        )  # fmt: skip
        stages = [f"stage {t + 1}" for t in range(run.model.num_stages)]
        self.log = Log(run.folder / "log.csv", ["step", "epoch", "lr", "seconds", "peak", *stages], run.step)
        self.scores = Log(run.folder / "validation.csv", ["step", "epoch", *stages], run.step)
        self.validated = gather(self.scores.last)[0]  # what rank 0 read before it wrote
        self.saved = run.step
        self.skip_bad, self.skipped = skip_bad, set()

    def go(self, is_over: Callable[[], bool], bar: tqdm, say: Callable[[str], None]) -> Exception | None:
        """Step until the end, or until a process is over or has a problem with its data; returns that problem."""
        run, config = self.run, self.run.config
        start, batches = time.perf_counter(), iter(self.loader)
        while True:
            due = run.step % self.validate_every == 0 or run.step == self.total
            if due and run.step > self.validated:
                try:
                    self._validate(say)
                except (ValueError, OSError) as problem:
                    return problem
            if run.step == self.total:
                return None
            if run.step % config.save_every == 0:
                self.save()
            batch, problem = None, None
            if not is_over():
                try:
                    batch = next(batches)
                except (ValueError, OSError) as error:
                    problem = error
            if any_rank(batch is None):
                return problem
            self.skipped.update(batch.skipped)
            run.set_learning_rate(learning_rate_factor(run.step, self.total, self.per_epoch, config))
            losses, peak = train_step(run, batch.to(self.device))
            run.step += 1
            rate, seconds = run.optimizers[0].param_groups[0]["lr"], round(time.perf_counter() - start, 1)
            self.log.add([run.step, run.step / self.per_epoch, rate, seconds, peak, *losses])
            bar.update()
            bar.set_postfix_str(
                f"loss {' '.join(f'{v:.4f}' for v in losses)}, peak {peak:.2f}", refresh=False
            )

    def _validate(self, say: Callable[[str], None]) -> None:
        run, epoch = self.run, self.run.step / self.per_epoch
        copy_from_main(run.kept_model)  # on the CPU every process has its own statistics of batch norm
        results, skipped = stage_pck_and_skipped(
            run.kept_model, self.validation, device=self.device, workers=run.config.workers,
            skip_bad=self.skip_bad,
        )  # fmt: skip
        self.skipped.update(skipped)
        self.validated = run.step
        self.scores.add([run.step, epoch, *(r.mean for r in results)])
        kept = run.keep_if_best(results[-1].mean, {**self.metadata, "step": str(run.step)})
        percent = " ".join(f"{100 * r.mean:.1f}" for r in results) + (" (best so far, kept)" if kept else "")
        say(f"epoch {epoch:.2f}: PCK@0.2 in percent by stage {percent}")

    def save(self) -> None:
        """Write state and logs where they are newer than what is on the disk."""
        newer = self.run.step > self.saved or self.scores.rows
        if is_main() and newer:
            self.log.flush()
            self.scores.flush()
            self.run.save()
        self.saved = self.run.step

    def tell_skipped(self, say: Callable[[str], None]) -> None:
        """Say how many pictures this run left out so far, and list them in skipped.txt."""
        found = set().union(*gather(self.skipped))
        path = self.run.folder / "skipped.txt"
        if path.is_file():
            found |= set(path.read_text().splitlines())
        if found and is_main():
            names = sorted(found)
            path.write_text("\n".join([*names, ""]))
            more = f"; and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            say(f"left out as broken: {len(names)} ({path}): {'; '.join(names[:NAMES_SHOWN])}{more}")


def train_step(run: Run, batch: Batch) -> tuple[list[float], float]:
    """Forward, backward and update on this process's share of a batch.

    Returns:
        Every stage's loss and the mean peak of the last stage's maps, both of the whole batch.
    """
    config, accumulate = run.config, run.config.accumulate
    for optimizer in run.optimizers:
        optimizer.zero_grad()
    found = 0.0
    for k, part in enumerate(batch.split(accumulate)):
        # Dropout; the parts of a batch draw different masks.
        torch.manual_seed(config.seed * 1_000_003 + run.step + (rank() * accumulate + k << 52))
        # Gradients travel once, with the last part; until then they add up here.
        quiet = world_size() > 1 and k + 1 < accumulate
        with run.network.no_sync() if quiet else nullcontext():
            losses, peak = _forward(run, part)
            (losses.sum() / accumulate).backward()
        found = found + torch.cat([losses.detach(), peak[None]]) / accumulate
    *losses, peak = mean_over_ranks(found).tolist()
    if not all(map(math.isfinite, losses)):
        raise ValueError(
            f"the loss is {losses} at step {run.step}: the training diverged. Begin again in another "
            f"folder with a smaller learning rate than {config.lr:g} or with clip_norm 1"
        )
    if config.clip_norm:
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), config.clip_norm)
    for optimizer in run.optimizers:
        optimizer.step()
    if run.average is not None:
        run.average.update_parameters(run.model)
    return losses, peak


def _forward(run: Run, batch: Batch) -> tuple[Tensor, Tensor]:
    """(T,) losses and the mean peak of the last stage's maps."""
    config, model = run.config, run.model
    targets, weights = stage_targets(batch, model, config.sigma_cells)
    joint_peaks = model.joint_maps(targets).amax((-1, -2)) * weights[..., : model.skeleton.num_joints]
    if not joint_peaks.any():
        warnings.warn(
            "every joint target of this batch is zero: no joint is labelled, or all lie outside their crops. "
            "Are the joints in pixels of their image, and the boxes around the people?",
            stacklevel=4,
        )
    images, centers = model_inputs(batch, model)
    model.train()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=_use_bfloat16(config.amp, images.device)):
        maps = run.network(images.contiguous(memory_format=torch.channels_last), centers)
    losses = stage_loss(maps.float(), targets, weights, normalization=config.loss)
    return losses, model.joint_maps(maps[-1].detach().float()).amax((-1, -2)).mean()


def _use_bfloat16(amp: str, device: torch.device) -> bool:
    if amp == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return amp == "bfloat16"
