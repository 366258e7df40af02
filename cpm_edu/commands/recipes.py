"""cpm-edu recipes: the published results and every number behind them."""

from __future__ import annotations

import textwrap
from dataclasses import asdict

from ..evaluation.benchmarks import rows_table
from ..metrics.table import Table
from ..training.recipes import JHMDB_AVERAGE, RECIPES, Published, Recipe

DESCRIPTION = """\
The published results of Convolutional Pose Machines: which data, network, training and test rule give which
number, and which weights file holds the network. With a name, all numbers of that recipe.

"verified" says when somebody last saw the published row come out of this package with the real data and weights."""
EXAMPLES = """\
examples:
  cpm-edu recipes
  cpm-edu recipes coco-256x192
  cpm-edu evaluate --recipe coco-256x192 --checkpoint cpm_coco_256x192-aa4ba095_20200817.pth
  cpm-edu train --recipe mpii-368 --dry-run"""

WIDTH = 118
# Fields of TrainingConfig that one schedule or optimizer alone reads.
OF_SCHEDULE = {"step_epochs": "step", "lr_steps": "multistep", "warmup_start": "multistep"}


def add_arguments(parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of {', '.join(RECIPES)}")


def run(options) -> int:
    if options.name is None:
        print(overview())
        return 0
    if options.name not in RECIPES:
        raise ValueError(f"there is no recipe {options.name!r}; there are {', '.join(RECIPES)}")
    print(details(RECIPES[options.name]))
    return 0


def overview() -> str:
    """All recipes: the rows in print, their weights, then rule and source of each benchmark."""
    recipes = list(RECIPES.values())
    rows = [(recipe, row) for recipe in recipes for row in recipe.published]
    in_print = [[recipe.name, _short(recipe, row), row.label, recipe.verified] for recipe, row in rows]
    sub1 = RECIPES["jhmdb-sub1-368"]
    in_print.append(["jhmdb-sub1..3-368", _short(sub1, JHMDB_AVERAGE), JHMDB_AVERAGE.label, "never"])
    files = [[recipe.name, row.label, row.checkpoint or recipe.checkpoint] for recipe, row in rows]
    paragraphs = [
        str(Table(["recipe", "in print", "by", "verified"], in_print, caption="Published results")),
        str(Table(["recipe", "by", "weights file"], files, caption="Their weights")),
    ]
    rules: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        rules.setdefault(recipe.rule, []).append(recipe)
    for rule, sharing in rules.items():
        sources = dict.fromkeys(row.source for recipe in sharing for row in recipe.published)
        names = ", ".join(recipe.name for recipe in sharing)
        paragraphs.append(_wrapped(f"{names}: {rule}. In print: {'; '.join(sources)}.", 2))
    paragraphs.append("All numbers of one: cpm-edu recipes NAME")
    return "\n\n".join(paragraphs)


def details(recipe: Recipe) -> str:
    """Everything that one recipe says."""
    rows = {f"{row.label}: {row.source}": row.values for row in recipe.published}
    if recipe.skeleton.name == "jhmdb":
        rows[JHMDB_AVERAGE.label] = JHMDB_AVERAGE.values
    sha = f", SHA-256 begins with {recipe.sha256_prefix}" if recipe.sha256_prefix else ""
    more = [f"{row.label}: {row.checkpoint}" for row in recipe.published if row.checkpoint]
    gpus = f"; published on {recipe.gpus} GPUs" if recipe.gpus else ""
    zooms = ", ".join(f"{zoom:g}" for zoom in recipe.test_scales)
    lines = {
        "network": f"CPM.{recipe.model}, {recipe.num_stages} stages, {recipe.skeleton.num_joints} joints "
        f"({recipe.skeleton.name}), crop {recipe.input_size[0]} x {recipe.input_size[1]} px (height x width)",
        "data": f"--data {recipe.data}",
        "test": f"{'a detector' if recipe.boxes == 'detector' else 'the annotation'}'s boxes, "
        f"{'with' if recipe.flip_test else 'without'} flip test, zoom {zooms}",
        "rule": recipe.rule,
        "weights": "; ".join([f"{recipe.checkpoint}{sha}", *more]),
        "config": recipe.config,
        "notes": recipe.notes,
        "training": f"{_numbers(asdict(recipe.training) | {'augmentation': None})}{gpus}",
        "crops": f"{type(recipe.training.augmentation).__name__}: "
        f"{_numbers(asdict(recipe.training.augmentation))}",
        "verified": recipe.verified,
    }
    table = rows_table(recipe, rows, f"{recipe.name}: in print")
    return "\n".join([str(table), "", *(_wrapped(f"{name:10}{text}", 10) for name, text in lines.items())])


def _numbers(values: dict) -> str:
    """ "name value, name value" of a dataclass, without what its schedule does not read."""
    schedule = values.get("schedule")
    shown = []
    for name, value in values.items():
        if value is None or OF_SCHEDULE.get(name, schedule) != schedule:
            continue
        if isinstance(value, (tuple, list)):
            value = (
                " to ".join(f"{v:g}" for v in value) if name == "scale" else " ".join(f"{v:g}" for v in value)
            )
        shown.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(shown)


def _short(recipe: Recipe, row: Published) -> str:
    """One line of a row; of JHMDB's sixteen numbers the two means."""
    if recipe.skeleton.name == "jhmdb":
        return f"Mean {row.values['Mean PCK']:.1f} (person size), {row.values['Mean tPCK']:.1f} (torso)"
    decimals = 2 if recipe.skeleton.name == "lsp" else 3
    return ", ".join(f"{name} {value:.{decimals}f}" for name, value in row.values.items())


def _wrapped(text: str, indent: int) -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
