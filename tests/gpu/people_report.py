"""What a training of train_people.py leaves: a section for docs/gpu_runs.md, curves, and weights in small files."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import torch
from gpu_machine import ROOT, Facts
from gpu_report import table

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

__all__ = ["join", "split_file", "write_report"]

LARGEST_FILE = 15 * 2**20  # what some machines hand back at most
PUBLISHED = "For scale: the authors' six-stage network has 84.32 (LSP + LSPET) and 90.50 (+ MPII) on the same measure."
STEPS_DRAWN = 300  # points of a loss curve
MARKERS = "os^Dv*"
STYLES = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (1, 3)),
)  # of the stages: colour never stands alone
ALT = (
    "Left: the loss of every stage falls with the crops that the model has seen. "
    "Right: PCK on the validation people rises, later stages above stage 1."
)


def write_report(out: Path, facts: Facts, trainings: list, *, append: bool = False) -> None:
    """Write people.md, people.png, people.csv and weights of the models that this piece worked on.

    Args:
        out: folder, made if missing.
        facts: of the machine.
        trainings: `Training`s, each with at least one step saved or none.
        append: put the section and its picture into docs/ too.
    """
    out.mkdir(parents=True, exist_ok=True)
    begun = [training for training in trainings if training.step() > 0]
    text = section(facts, begun)
    if begun:
        draw_curves(begun, out / "people.png")
        write_validation(begun, out / "people.csv")
        text += f"\n![{ALT}](people.png)\n"
    for training in begun:
        weights = training.folder / "best.float16.safetensors"
        if (training.run / "best.safetensors").is_file():
            training.best()
            split_file(weights, out / f"{training.name}.safetensors")
    (out / "people.md").write_text(text)
    print(text)
    if append and begun:
        picture = f"gpu_people_{facts.date}.png"
        shutil.copy(out / "people.png", ROOT / "docs" / picture)
        with (ROOT / "docs" / "gpu_runs.md").open("a") as file:
            file.write("\n" + text.replace("(people.png)", f"({picture})"))


def section(facts: Facts, trainings: list) -> str:
    """The Markdown section; what is not finished says so first."""
    parts = [f"## {facts.date}: people on {facts.device}"]
    parts.append(
        f"Commit {facts.commit}. {facts.software}. From scratch on LSP + LSPET, by tests/gpu/train_people.sh."
    )
    if not trainings:
        parts.append("**Nothing was trained yet.**")
    for training in trainings:
        parts += model_part(training)
    return "\n\n".join(parts) + "\n"


def model_part(training) -> list[str]:
    plan, results = training.read("plan"), training.read("results", {})
    config, pieces = training.job.config, training.read("pieces", [])
    seconds = sum(piece["seconds"] or 0.0 for piece in pieces)
    killed = sum(piece["killed"] for piece in pieces)
    parts = [f"### CPM.{training.name}"]
    if plan is None:
        return [*parts, "**Its speed is not known yet.**"]
    if training.step() < plan["steps"]:
        parts.append(f"**Not done: step {training.step()} of {plan['steps']}.**")
    elif len(results) < 3:
        parts.append("**Trained, not evaluated yet.**")
    crops = config.batch_size / plan["seconds_per_step"]
    facts = [
        ["data", f"{training.job.data}, {plan['people']} people, validated on {len(training.validation)}"],
        ["epochs, steps", f"{plan['epochs']}, {plan['steps']} of {config.batch_size} crops"],
        ["speed", f"{crops:.0f} crops/s with {plan['workers']} workers on {plan['device']}"],
        ["optimizer", f"{config.optimizer}, lr {plan['lr']:g}, {config.schedule}, average of {config.ema_decay:g} a step"],
        ["time", f"{seconds / 60:.1f} min in {len(pieces)} pieces, {killed} of them killed, evaluation included"],
    ]  # fmt: skip
    if torch.cuda.is_available():
        facts.append(
            ["GPU memory", f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most in the last piece"]
        )
    parts.append(table(["what", "value"], facts))
    if results:
        parts.append(joint_table(results))
        parts.append(
            f"PCK@0.2 in percent on LSP's official {len(training.test)} test pictures, of the float16 weights. {PUBLISHED}"
        )
    if "two people" in results:
        parts.append(two_people_table(results["two people"]))
    if training.name == "lite" and len(results) == 3:
        parts.append(
            "For the model card: the rows above replace its tables, if these weights replace "
            "cpm_edu/weights/cpm_lite_lsp.safetensors. "
            f"How trained: {plan['steps'] * config.batch_size:,} crops in {seconds / 60:.1f} min on {plan['device']}."
        )
    return parts


def joint_table(results: dict) -> str:
    """PCK of every joint by stage, without and with the flip test, as the model card prints it."""
    shown = [part for part in ("plain", "flip test") if part in results]
    stages = len(results[shown[0]]["all joints"])
    names = [
        f"{'flip test: ' if part != 'plain' and t == 0 else ''}{'stage ' if part == 'plain' else ''}{t + 1}"
        for part in shown
        for t in range(stages)
    ]
    rows = [
        [joint.replace("_", " "), *(f"{100 * value:.1f}" for part in shown for value in results[part][joint])]
        for joint in results[shown[0]]
    ]
    return table(["joint", *names], rows)


def two_people_table(found: dict[str, list[float]]) -> str:
    meanings = {"right": "right", "wrong": "wrong (on the other person)", "blank": "blank"}
    stages = [f"stage {t + 1}" for t in range(len(found["right"]))]
    rows = [[meanings[name], *(f"{100 * value:.1f}" for value in values)] for name, values in found.items()]
    return "Two test people side by side, asked for the left one, no flip test:\n\n" + table(
        ["center map", *stages], rows
    )


def read_columns(path: Path) -> tuple[list[str], list[list[float]]]:
    """Header and rows of a CSV file of numbers; two empty lists where there is none."""
    if not path.is_file():
        return [], []
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, [[float(value) for value in row] for row in rows if len(row) == len(header)]


def draw_curves(trainings: list, path: Path) -> None:
    """One row a model: loss and validation PCK of every stage over the crops seen."""
    figure, axes = plt.subplots(
        len(trainings), 2, figsize=(10, 3.4 * len(trainings)), squeeze=False, layout="constrained"
    )
    for (loss, score), training in zip(axes, trainings, strict=True):
        batch = training.job.config.batch_size
        header, rows = read_columns(training.run / "log.csv")
        first = header.index("stage 1")
        stages = header[first:]
        colors = plt.colormaps["viridis"](np.linspace(0, 0.8, len(stages)))
        block = max(1, len(rows) // STEPS_DRAWN)
        means = [
            [sum(column) / len(column) for column in zip(*rows[i : i + block], strict=True)]
            for i in range(0, len(rows) - block + 1, block)
        ]
        seen = [row[0] * batch / 1000 for row in means]
        for t, (stage, color) in enumerate(zip(stages, colors, strict=True)):
            style = STYLES[t % len(STYLES)]
            loss.plot(seen, [row[first + t] for row in means], color=color, ls=style, lw=1.4, label=stage)
        header, rows = read_columns(training.run / "validation.csv")
        for t, (stage, color) in enumerate(zip(stages, colors, strict=True)):
            places = [row[0] * batch / 1000 for row in rows]
            values = [100 * row[header.index(stage)] for row in rows]
            style = STYLES[t % len(STYLES)]
            score.plot(
                places,
                values,
                color=color,
                ls=style,
                lw=1.4,
                marker=MARKERS[t % len(MARKERS)],
                ms=4,
                label=stage,
            )
        loss.set(yscale="log", ylabel="loss of a stage", title=f"CPM.{training.name}: loss")
        loss.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        loss.yaxis.set_major_formatter("{x:g}")
        loss.yaxis.set_minor_formatter(NullFormatter())
        title = f"CPM.{training.name}: {len(training.validation)} validation people"
        score.set(ylim=(0, 100), xlim=loss.get_xlim(), ylabel="PCK@0.2 in percent", title=title)
        if not rows:
            score.text(0.5, 0.5, "not validated yet", ha="center", transform=score.transAxes)
        for axis in (loss, score):
            axis.set_xlabel("crops seen, thousands")
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
        loss.legend(frameon=False, ncols=2, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_validation(trainings: list, path: Path) -> None:
    """validation.csv of all models in one file; stages that a model lacks stay empty."""
    read = {training.name: read_columns(training.run / "validation.csv") for training in trainings}
    header = max((header for header, _ in read.values()), key=len)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["model", *header])
        writer.writeheader()
        for name, (columns, rows) in read.items():
            writer.writerows({"model": name, **dict(zip(columns, row, strict=True))} for row in rows)


def split_file(source: Path, target: Path, largest: int = LARGEST_FILE) -> list[Path]:
    """Copy a file, in parts `target`.00, .01 ... where it is larger than `largest` bytes; `join` or `cat` undo it."""
    for old in target.parent.glob(target.name + "*"):
        old.unlink()
    content = source.read_bytes()
    if len(content) <= largest:
        target.write_bytes(content)
        return [target]
    parts = []
    for i, start in enumerate(range(0, len(content), largest)):
        parts.append(target.with_name(f"{target.name}.{i:02d}"))
        parts[-1].write_bytes(content[start : start + largest])
    return parts


def join(target: Path) -> Path:
    """Put the parts that `split_file` wrote together again; ValueError where there are none."""
    parts = sorted(target.parent.glob(target.name + ".[0-9][0-9]"))
    if not parts:
        raise ValueError(f"{target}: there are no parts {target.name}.00, .01 ...")
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target
