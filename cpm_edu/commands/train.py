"""cpm-edu train: train a pose machine, resumably."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import torch

from ..datasets.opening import DATA_SETS, open_data
from ..datasets.people import PeopleDataset
from ..images import ImageError
from ..models import CPM
from ..models.initialize import InitReport, initialize_from
from ..training.distributed import all_or_none, is_main, one_speaker, process_group, world_size
from ..training.estimate import estimate
from ..training.folder_lock import hold_folder
from ..training.loop import train
from ..training.recipes import RECIPES
from ..training.run import TrainingConfig, check_folder
from ..weights import LITE_PATH
from .options import choose_device, input_size
from .own_data import own_data_config, present_own_data

DESCRIPTION = """\
Train a CPM. The run lives in the folder --out: Ctrl-C, a crash or a power cut loses at most --save-every steps,
and the same command goes on from there. best.safetensors holds the weights with the best PCK on the validation
people; log.csv and validation.csv hold the curves.

--data is a data set (cpm-edu data says which are here and how to get the others) or a COCO-style .json of your
own; "synthetic" people need nothing. --recipe takes data, network and numbers of a published result (cpm-edu
recipes); what you give besides overrides it. --dry-run measures memory and time and trains nothing.

One process, or many: torchrun --nproc-per-node 8 -m cpm_edu train ... shares every batch among 8 GPUs.
docs/distributed.md has the commands for several machines and for Slurm. On two laptop cores the lite model learns
from 20 to 50 people a second: an epoch of 1,000 people takes about half a minute."""
EXAMPLES = """\
examples:
  cpm-edu train --data synthetic --epochs 1 --out runs/first
  cpm-edu train --data lsp+lspet --epochs 30 --amp bfloat16 --workers 1 --out runs/lite
  cpm-edu train --data my.json --images photos --init-from lite --out runs/mine
  cpm-edu train --recipe jhmdb-sub1-368 --init-from mpii.safetensors --out runs/jhmdb
  cpm-edu train --recipe coco-256x192 --dry-run --out runs/coco"""

NOTICES = {
    "synthetic": "Trained on synthetic people only.",
    "lsp": "Trained on Leeds Sports Pose pictures, which are research-only data: these weights are for research "
    "and teaching and are not covered by the code's licence.",
    "own": "Trained on pictures of the user's own.",
    "other": "Trained on {}: the terms of its pictures bind these weights too; they are not covered by the code's "
    "licence.",
}
# The paper's release (genProto.py), where it says; sigma is recalled as 7 px, the step in epochs is ours.
PAPER = TrainingConfig(
    optimizer="sgd", lr=8e-5, weight_decay=5e-4, schedule="step", step_gamma=0.333, warmup_steps=0, ema_decay=0.0,
    loss="euclidean", sigma_cells=7 / 8,
)  # fmt: skip
DEFAULTS = {"lite": TrainingConfig(), "paper": PAPER, "mmpose": RECIPES["coco-256x192"].training}
SETTABLE = [f.name for f in fields(TrainingConfig) if f.name != "augmentation"]


def add_arguments(parser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--recipe", choices=RECIPES, metavar="R", help=f"one of {', '.join(RECIPES)}")
    data = parser.add_argument_group("whom to learn from")
    data.add_argument("--data", metavar="D", help=f"{', '.join(DATA_SETS)}, or my.json (default: synthetic, or the recipe's)")  # fmt: skip
    data.add_argument("--data-folder", type=Path, metavar="DIR", help="where the data set lies")
    data.add_argument("--annotations", type=Path, metavar="F", help="a file in place of the official one")
    data.add_argument("--images", type=Path, metavar="DIR", help="the pictures of your own json, or in place of the official ones")  # fmt: skip
    data.add_argument("--val-annotations", type=Path, metavar="F", help="the same for the validation people")
    data.add_argument("--val-images", type=Path, metavar="DIR", help="the same for the validation people")
    data.add_argument("--skip-bad", action="store_true", help="leave out, count and list broken records and pictures")  # fmt: skip
    network = parser.add_argument_group("the network")
    network.add_argument("--model", choices=DEFAULTS, help="default: lite, or the recipe's")
    network.add_argument("--stages", type=int, metavar="T", help="how many; default: the model's")
    network.add_argument("--input-size", type=int, nargs=2, metavar=("H", "W"), help="crop in pixels; default: the model's")  # fmt: skip
    network.add_argument("--init-from", metavar="C", help="begin with another checkpoint's weights (lite: the shipped ones); joints may differ")  # fmt: skip
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", help="cpu, cuda, cuda:1 ...; default: a GPU where there is one")
    machine.add_argument("--threads", type=int, help="CPU threads; a resumed run is bit-identical only with the same number")  # fmt: skip
    machine.add_argument("--minutes", type=float, metavar="M", help="save and end after so long; the same command goes on")  # fmt: skip
    machine.add_argument("--dry-run", action="store_true", help="measure memory and time on a few steps; train nothing")  # fmt: skip
    numbers = parser.add_argument_group(
        "numbers of the training", "[default of the lite model (of the paper's)]; a recipe has its own"
    )
    meanings = dict(re.findall(r"^ +(\w+): (.+)$", inspect.getdoc(TrainingConfig), re.MULTILINE))
    for name in SETTABLE:
        _add_number(numbers, name, meanings[name].rstrip("."))


def _add_number(group, name: str, meaning: str) -> None:
    """One option for one field of TrainingConfig."""
    option = "--" + name.replace("_", "-")
    lite, paper = getattr(DEFAULTS["lite"], name), getattr(DEFAULTS["paper"], name)
    if isinstance(lite, bool):
        group.add_argument(option, action="store_const", const=True, help=meaning)
    elif isinstance(lite, tuple):
        group.add_argument(option, type=float, nargs="+", metavar="E", help=meaning)
    else:
        shown = [f"{v:g}" if isinstance(v, int | float) else v for v in (lite, paper)]
        default = shown[0] if lite == paper else f"{shown[0]} ({shown[1]})"
        choices = TrainingConfig.CHOICES.get(name)
        group.add_argument(
            option, type=type(lite), metavar="|".join(choices) if choices else "X",
            help=f"{meaning} [{default}]",
        )  # fmt: skip


def run(options) -> int:
    started = time.monotonic()
    for name in ("threads", "minutes", "stages"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name} must be more than 0, not {value}")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    with process_group(choose_device(options.device)) as device, one_speaker():
        try:
            return _train(options, device, started)
        except torch.OutOfMemoryError as error:
            raise ValueError(
                f"the memory of {device} is too small for so many people at once: a larger --accumulate takes "
                "fewer, and the run goes on with it; --dry-run says how large"
            ) from error
        except ImageError as error:
            raise ValueError(f"{error}; --skip-bad leaves such people out") from error


def _train(options, device: torch.device, started: float) -> int:
    with all_or_none():
        recipe = RECIPES[options.recipe] if options.recipe else None
        data = options.data or (recipe.data if recipe else "synthetic")
        people, validation = _open(options, data)
        config = _numbers(options, recipe, data, len(people))
        torch.manual_seed(config.seed)  # the first weights
        model = _make_model(options, recipe, people)
        report = _initialize(model, options)
    if options.dry_run:
        if world_size() > 1:
            raise ValueError("--dry-run measures one process; start it without torchrun")
        print(estimate(model, people, config, device, gpus=recipe.gpus if recipe else 0))
        return 0
    with hold_folder(options.out), all_or_none():  # before anything is written there
        check_folder(model, config, options.out, people)
    with all_or_none():
        if is_main():
            for text in (_tell_initialized(report, options), _override_report(config, recipe, data, model)):
                if text:
                    print(text)
            if data.endswith(".json"):
                _present(people, validation, options)
            else:  # an own file's description has told
                _tell_broken(people, validation)
    if is_main():
        shared = f", shared by {world_size()} processes" if world_size() > 1 else ""
        print(f"training on {len(people)} people, validating on {len(validation)}, device {device}{shared}")
    metadata = {
        "notice": _notice(data),
        "data": data,
        "seed": str(config.seed),
        "training": json.dumps({name: getattr(config, name) for name in SETTABLE}),
    } | ({"recipe": recipe.name} if recipe else {})
    minutes = options.minutes and max(options.minutes - (time.monotonic() - started) / 60, 0.0)
    best = train(
        model, people, validation, config, options.out, device=device, metadata=metadata, minutes=minutes,
        skip_bad=options.skip_bad,
    )  # fmt: skip
    if is_main() and best.is_file():
        own = data.endswith(".json")
        evaluate = ["--recipe", recipe.name] if recipe and data == recipe.data else ["--data", data]
        evaluate += ["--data-folder", str(options.data_folder)] if options.data_folder else []
        files = {
            "--images": options.images if own else options.val_images,
            "--annotations": options.val_annotations,
        }
        evaluate += [text for name, path in files.items() if path for text in (name, str(path))]
        evaluate += ["--split", "val"] if own else []
        checkpoint = shlex.join(["--checkpoint", str(best)])
        print(f"best weights: {best}")
        print(
            f"next: cpm-edu evaluate {checkpoint} {shlex.join(evaluate)}, or cpm-edu predict PHOTO {checkpoint}"
        )
    return 0


def _present(people: PeopleDataset, validation: PeopleDataset, options) -> None:
    """Tell what is in the user's own files and draw the contact sheet."""
    try:
        present_own_data(people, validation, options.out)
    except ImageError as error:
        if not options.skip_bad:
            raise
        print(f"no contact sheet, because {error}")


