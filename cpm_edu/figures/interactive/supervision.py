"""Intermediate supervision: which losses send how much gradient to which layer, at the start or while training."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from .figure import Figure
from .frame import INK, Dots, Frame, Handle, Line, Panel, Rects, Texts, Toggle
from .gradient_record import GradientRecord, Subset

__all__ = ["supervision", "supervision_frame"]

BAR_COLOR, NONE_COLOR, GHOST_COLOR = "#0072B2", "#D55E00", "#777777"
LOSS_LINES = (("#0072B2", ()), ("#D55E00", (7, 4)), ("#009E73", (2, 3)), ("#CC79A7", (9, 3, 2, 3)))
FLOOR_POWER = -24  # smaller gradients are drawn as this
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HINT = "Switch the losses on and off; the outlines stay where they are with all of them."


def supervision_frame(record: GradientRecord, subset: Subset, *, moment: int = 0) -> Frame:
    """A bar for the gradient of every layer on a scale of powers of ten and, while training, the losses by step.

    Args:
        record: of a network.
        subset: for each of `record.groups`, whether its stages have a loss.
        moment: index into `record.steps`.
    """
    panels, handles = [_bars_panel(record, subset, moment)], []
    if len(record.steps) > 1:
        panels.append(_loss_panel(record, subset, moment))
        top = panels[-1].view[1]
        step = float(record.steps[1] - record.steps[0])
        handles = [
            Handle(
                "moment", "loss", (float(record.steps[moment]), 0.955 * top), "training step", axis="x", step=step,
                snap=step, bounds=(0.0, 0.0, float(record.steps[-1]), top), color=INK, shape="triangle",
            )
        ]  # fmt: skip
    return Frame([panels], _status(record, subset, moment), handles)


def _bars_panel(record: GradientRecord, subset: Subset, moment: int) -> Panel:
    norms, every = record.norms[subset][moment], record.norms[(True,) * len(subset)][moment]
    low, high = _powers(record)
    count, training = len(record.layers), len(record.steps) > 1
    reached = np.flatnonzero(norms > 0)
    marks = [Line([(0.5, p), (count + 0.5, p)], "#e4e4e4", 1.0) for p in range(low + 1, high) if p % 2 == 0]
    ticks, first = [], 1
    for part, members in groupby(record.parts):
        last = first + len(list(members)) - 1
        ticks.append(((first + last) / 2, _part_words(part, record, subset)))
        if first > 1:
            marks.append(Line([(first - 0.5, low), (first - 0.5, high)], "#999999", 1.0, (3, 3)))
        first = last + 1
    bar = [(k + 0.62, low, k + 1.38, _power(norms[k], low)) for k in reached]
    ghost = [(k + 0.62, low, k + 1.38, _power(every[k], low)) for k in range(count) if every[k] > 0]
    marks += [Rects(bar, BAR_COLOR), Rects(ghost, edge=GHOST_COLOR, edge_px=1.4)]
    none = [(k + 1.0, low + 0.4) for k in range(count) if not norms[k] > 0]
    if none:
        marks.append(Dots(none, NONE_COLOR, "cross", 4.0, edge=None))
    legend = "filled: with the losses that are on · outline: with all losses · cross: no gradient at all"
    marks.append(Texts([(0.5, high)], [legend], "#444444", offset_px=(8, 13), back="#ffffff"))
    return Panel(
        "bars",
        (540 if training else 800, 250),
        (0.5, high, count + 0.5, low),
        marks,
        title=f"Gradient of every layer{', ' + record.name if record.name else ''}",
        y_label="norm of the gradient",
        x_ticks=ticks,
        y_ticks=[(p, _ten_to(p)) for p in range(low + low % 2, high + 1, 2 if high - low < 13 else 4)],
        describe=f"Bars of {count} layers from the image at the left to the last belief maps at the right.",
    )


def _loss_panel(record: GradientRecord, subset: Subset, moment: int) -> Panel:
    losses, steps = record.losses[subset], np.array(record.steps, float)
    most = max(float(np.nanmax(values[0])) for values in record.losses.values())
    top = most / (0.86 - 0.075 * losses.shape[1])  # room for the handle and the legend
    end = steps[-1]
    now = steps[moment]
    marks = [Line([(now, 0), (now, top)], "#bbbbbb", 1.5)]
    on = {t for group, is_on in zip(record.groups, subset, strict=True) if is_on for t in group}
    for t in range(losses.shape[1]):
        color, dash = LOSS_LINES[t % len(LOSS_LINES)]
        marks.append(Line(np.stack([steps, losses[:, t]], 1), color, 2.5, dash))
        words = f"stage {t + 1}" + ("" if t in on else ", no loss")
        marks.append(
            Texts([(0, top * (0.885 - 0.075 * t))], [("━ ", "╍ ", "┈ ", "┅ ")[t % 4] + words], color,
                  offset_px=(2, 0), back="#ffffff")
        )  # fmt: skip
    return Panel(
        "loss",
        (210, 250),
        (-0.04 * end, top, 1.04 * end, 0),
        marks,
        title="Loss while training",
        x_label="training steps",
        x_ticks="auto",
        y_ticks="auto",
        describe="Loss of every stage by training step; the triangle marks the step whose gradients are shown.",
    )


def supervision(record: GradientRecord) -> Figure:
    """Switch the losses of stages on and off and see which layers still get a gradient.

    Args:
        record: made by `gradients_at_start` or `gradients_while_training`.

    Raises:
        ValueError: a record without layers.
    """
    if not record.layers:
        raise ValueError("the record holds no layer")
    names = [f"group{number}" for number in range(len(record.groups))]

    def draw(state: dict) -> Frame:
        subset = tuple(bool(state[name]) for name in names)
        step = state.get("moment", (record.steps[-1], 0.0))[0]
        moment = int(np.argmin(np.abs(np.array(record.steps) - step)))
        return supervision_frame(record, subset, moment=moment)

    toggles = [
        Toggle(name, f"Loss on {_stages_words(group)}", number == len(names) - 1)
        for number, (name, group) in enumerate(zip(names, record.groups, strict=True))
    ]
    training = len(record.steps) > 1
    return Figure(
        draw,
        title="Intermediate supervision: whom a loss reaches",
        alt="Bars of the gradient's norm for every layer, from the image to the last stage, on a scale of powers of ten"
        + (", and the loss of every stage by training step." if training else "."),
        controls=toggles,
        hint=HINT + (" Drag the triangle to another training step." if training else ""),
    )


# ---- words


def _status(record: GradientRecord, subset: Subset, moment: int) -> str:
    when = f"after {record.steps[moment]} steps, " if len(record.steps) > 1 else ""
    chosen = [t for group, on in zip(record.groups, subset, strict=True) if on for t in group]
    if not chosen:
        return _sentence(f"{when}no stage has a loss: there is no gradient anywhere, and nothing is learned.")
    means = record.by_part(subset, moment)
    stages = {int(part.split()[1]): value for part, value in means.items() if part.startswith("stage")}
    reached = {stage: value for stage, value in stages.items() if value > 0}
    opening = f"{when}with a loss on {_stages_words(chosen)}, "
    if not reached:
        return _sentence(f"{opening}no gradient reaches any stage.")
    least, most = min(reached, key=reached.get), max(reached, key=reached.get)
    silent = [stage - 1 for stage in stages if stage not in reached]
    end = f" Nothing reaches {_stages_words(silent)}." if silent else ""
    if len(reached) == 1:
        return _sentence(
            f"{opening}a layer of stage {most} gets a gradient of {_number(reached[most])}.{end}"
        )
    return _sentence(
        f"{opening}a layer of stage {least} gets a gradient of {_number(reached[least])}, one of stage {most} gets "
        f"{_number(reached[most])}: {_times(reached[most] / reached[least])}.{end}"
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _times(factor: float) -> str:
    if factor < 1000:
        return f"{factor:.2g} times as much" if factor < 100 else f"{factor:,.0f} times as much"
    power = round(float(np.log10(factor)))
    return f"{_ten_to(power)} times as much"


def _stages_words(stages) -> str:
    """Such as "stage 1", "stages 2 to 5" or "stages 1, 6"."""
    numbers = [t + 1 for t in stages]
    if len(numbers) == 1:
        return f"stage {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"stages {numbers[0]} to {numbers[-1]}"
    return "stages " + ", ".join(map(str, numbers))


def _part_words(part: str, record: GradientRecord, subset: Subset) -> str:
    if not part.startswith("stage"):
        return part.replace(" ", "\n")
    stage = int(part.split()[1]) - 1
    on = any(is_on and stage in group for group, is_on in zip(record.groups, subset, strict=True))
    return f"{part}\n{'loss' if on else 'no loss'}"


def _powers(record: GradientRecord) -> tuple[int, int]:
    """Lowest and highest power of ten of the whole record, so that the axis stands still."""
    norms = np.concatenate([n.ravel() for n in record.norms.values()])
    norms = norms[np.isfinite(norms) & (norms > 0)]
    if not len(norms):
        return -4, 1
    low = max(int(np.floor(np.log10(norms.min()))) - 1, FLOOR_POWER)
    return low, int(np.ceil(np.log10(norms.max()))) + 2  # room for the legend


def _power(norm: float, low: int) -> float:
    return max(float(np.log10(norm)), low + 0.15)


def _ten_to(power: int) -> str:
    return "10" + str(power).translate(SUPERSCRIPTS)


def _number(value: float) -> str:
    """Such as "3·10⁻¹⁹"; plain from 0.01 to 100."""
    if 0.01 <= value < 100:
        return f"{value:.2g}"
    power = int(np.floor(np.log10(value)))
    return f"{value / 10.0**power:.0f}·{_ten_to(power)}"
