"""One thread under the microscope: everything that it touches, in its own order."""

from __future__ import annotations

import numpy as np

from ...kernels.trace import SHARED
from ..microscope_style import GLOBAL_COLOR, INK, SHARED_COLOR, WASTE
from .frame import Dots, Line, Panel, Texts
from .microscope_panels import GREY
from .microscope_view import Access, LaunchView

__all__ = ["life_panel", "life_window"]

LIFE_SIZE, LIFE_PLACES = (854, 60), 25  # 34 px a place: wider ones would make dragging sluggish


def life_panel(view: LaunchView, thread: tuple[int, int], access: Access | None) -> Panel:
    """Everything that a thread touches, in its own order, and the barriers at which it waits."""
    life = view.life(*thread)
    first, last = life_window(len(life), access)
    shown, marks = np.arange(first, min(last, len(life)) + 1), []
    for action, shape in (("reads", "circle"), ("writes", "square"), ("updates", "triangle")):
        for shared in (False, True):
            mine = [
                (k, 0) for k in shown.tolist()
                if view.verb(life[k - 1]) == action and (view.accesses["argument"][life[k - 1]] == SHARED) == shared
            ]  # fmt: skip
            if mine:
                color = SHARED_COLOR if shared else GLOBAL_COLOR
                marks.append(Dots(mine, "#ffffff" if shared else color, shape, 5.0, edge=color))
    epochs = view.accesses["epoch"][life]
    barriers = [k for k in shown.tolist() if k > 1 and epochs[k - 1] > epochs[k - 2]]
    for k in barriers:
        marks.append(Line([(k - 0.5, -1.0), (k - 0.5, 1.7)], INK, 2.5))
    if len(shown):
        lines = [str(view.line_of(life[k - 1])[1]) for k in shown]
        marks.append(Texts([(k, 1.3) for k in shown], lines, color=GREY, align="center"))
    else:
        marks.append(Texts([(1, 0)], ["This thread touches nothing."], offset_px=(16, 0)))
    raced = [(k, 0) for k in shown.tolist() if view.races and view.rival(view.access(*thread, k))]
    if raced:
        marks.append(Dots(raced, WASTE, "cross", 3.5, edge=None))
    part = f", {first} to {last} of {len(life)}" if len(shown) < len(life) else ""
    signs = {"reads": "● reads", "writes": "■ writes", "updates": "▲ updates"}
    parts = [" ".join(sign for verb, sign in signs.items() if verb in view.kinds)]
    words = {"shared": "white: shared", "barrier": "bar: barrier"}
    parts += [told for kind, told in words.items() if kind in view.kinds]
    key = " · ".join(parts + ["× race"] * bool(raced))
    return Panel(
        "life", LIFE_SIZE, (first - 0.6, -1.15, last + 0.6, 2.0), marks,
        title=f"What it touches{part} (line below): {key}",
        describe=f"{len(life)} accesses, {len(barriers)} barriers between them.",
    )  # fmt: skip


def life_window(count: int, access: Access | None) -> tuple[int, int]:
    """First and last place of a thread's life that are shown: as many as fit, around the access."""
    if count <= LIFE_PLACES:
        return 1, LIFE_PLACES
    first = int(np.clip((access.number if access else 1) - LIFE_PLACES // 2, 1, count - LIFE_PLACES + 1))
    return first, first + LIFE_PLACES - 1
