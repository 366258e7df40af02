"""The training loop: crops in, stage-wise loss, one step, and now and then a look at the validation people.

Randomness depends on (seed, epoch, sample) and (seed, step) only. A run killed anywhere goes on from its last
checkpoint and, on the CPU with the same number of threads, ends with the very same weights.
"""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

from ..datasets.people import PeopleDataset
from ..evaluation import stage_pck
from ..losses import stage_loss
from ..models import CPM
from .batches import Batch, crop_loader, model_inputs, stage_targets, steps_per_epoch
from .run import Log, Run, TrainingConfig, learning_rate_factor

__all__ = ["train"]


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
) -> Path:
    """Train until `config.epochs` are done, going on from `folder` where it holds this run.

    Args:
        model: trained in place.
        people: to learn from; its skeleton must be the model's.
        validation: people whose PCK at the last stage decides which weights are kept.
        folder: of the run, made if missing. It will hold `last.pt` (to go on from), `best.safetensors`,
            `log.csv` (every step) and `validation.csv` (PCK of every stage).
        metadata: texts to keep in `best.safetensors`.
        progress: show a progress bar.

    Returns:
        Path of `best.safetensors`.

    Raises:
        ValueError: other joints than the model's, another run's folder, or a loss that is no number any more.
        KeyboardInterrupt: after the current step is done and saved; the same call goes on from there.
    """
    model.skeleton.require_same(people.skeleton, "training data")
    model.skeleton.require_same(validation.skeleton, "validation data")
    if len(people) == 0 or len(validation) == 0:
        raise ValueError(
            f"nothing to train on: {len(people)} people to learn from, {len(validation)} to validate on"
        )
    folder, device = Path(folder), torch.device(device)
    folder.mkdir(parents=True, exist_ok=True)
    model.to(device)
    run = Run(model, config, folder)
    resumed = run.resume(num_people=len(people))
    per_epoch = steps_per_epoch(len(people), config.batch_size)
    total = config.epochs * per_epoch
    validate_every = max(1, round(config.validate_every * per_epoch))
    loader = crop_loader(
        people, model, batch_size=config.batch_size, steps=range(run.step, total), seed=config.seed,
        augmentation=config.augmentation, workers=config.workers,
    )  # fmt: skip
    stages = [f"stage {t + 1}" for t in range(model.num_stages)]
    log = Log(folder / "log.csv", ["step", "epoch", "lr", "seconds", "peak", *stages], run.step)
    scores = Log(folder / "validation.csv", ["step", "epoch", *stages], run.step)
    start = time.perf_counter()
    with (
        tqdm(initial=run.step, total=total, disable=not progress, desc="training", unit="step") as bar,
        _interrupt() as stop,
    ):
        say = bar.write if progress else lambda _line: None
        if resumed:
            say(f"going on from step {run.step} of {total} in {folder}")
        for batch in loader:
            run.set_learning_rate(learning_rate_factor(run.step, total, per_epoch, config))
            losses, peak = _train_step(run, batch.to(device))
            run.step += 1
            epoch, rate = run.step / per_epoch, run.optimizers[0].param_groups[0]["lr"]
            log.add([run.step, epoch, rate, round(time.perf_counter() - start, 1), peak, *losses])
            bar.update()
            bar.set_postfix_str(
                f"loss {' '.join(f'{v:.4f}' for v in losses)}, peak {peak:.2f}", refresh=False
            )
            if run.step % validate_every == 0 or run.step == total:
                results = stage_pck(run.kept_model, validation, device=device)
                scores.add([run.step, epoch, *(r.mean for r in results)])
                kept = run.keep_if_best(results[-1].mean, {**(metadata or {}), "step": str(run.step)})
                percent = " ".join(f"{100 * r.mean:.1f}" for r in results)
                say(f"epoch {epoch:.2f}: PCK by stage {percent}{' (best so far, kept)' if kept else ''}")
            if run.step % config.save_every == 0 or run.step == total or stop.is_set():
                log.flush()
                scores.flush()
                run.save()
            if stop.is_set():
                say(f"stopped after step {run.step}; the same command goes on from {folder / 'last.pt'}")
                raise KeyboardInterrupt
    return folder / "best.safetensors"


def _train_step(run: Run, batch: Batch) -> tuple[list[float], float]:
    """Forward, backward and update; returns every stage's loss and the mean peak of the last stage's maps."""
    config, model = run.config, run.model
    torch.manual_seed(config.seed * 1_000_003 + run.step)  # dropout
    targets, weights = stage_targets(batch, model, config.sigma_cells)
    joint_peaks = model.joint_maps(targets).amax((-1, -2)) * weights[..., : model.skeleton.num_joints]
    if not joint_peaks.any():
        warnings.warn(
            "every joint target of this batch is zero: no joint is labelled, or all lie outside their crops. "
            "Are the joints in pixels of their image, and the boxes around the people?",
            stacklevel=3,
        )
    images, centers = model_inputs(batch, model)
    model.train()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=_use_bfloat16(config.amp, images.device)):
        maps = model(images.contiguous(memory_format=torch.channels_last), centers)
    losses = stage_loss(maps.float(), targets, weights, normalization=config.loss)
    if not torch.isfinite(losses).all():
        raise ValueError(
            f"the loss is {losses.tolist()} at step {run.step}: the training diverged. Begin again in another "
            f"folder with a smaller learning rate than {config.lr:g} or with clip_norm 1"
        )
    for optimizer in run.optimizers:
        optimizer.zero_grad()
    losses.sum().backward()
    if config.clip_norm:
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    for optimizer in run.optimizers:
        optimizer.step()
    if run.average is not None:
        run.average.update_parameters(model)
    peak = model.joint_maps(maps[-1].detach().float()).amax((-1, -2)).mean()
    return losses.tolist(), peak.item()


def _use_bfloat16(amp: str, device: torch.device) -> bool:
    if amp == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return amp == "bfloat16"


@contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event, so that no step is left half done; a second one interrupts at once.

    Outside the main thread, where Python delivers no signals, do nothing.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(*_) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