def _tell_broken(*parts: PeopleDataset) -> None:
    """Count and list, on stderr, the records that --skip-bad left out."""
    for people in parts:
        if hasattr(people, "sieve") and people.sieve.bad:
            print(f"{people.title}:\n{people.sieve.summary()}", file=sys.stderr)


def _open(options, data: str) -> tuple[PeopleDataset, PeopleDataset]:
    """People to learn from and to validate on."""
    people = open_data(
        data, "train", folder=options.data_folder, annotations=options.annotations, images=options.images,
        skip_bad=options.skip_bad,
    )  # fmt: skip
    own = data.endswith(".json")  # one file for both, split by picture
    validation = open_data(
        data, "val", folder=options.data_folder, annotations=options.val_annotations,
        images=options.images if own else options.val_images, skip_bad=options.skip_bad,
    )  # fmt: skip
    return people, validation


def _given(options) -> dict:
    given = {name: getattr(options, name) for name in SETTABLE if getattr(options, name) is not None}
    if "lr_steps" in given:
        given["lr_steps"] = tuple(given["lr_steps"])
    return given


def _numbers(options, recipe, data: str, num_people: int) -> TrainingConfig:
    if recipe is not None:
        config = recipe.training
    elif data.endswith(".json") and options.model in (None, "lite"):
        config = own_data_config(num_people)
    else:
        config = DEFAULTS[options.model or "lite"]
    return replace(config, **_given(options))


