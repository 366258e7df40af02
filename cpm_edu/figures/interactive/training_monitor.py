"""A training to watch: loss of every stage, PCK, and what the model believes about one person as it learns.

The loss has a line to beat: maps that say "no joint anywhere". They are wrong about everybody and score a loss that
looks almost perfect, which is why the PCK stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...datasets.people import PeopleDataset
from ...models import CPM
from ...skeletons import Skeleton
from ..style import joint_colors
from .figure import Figure
from .frame import Choice, Dots, Frame, Line, Mark, Panel, Play, Raster, Rects, Slider, Texts
from .live_training import NEW, SAME, FollowedRun, History, LiveTraining, drawn_people, tiny_cpm

__all__ = ["training_monitor", "training_monitor_frame"]

PLOT_PX, STRIP_PX = (345, 215), (815, 132)
STAGE_LINES = (
    ("#0072B2", ()),
    ("#D55E00", (8.0, 4.0)),
    ("#009E73", (2.0, 3.0)),
    ("#7A4FA3", (10.0, 3.0, 2.0, 3.0)),
)
BLANK_COLOR, NEW_COLOR, TRAINED_COLOR = "#595959", "#D55E00", "#0072B2"
VEIL = "#ffffffcc"  # behind words that curves may cross
LEAP = math.log(1.5)  # a change of rate that is marked; schedules change it a little at every step
SHOWN_POINTS = 250  # of a curve; more cannot be told apart
SLOTS, SLOT = 7, 110.0  # pictures in the strip and their side, in its pixels
LR_POWERS = (-4.0, 0.5)  # of ten
ALT = (
    "Loss of every stage over the steps on a logarithmic scale, with a line for maps that show no joint at all; PCK of "
    "the people learned from and of others; below, one person, the target, and the belief maps after some steps."
)


def training_monitor_frame(
    history: History,
    *,
    crop: np.ndarray | None = None,
    joints_px: np.ndarray | None = None,
    target: np.ndarray | None = None,
    colors: Sequence[str] = (),
    blank: float | None = None,
    lr: float | None = None,
    people: str = "",
    count: int = 8,
) -> Frame:
    """The curves so far, and the belief maps of one person over time.

    Args:
        crop: (H_in, W_in, 3) uint8 of the fixed person; None draws no strip.
        joints_px: (J, 2) its joints in crop pixels, NaN where unlabelled.
        target: (J, H, W) what the last stage should say.
        colors: J colours of the joints.
        blank: loss of "no joint anywhere".
        lr: the learning rate that the next step will take; None: that of the last step.
        people: what is learned from, for the words; "" does not say.
        count: people a step.
    """
    lr = (history.rates[-1] if history.rates else 0.0) if lr is None else lr
    rows: list[list[Panel]] = [[_loss_panel(history, blank, lr), _pck_panel(history, people)]]
    if crop is not None:
        rows.append([_strip(history, crop, joints_px, target, colors)])
    return Frame(rows, _status(history, blank, lr, people, count))


def _status(history: History, blank: float | None, lr: float, people: str, count: int) -> str:
    if history.trouble:
        reason = history.trouble.split(":")[0]
        return f"Stopped after step {history.step} at learning rate {lr:.2g}: {reason}. Reset and take a smaller rate."
    if not history.steps:
        text = f"Step 0: nothing is learned yet. Learning rate {lr:.2g}{_source(people)}."
        return text + (f" Maps without any joint have a loss of {blank:.3f}." if blank else "")
    losses = ", ".join(f"{loss:.2g}" for loss in history.losses[-1])
    text = f"Step {history.step}, learning rate {lr:.2g}{_source(people)}: loss {losses} by stage"
    text += f"; maps without any joint: {blank:.2g}." if blank else "."
    scores = []
    if history.trained_pck:
        scores.append(f"{history.trained_pck[-1][1]:.0f} % of the first {count} people")
    if history.new_pck:
        scores.append(f"{history.new_pck[-1][1]:.0f} % of people never seen")
    text += f" PCK: {', '.join(scores)}." if scores else ""
    found = history.trained_pck[-1][1] if history.trained_pck else 100.0
    if blank and history.losses[-1][-1] < blank and found < 20:
        text += " A lower loss than that, and next to nothing is found."
    return text


def _source(people: str) -> str:
    return f", learning from {people}" if people else ""


# ---- panels


def _thinned(points: np.ndarray) -> np.ndarray:
    """At most about `SHOWN_POINTS` of (K, 2) points, the last one always."""
    every = max(1, math.ceil(len(points) / SHOWN_POINTS))
    return np.concatenate([points[::every], points[-1:]]) if len(points) else points.reshape(0, 2)


def _last_step(history: History) -> float:
    """Where the axis of steps ends: 50, then growing by half again and again, so that it seldom jumps."""
    end = 50.0
    while end < history.step:
        end *= 1.5
    return end


def _loss_panel(history: History, blank: float | None, lr: float) -> Panel:
    end = _last_step(history)
    losses = np.log10(np.clip(np.array(history.losses, float, ndmin=2), 1e-9, 1e9))
    low = min(-3.0, math.floor(losses.min()) if losses.size else -3.0)
    high = max(0.3, math.ceil(losses.max()) + 0.3 if losses.size else 0.3)
    marks: list[Mark] = []
    words: list[Mark] = []  # painted last
    if blank:
        level, text = math.log10(blank), f"no joint anywhere: {blank:.2g}"
        marks.append(Line([(0, level), (end, level)], BLANK_COLOR, 2.0, (10.0, 5.0)))
        words.append(Texts([(end, level)], [text], BLANK_COLOR, 12, "right", back=VEIL, offset_px=(-5, -11)))
    rates = np.log(np.array(history.rates))
    for k in (np.flatnonzero(abs(np.diff(rates)) > LEAP) + 1).tolist()[-6:]:
        x = history.steps[k - 1]
        marks += [
            Line([(x, low), (x, high)], "#999999", 1.0, (2.0, 3.0)),
            Texts([(x, low)], [f"{history.rates[k]:.2g}"], "#595959", offset_px=(3, -9)),
        ]
    for t in range(losses.shape[1] if losses.size else 0):
        color, dash = STAGE_LINES[t % len(STAGE_LINES)]
        curve = np.stack([history.steps, losses[:, t]], 1)
        marks.append(Line(_thinned(curve), color, 2.2, dash))
        y = high - (high - low) * (14 + 17 * t) / PLOT_PX[1]
        marks.append(Line([(0.68 * end, y), (0.78 * end, y)], color, 2.2, dash))
        words.append(Texts([(0.80 * end, y)], [f"stage {t + 1}"], color, bold=True))
    powers = range(math.ceil(low), math.floor(high) + 1)
    return Panel(
        "loss", PLOT_PX, (0, high, end, low), [*marks, *words], title=f"loss, next step at learning rate {lr:.2g}",
        x_label="step", x_ticks="auto", y_ticks=[(p, f"{10.0**p:g}") for p in powers],
        describe="The loss of every stage over the steps, on a logarithmic scale; a dashed level marks maps without any joint.",
    )  # fmt: skip


def _pck_panel(history: History, people: str) -> Panel:
    end = _last_step(history)
    marks: list[Mark] = []
    for points, color, dash, name, row in (
        (history.trained_pck, TRAINED_COLOR, (), "the first few people", 56),
        (history.new_pck, NEW_COLOR, (8.0, 4.0), "people never seen", 47),
    ):  # fmt: skip
        if points:
            curve = _thinned(np.array(points, float))
            marks += [
                Line(curve, color, 2.5, dash), Dots(curve[-1:], color, radius_px=4.5),
                Line([(0.47 * end, row), (0.56 * end, row)], color, 2.5, dash),
                Texts([(0.58 * end, row)], [name], color, back=VEIL),
            ]  # fmt: skip
    return Panel(
        "pck", PLOT_PX, (0, 102, end, -2), marks, title="PCK@0.2 in percent" + _source(people), x_label="step",
        x_ticks="auto", y_ticks=[(v, str(v)) for v in (0, 25, 50, 75, 100)],
        describe="PCK of the last stage over the steps: the first few people, solid; people never seen, dashed.",
    )  # fmt: skip


def _strip(history: History, crop, joints_px, target, colors) -> Panel:
    """The person, its target, and the largest belief of any joint after some of the steps."""
    gap = (STRIP_PX[0] - SLOTS * SLOT) / (SLOTS - 1)
    top = STRIP_PX[1] - SLOT
    boxes = [(k * (SLOT + gap), top, k * (SLOT + gap) + SLOT, top + SLOT) for k in range(SLOTS)]
    kept = sorted(history.maps)
    chosen = [kept[round(i)] for i in np.linspace(0, len(kept) - 1, min(len(kept), SLOTS - 2))]
    words = ["fixed person", "target", *(f"step {step}" for step in chosen)]
    words += ["not yet"] * (SLOTS - len(words))
    marks: list[Mark] = [
        Rects(boxes, fill="#eeeeee", edge="#999999"),
        Raster(crop, boxes[0], smooth=True),
    ]
    if joints_px is not None:
        scale = SLOT / np.array([crop.shape[1], crop.shape[0]])
        known = np.isfinite(joints_px).all(-1)
        places = np.array(boxes[0][:2]) + (np.asarray(joints_px)[known] + 0.5) * scale
        marks.append(
            Dots(
                places,
                [c for c, k in zip(colors, known, strict=True) if k] or "#ffffff",
                radius_px=2.6,
                edge="#000000",
            )
        )
    if target is not None:
        marks.append(Raster(target.max(0), boxes[1], low=0, high=1))
    marks += [
        Raster(history.maps[s].max(0), box, low=0, high=1) for s, box in zip(chosen, boxes[2:], strict=False)
    ]
    places = [((box[0] + box[2]) / 2, top - 10) for box in boxes]
    marks.append(Texts(places, words, align="center", color="#333333"))
    return Panel(
        "maps", STRIP_PX, (0, 0, *STRIP_PX), marks, frame=False,
        title="what the last stage believes about one person: the largest of all joints, 0 dark to 1 bright",
        describe=f"One person, the target, and belief maps after steps {', '.join(map(str, chosen)) or 'none'}.",
    )  # fmt: skip


# ---- the figure


def training_monitor(
    model: CPM | None = None,
    people: PeopleDataset | None = None,
    *,
    new_people: PeopleDataset | None = None,
    batch_size: int = 8,
    bursts: int = 0,
    folder: Path | str | None = None,
) -> Figure:
    """The figure: play trains, pause holds, reset forgets; or it follows a run that trains elsewhere.

    Args:
        model: trained in place, any CPM; None: a tiny one of fresh weights.
        people: to learn from, with the model's joints; None: drawn people.
        new_people: to compare with; None: the last of `people`.
        batch_size: people a step.
        bursts: how often it trains two steps before it is shown.
        folder: of a run of `training.train` or `cpm-edu train`; its `log.csv` is followed and nothing is trained.

    Raises:
        ValueError: other joints than the model's, or a folder without `log.csv`.
    """
    if folder is not None:
        return _follow(folder, people)
    model = tiny_cpm() if model is None else model
    people = drawn_people() if people is None else people
    model.skeleton.require_same(people.skeleton, "people to train on")
    live = LiveTraining(model, people, new_people, batch_size=batch_size)
    shown = _fixed_person(live.batch, live.targets, model.skeleton)
    played = 0

    def draw(state: dict) -> Frame:
        nonlocal played
        rate = 10.0 ** state["power"]
        if state["train"] > played:
            live.burst(lr=rate, people=state["people"])
        elif state["train"] < played:
            live.restart()
        played = state["train"]
        return training_monitor_frame(
            live.history, **shown, blank=live.blank, lr=rate, people=state["people"], count=batch_size
        )

    figure = Figure(
        draw,
        title="Training, watched",
        hint="Press play. Watch the loss cross the dashed level, and look at the PCK when it does. Then reset and try other rates.",
        alt=ALT,
        controls=[
            Play("train", "train", per_second=10),
            Slider("power", "rate: 10 to the power of", *LR_POWERS, -2.5, 0.25),
            Choice("people", "learn from", (SAME, NEW), SAME),
        ],
    )  # fmt: skip
    for tick in range(1, bursts + 1):
        figure.set(train=tick)
    return figure


def _follow(folder: Path | str, people: PeopleDataset | None) -> Figure:
    run = FollowedRun(folder, people)

    def draw(_state: dict) -> Frame:
        run.read()
        shown = _fixed_person(run.batch, run.targets, run.people.skeleton) if run.batch is not None else {}
        return training_monitor_frame(run.history, **shown, blank=run.blank)

    return Figure(
        draw,
        title=f"The run in {Path(folder).name}",
        hint="Press play to follow it: the folder is read anew every second.",
        alt=ALT,
        controls=[Play("follow", "follow", per_second=1)],
    )


def _fixed_person(batch, targets, skeleton: Skeleton) -> dict:
    """Crop, joints, target and colours of the first person of a batch."""
    joints = batch.joints_px[0, 0].numpy().copy()
    joints[~batch.labelled[0, 0].numpy()] = np.nan
    return {
        "crop": batch.images[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy(),
        "joints_px": joints,
        "target": targets[-1, 0, : skeleton.num_joints].numpy(),
        "colors": joint_colors(skeleton),
    }
