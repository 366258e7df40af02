"""cpm-edu evaluate: PCK of a model on labelled people, or a published benchmark by its recipe."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from ..training.distributed import one_speaker, process_group
from ..training.recipes import RECIPES
from .evaluate_pck import evaluate_pck
from .evaluate_recipe import evaluate_recipe
from .options import add_model_options, choose_device

DESCRIPTION = """\
Without --recipe: PCK@0.2 of every stage, the share of joints whose error is at most 0.2 x the torso (left shoulder to
right hip; where the joints have other names, the longer side of the person's box), all labelled joints, occluded
ones included. On LSP's test set this is the measure of the paper's table, where the authors' six-stage model has
84.32 (trained on LSP + LSPET) and 90.50 (+ MPII).

With --recipe: a published benchmark by its own rule (see cpm-edu recipes), the published row and the measured one
side by side, by stage and by joint, with COCO's results file and a gallery of the worst cases.

What was predicted is kept in --out as it comes: stop at any time, the same command goes on. Under torchrun the
processes share the people.

--two-people also puts pairs of test people side by side and asks for the left one with the right, a wrong and a
blank center map: what the center map is worth."""
EXAMPLES = """\
examples:
  cpm-edu evaluate --data synthetic
  cpm-edu evaluate --data lsp --flip-test --two-people
  cpm-edu evaluate --data lsp --checkpoint runs/lite/best.safetensors --csv result.csv --out evaluation
  cpm-edu evaluate --data my.json --images photos --checkpoint runs/mine/best.safetensors
  cpm-edu evaluate --recipe coco-256x192 --checkpoint cpm_coco_256x192-aa4ba095_20200817.pth --data coco/
  cpm-edu evaluate --recipe mpii-368 --checkpoint cpm_mpii_368x368-116e62b8_20200822.pth --limit 100"""
GALLERY = 24


def add_arguments(parser) -> None:
    parser.add_argument("--recipe", metavar="R", help=f"a published benchmark: {', '.join(RECIPES)}")
    data = parser.add_argument_group("what to measure on")
    data.add_argument(
        "--data", metavar="D",
        help="a data set (cpm-edu data lists them), a COCO-style .json of yours, or, with --recipe, the folder of its "
        "data set (default: lsp, or the recipe's)",
    )  # fmt: skip
    data.add_argument("--data-folder", type=Path, metavar="DIR", help="where the data set lies")
    data.add_argument(
        "--split", default="test", choices=["train", "val", "test"], help="default: %(default)s"
    )
    data.add_argument("--annotations", type=Path, metavar="F", help="a file in place of the official one")
    data.add_argument("--images", type=Path, metavar="DIR", help="a folder in place of the official one")
    data.add_argument(
        "--boxes", metavar="F|annotation",
        help="with --recipe: a file of detector boxes, or annotated ones (default: the recipe's)",
    )  # fmt: skip
    data.add_argument(
        "--limit", type=int, metavar="N", help="the first N people only, and who shares their pictures"
    )
    data.add_argument(
        "--skip-bad", action="store_true", help="leave out, count and list broken records and pictures"
    )
    parser.add_argument(
        "--two-people", action="store_true", help="also measure the center map on two-person scenes"
    )
    results = parser.add_argument_group("results")
    results.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder for predictions, tables and gallery (with --recipe default: cpm_evaluation/RECIPE-CHECKPOINT)",
    )  # fmt: skip
    results.add_argument("--csv", type=Path, metavar="FILE", help="write the table there too")
    results.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there too")
    results.add_argument(
        "--gallery", type=int, metavar="N",
        help=f"how many of the worst cases to draw into --out; 0: none (default: {GALLERY})",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ...; default: a GPU where there is one")
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="crops at a time; changes speed and memory, and the results by rounding only",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that make crops (default: 0, on a GPU up to 8)"
    )
    add_model_options(parser)


def run(options) -> int:
    _check(options)
    with process_group(choose_device(options.device)) as device, one_speaker():
        options.workers = _workers(options.workers, device)
        return evaluate_recipe(options, device) if options.recipe else evaluate_pck(options, device)


def _check(options) -> None:
    """Mistakes that can be told before the work."""
    if options.recipe and options.recipe not in RECIPES:
        raise ValueError(f"no recipe {options.recipe!r}; there are {', '.join(RECIPES)}")
    for path in (options.csv, options.json):
        if path and not path.parent.is_dir():
            raise ValueError(f"{path}: there is no such folder")
    for name in ("limit", "batch_size"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    for name in ("gallery", "workers"):
        value = getattr(options, name)
        if value is not None and value < 0:
            raise ValueError(f"--{name} must be at least 0, not {value}")
    if options.out and options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out {options.out} is a file, not a folder")
    if options.gallery and not (options.out or options.recipe):
        raise ValueError("--gallery needs --out DIR, where the pictures go")
    if options.boxes and not options.recipe:
        raise ValueError(
            "--boxes needs --recipe: detected people carry no joints that PCK could be measured by"
        )
    if options.two_people and options.recipe:
        raise ValueError("--two-people does not go with --recipe; measure the center map by --data lsp")
    if options.gallery is None:
        options.gallery = GALLERY


def _workers(asked: int | None, device: torch.device) -> int:
    if asked is not None:
        return asked
    return 0 if device.type == "cpu" else min(8, (os.cpu_count() or 2) - 1)
