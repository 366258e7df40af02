"""Whether training works on a device, as far as a minute shows; a step of gpu_run.py.

Small models learn from synthetic people there and on the CPU, from the same weights and crops. Prints one line a
check and then what `cpm-edu train --dry-run` says of the full models.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from cpm_edu.datasets.people import FirstPersons
from cpm_edu.datasets.synthetic import SyntheticPeople
from cpm_edu.models import CPM
from cpm_edu.skeletons import LSP
from cpm_edu.training.estimate import estimate
from cpm_edu.training.loop import train
from cpm_edu.training.recipes import RECIPES
from cpm_edu.training.run import TrainingConfig

PEOPLE, BATCH = 16, 4
PER_EPOCH = PEOPLE // BATCH
CONFIG = TrainingConfig(epochs=1, batch_size=BATCH, ema_decay=0.0, amp="off", warmup_steps=1)


def loud_paper() -> CPM:
    """A narrow network without dropout, with first weights of He's size: by the release's the maps stay blank at
    this width, which would hide faults."""
    model = CPM.paper(LSP, num_stages=2, width=16, input_size=(64, 64))
    for parameter in model.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


MODELS = {
    "lite": lambda: CPM.lite(LSP, num_stages=2, input_size=(64, 64), features=16, width=16),
    "paper": loud_paper,
}
# The network's products are TF32 on a GPU (10 bits), or bfloat16 (7 bits): after four steps a loss differs by less.
EXACT, COARSE = 0.02, 0.1


class Drawn(list):
    """Synthetic people drawn once; a list, because most of a small training would be spent on drawing them."""

    skeleton = LSP


@cache
def drawn(count: int) -> Drawn:
    return Drawn(FirstPersons(SyntheticPeople(count, seed=0)))


def losses(name: str, config: TrainingConfig, device: str, folder: Path) -> list[float]:
    """Loss of every step, summed over the stages; goes on where `folder` holds the run."""
    torch.manual_seed(0)
    train(MODELS[name](), drawn(PEOPLE), drawn(BATCH), config, folder, device=device, progress=False)
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [sum(float(value) for key, value in row.items() if key.startswith("stage")) for row in rows]


def checks(device: str, work: Path) -> Iterator[tuple[str, bool, str]]:
    """(what, whether it held, numbers) of every check."""

    def compare(what: str, found: list[float], expected: list[float], most: float) -> tuple[str, bool, str]:
        off = max(abs(f / e - 1) for f, e in zip(found, expected, strict=True))
        return what, off < most, f"last loss {found[-1]:.4g}, off by {off:.1e} at most"

    for name in MODELS:
        there = losses(name, CONFIG, device, work / f"{name}-there")
        here = losses(name, CONFIG, "cpu", work / f"{name}-here")
        yield compare(f"{name}: losses as on the CPU", there, here, EXACT)
        half = losses(name, replace(CONFIG, amp="bfloat16"), device, work / f"{name}-half")
        yield compare(f"{name}: losses in bfloat16", half, here, COARSE)
        two = losses(name, replace(CONFIG, epochs=2), device, work / f"{name}-there")
        kept = two[:PER_EPOCH] == there and len(two) == 2 * PER_EPOCH
        yield f"{name}: goes on after its end", kept, f"{len(there)} and then {len(two)} steps"
        if name == "paper":  # batch norm would see other batches in halves
            split = losses(name, replace(CONFIG, accumulate=2), device, work / f"{name}-split")
            yield compare(f"{name}: losses of two micro-batches", split, there, EXACT)
    if device != "cpu":  # on the CPU it would compile C++ for a minute
        there = losses("lite", CONFIG, device, work / "eager")
        fused = losses("lite", replace(CONFIG, compile=True), device, work / "compiled")
        yield compare("lite: losses under torch.compile", fused, there, EXACT)


def full_models(device: str) -> Iterator[tuple[str, str]]:
    """(model, what a dry run says) of the published recipes' and the lite model, on synthetic people."""
    people = drawn(128)
    config = TrainingConfig(batch_size=64, amp="auto", workers=1)
    yield "CPM.lite", str(estimate(CPM.lite(LSP), people, config, device))
    yield "CPM.paper", str(estimate(CPM.paper(LSP), people, replace(config, batch_size=32), device))
    for name in ("coco-256x192", "mpii-368"):
        recipe = RECIPES[name]
        model = CPM.mmpose(LSP, num_stages=recipe.num_stages, input_size=recipe.input_size)
        config = replace(recipe.training, batch_size=recipe.training.batch_size // recipe.gpus, amp="auto")
        yield f"{name}, the share of one of {recipe.gpus} GPUs", str(estimate(model, people, config, device))


def main(device: str = "cuda") -> int:
    held = []
    with tempfile.TemporaryDirectory() as work:
        for what, good, numbers in checks(device, Path(work)):
            held.append(good)
            print(f"{'ok' if good else 'FAILED'}: {what}: {numbers}", flush=True)
    if device != "cpu":
        for model, told in full_models(device):
            print(f"{model}\n  " + told.replace("\n", "\n  "), flush=True)
    print(f"{sum(held)} of {len(held)} checks held")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