def _override_report(config: TrainingConfig, recipe, data: str, model: CPM) -> str:
    """What this run does otherwise than its recipe, "" where there is none."""
    if recipe is None:
        return ""
    pairs = [
        ("data", recipe.data, data),
        ("model", recipe.model, model.kind),
        ("stages", recipe.num_stages, model.num_stages),
        ("input size", recipe.input_size, tuple(model.input_size)),
        *((name, getattr(recipe.training, name), getattr(config, name)) for name in SETTABLE),
    ]
    changes = [f"{name} {published} -> {ours}" for name, published, ours in pairs if published != ours]
    return f"recipe {recipe.name}" + (f", but {'; '.join(changes)}" if changes else ", as published")


def _make_model(options, recipe, people: PeopleDataset) -> CPM:
    kind = options.model or (recipe.model if recipe else "lite")
    sizes = {}
    if recipe is not None and kind == recipe.model:
        sizes = {"num_stages": recipe.num_stages, "input_size": recipe.input_size}
    if options.stages is not None:
        sizes["num_stages"] = options.stages
    if (size := input_size(options)) is not None:
        sizes["input_size"] = size
    return getattr(CPM, kind)(people.skeleton, **sizes)


def _initialize(model: CPM, options) -> InitReport | None:
    """Carry weights over where --init-from asks for it and no run goes on from its own."""
    if options.init_from is None or (options.out / "last.pt").is_file():
        return None
    path = Path(options.init_from)
    if options.init_from == "lite" and not path.exists():
        path = LITE_PATH
    return initialize_from(model, path)


def _tell_initialized(report: InitReport | None, options) -> str:
    """What to tell about --init-from; every tensor's name goes into the run's init.txt."""
    if options.init_from is None:
        return ""
    if report is None:
        return f"--init-from is not needed: the run in {options.out} goes on from its own weights"
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "init.txt"
    path.write_text(report.listing() + "\n")
    return f"{report.summary()}\nevery tensor by name: {path}"


def _notice(data: str) -> str:
    if data == "synthetic":
        return NOTICES["synthetic"]
    kind = "lsp" if data.startswith("lsp") else "own" if data.endswith(".json") else "other"
    return NOTICES[kind].format(data)
