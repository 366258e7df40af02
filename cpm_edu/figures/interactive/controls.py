"""What a control or handle may hold: first values, and what the browser or a notebook sends made fit for `draw`."""

from __future__ import annotations

import math

from .frame import Button, Choice, Control, Frame, Handle, Play, Slider, Toggle, Upload

__all__ = ["checked", "first_value", "held"]


def first_value(control: Control):
    """The value that a control begins with: its own, 0 for what is counted, None for a file."""
    if isinstance(control, Slider | Choice | Toggle):
        return control.value
    return None if isinstance(control, Upload) else 0


def checked(control: Control, value):
    """A value as `draw` may expect it: a slider's within its ends, a whole number where its steps are.

    Raises:
        ValueError: no number, or none of the words of a choice.
    """
    if isinstance(control, Slider):
        value = float(value)
        if not math.isfinite(value):
            raise ValueError(f"{control.label} must be a number, not {value}")
        value = min(max(value, control.low), control.high)
        return round(value) if all(float(v).is_integer() for v in (control.low, control.step)) else value
    if isinstance(control, Choice) and value not in control.options:
        raise ValueError(f"{control.label} is one of {', '.join(control.options)}, not {value!r}")
    if isinstance(control, Toggle):
        return bool(value)
    return int(value) if isinstance(control, Button | Play) else value


def held(handle: Handle, frame: Frame, at) -> tuple[float, float]:
    """A handle's position (x, y) within its bounds, on its axis, snapped."""
    panel = next(p for row in frame.rows for p in row if p.name == handle.panel)
    x0, y0, x1, y1 = handle.bounds or panel.view
    result = []
    for k, (low, high) in enumerate((sorted((x0, x1)), sorted((y0, y1)))):
        value = float(at[k])
        if not math.isfinite(value) or handle.axis not in ("xy", "xy"[k]):
            value = float(handle.at[k])
        if handle.snap:
            value = round(value / handle.snap) * handle.snap
        result.append(min(max(value, low), high))
    return result[0], result[1]
