"""cpm-edu train: train a pose machine, resumably."""

from __future__ import annotations

import json
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
need nothing. Without a GPU the lite model takes one to three hours for a useful result."""
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
SETTABLE = (
    "epochs",
    "batch_size",
    "lr",
    "optimizer",
    "schedule",
    "seed",
    "workers",
    "save_every",
    "validate_every",
    "amp",
)


def add_arguments(parser) -> None:
    parser.add_argument(
        "--data", default="synthetic", choices=DATA_SETS, help="default: %(default)s"
    )
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
    for field in fields(TrainingConfig):
        if field.name in SETTABLE:
            flag = "--" + field.name.replace("_", "-")
            kind = type(field.default)
            parser.add_argument(flag, type=kind, default=field.default, help="default: %(default)s")


def run(options) -> int:
    if options.threads:
        torch.set_num_threads(options.threads)
    config = TrainingConfig(**{name: getattr(options, name) for name in SETTABLE})
    device = choose_device(options.device)
    people, validation = open_people(options.data, "train"), open_people(options.data, "val")
    torch.manual_seed(config.seed)  # the first weights
    model = getattr(CPM, options.model)(people.skeleton)
    if options.model == "paper":
        config = replace(config, optimizer="sgd", loss="euclidean") if options.optimizer == "muon" else config
    if options.init_from is not None and not (options.out / "last.pt").is_file():
        print(initialize_from(model, options.init_from).summary())
    print(f"training on {len(people)} people, validating on {len(validation)}, device {device}")
    metadata = {
        "notice": NOTICES["synthetic" if options.data == "synthetic" else "real"],
        "data": options.data,
        "seed": str(config.seed),
        "training": json.dumps({name: getattr(options, name) for name in SETTABLE}),
    }
    best = train(model, people, validation, config, options.out, device=device, metadata=metadata)
    print(f"best weights: {best}")
    print(
        f"next: cpm-edu evaluate --checkpoint {best} --data {options.data}, or cpm-edu predict PHOTO --checkpoint {best}"
    )
    return 0
