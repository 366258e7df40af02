"""cpm-edu train: train a pose machine, resumably."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import torch

from ..models import CPM
from ..models.initialize import initialize_from
from ..training.loop import train
from ..training.run import TrainingConfig
from .options import DATA_SETS, choose_device, open_people

HELP = "train a pose machine; stop and resume at will"
DESCRIPTION = """\
Train a CPM. The run lives in the folder --out: Ctrl-C, a crash or a power cut loses at most --save-every steps,
and the same command goes on from there. best.safetensors holds the weights with the best PCK on the validation
people; log.csv and validation.csv hold the curves.

LSP and LSPET are research data that you must get yourself (see CPM_EDU_DATA in the README); "synthetic" people
need nothing. On two laptop cores the lite model learns from 20 to 50 people a second: an epoch of 1,000 people
takes about half a minute, one of the 5,000 synthetic people two to four minutes."""
EXAMPLES = """\
examples:
  cpm-edu train --data synthetic --epochs 1 --out runs/first
  cpm-edu train --data lsp+lspet --epochs 30 --amp bfloat16 --workers 1 --out runs/lite
  cpm-edu train --data lsp --init-from runs/lite/best.safetensors --lr 0.005 --out runs/finetuned"""

NOTICES = {
    "synthetic": "Trained on synthetic people only.",
    "real": "Trained on Leeds Sports Pose pictures, which are research-only data: these weights are for research "
    "and teaching and are not covered by the code's licence.",
}
# The paper's release (genProto.py), where it says; sigma is recalled as 7 px, the step in epochs is ours.
PAPER = TrainingConfig(
    optimizer="sgd", lr=8e-5, weight_decay=5e-4, schedule="step", step_gamma=0.333, warmup_steps=0, ema_decay=0.0,
    loss="euclidean", sigma_cells=7 / 8,
)  # fmt: skip
DEFAULTS = {"lite": TrainingConfig(), "paper": PAPER}
SETTABLE = [f.name for f in fields(TrainingConfig) if isinstance(f.default, int | float | str)]


def add_arguments(parser) -> None:
    parser.add_argument("--data", default="synthetic", choices=DATA_SETS, help="default: %(default)s")
    parser.add_argument("--model", default="lite", choices=["lite", "paper"], help="default: %(default)s")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--init-from",
        type=Path,
        metavar="C",
        help="begin with another checkpoint's weights, joints may differ",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ...; default: a GPU where there is one")
    parser.add_argument(
        "--threads", type=int, help="CPU threads; a resumed run is bit-identical only with the same number"
    )
    numbers = parser.add_argument_group(
        "numbers of the training", "[default of the lite model (of the paper's)]"
    )
    meanings = dict(re.findall(r"^ +(\w+): (.+)$", inspect.getdoc(TrainingConfig), re.MULTILINE))
    for name in SETTABLE:
        lite, paper = getattr(DEFAULTS["lite"], name), getattr(DEFAULTS["paper"], name)
        default = f"{lite:g} ({paper:g})" if isinstance(lite, int | float) else f"{lite} ({paper})"
        choices = TrainingConfig.CHOICES.get(name)
        numbers.add_argument(
            "--" + name.replace("_", "-"), type=type(lite), metavar="|".join(choices) if choices else "X",
            help=f"{meanings[name].rstrip('.')} [{default if lite != paper else lite}]",
        )  # fmt: skip


def run(options) -> int:
    if options.threads is not None:
        if options.threads < 1:
            raise ValueError(f"--threads must be at least 1, not {options.threads}")
        torch.set_num_threads(options.threads)
    given = {name: getattr(options, name) for name in SETTABLE if getattr(options, name) is not None}
    config = replace(DEFAULTS[options.model], **given)
    device = choose_device(options.device)
    people, validation = open_people(options.data, "train"), open_people(options.data, "val")
    torch.manual_seed(config.seed)  # the first weights
    model = getattr(CPM, options.model)(people.skeleton)
    if options.init_from is not None:
        if (options.out / "last.pt").is_file():
            print(f"--init-from is not needed: the run in {options.out} goes on from its own weights")
        else:
            print(initialize_from(model, options.init_from).summary())
    print(f"training on {len(people)} people, validating on {len(validation)}, device {device}")
    metadata = {
        "notice": NOTICES["synthetic" if options.data == "synthetic" else "real"],
        "data": options.data,
        "seed": str(config.seed),
        "training": json.dumps({name: getattr(config, name) for name in SETTABLE}),
    }
    best = train(model, people, validation, config, options.out, device=device, metadata=metadata)
    print(f"best weights: {best}")
    print(
        f"next: cpm-edu evaluate --checkpoint {best} --data {options.data}, or cpm-edu predict PHOTO --checkpoint {best}"
    )
    return 0
