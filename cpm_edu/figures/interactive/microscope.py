"""Figure 11: threads and memory. Drag a thread; see what it touches, with whom, and what that costs.

It shows counts of an emulated launch (kernels/lab.py): which thread touches which cell, sectors and bank turns, races.
It shows no times: the emulator's speed is not a GPU's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from ...kernels.compile_errors import CompileError
from ...kernels.trace import WARP
from ..microscope_style import INK, WASTE
from .figure import Figure
from .frame import Choice, Frame, Handle, Panel, Rects, Texts
from .microscope_life import life_panel, life_window
from .microscope_panels import (
    FAULTY,
    LETTERS,
    LINE_PX,
    SHOWN_LINES,
    SOURCE_SIZE,
    memory_panel,
    source_panel,
    threads_panel,
)  # fmt: skip
from .microscope_request import request_panel
from .microscope_view import Access, LaunchView
from .specimens import BLOCKS, EXAMPLES, Block, Specimen

__all__ = ["microscope", "microscope_frame"]


def microscope_frame(view: LaunchView, *, lane: float = 0, warp: float = 0, step: int = 1) -> Frame:
    """Source, threads, one thread's accesses, memory and one request of a traced launch.

    Args:
        lane, warp: the thread that is looked at, as its column and row in the map of threads; rounded, and moved to
            the nearest thread there is.
        step: which of the thread's accesses, from 1; its last where it has fewer.
    """
    thread = view.thread_at(round(lane), round(warp))
    access = view.access(*thread, int(step))
    race = view.rival(access) if access else None
    shown = access or _somebody(view)
    file, line = view.line_of(access.row) if access else ("", _first_fault(view))
    line = 0 if file else line  # only the kernel's own text is shown
    rows = [
        [source_panel(view, line), threads_panel(view, thread, shown, race[1] if race else None)],
        [life_panel(view, thread, access)],
    ]
    if shown is not None:
        chosen = access is not None
        told = f"a {race[0].kind} with thread {view.accesses['thread'][race[1]]}" if race else ""
        rows.append(
            [memory_panel(view, shown, chosen=chosen), request_panel(view, shown, chosen=chosen, race=told)]
        )
    at = tuple(map(float, view.place_of(*thread)))
    handle = Handle(
        "thread", "threads", at, "thread (left and right: lane; up and down: warp)",
        bounds=(0, 0, WARP - 1, view.warps - 1), step=1, snap=1,
    )  # fmt: skip
    first, last = life_window(access.of if access else 0, access)
    place = (float(access.number if access else 1), 0.0)
    turner = Handle(
        "access", "life", place, "what the thread touches (left and right)",
        bounds=(first, 0, min(last, access.of) if access else 1, 0), step=1, snap=1, axis="x",
    )  # fmt: skip
    return Frame(rows, _status(view, thread, access, race), [handle, turner])


def microscope(
    specimens: Mapping[str, Specimen] | Specimen | None = None,
    *,
    blocks: Sequence[Block] = BLOCKS,
    thread: tuple[int, int] = (5, 0),
    step: int = 3,
) -> Figure:
    """Look into launches of kernels, one thread at a time.

    Args:
        specimens: kernels by name, or one; None: four examples, recorded for machines without a compiler.
        blocks: sizes of a block to choose from, the first one at first: 64, or (8, 8).
        thread: the one that is shown at first, as (lane, row) of the map of threads.
        step: which of its accesses is shown at first, from 1.

    Raises:
        ValueError: no specimen or no size of block.
    """
    if isinstance(specimens, Specimen):
        specimens = {"kernel": specimens}
    specimens = dict(EXAMPLES if specimens is None else specimens)
    if not specimens or not blocks:
        raise ValueError("the microscope needs at least one specimen and one size of block")
    sizes = {_told(block): block for block in blocks}
    views: dict[tuple[str, str], LaunchView | Frame] = {}

    def look(name: str, size: str) -> LaunchView | Frame:
        if (name, size) not in views:
            views[name, size] = _view(specimens[name], sizes[size])
        return views[name, size]

    def draw(state: dict) -> Frame:
        view = look(state.get("kernel", next(iter(specimens))), state.get("block", next(iter(sizes))))
        if isinstance(view, Frame):
            return view
        lane, warp = state.get("thread", thread)
        number = round(state.get("access", (step, 0))[0])
        return microscope_frame(view, lane=lane, warp=warp, step=number)

    controls = [
        Choice("kernel", "kernel", tuple(specimens), next(iter(specimens))),
        Choice("block", "threads a block", tuple(sizes), next(iter(sizes))),
    ]
    return Figure(
        draw, title="Threads and memory under the microscope", controls=controls[len(specimens) == 1 :],
        alt="A kernel's source beside a map of its threads, a warp a row; below, the memory that the chosen thread "
        "touches, and its warp's request: 32 lanes joined by lines to the sectors or banks that they need.",
        hint="Drag the upper ring to a thread and the lower one through what it touches, or focus one and use the arrow keys.",
    )  # fmt: skip


def _told(block: Block) -> str:
    return str(block) if isinstance(block, int) else " x ".join(map(str, block))


def _view(specimen: Specimen, block: Block) -> LaunchView | Frame:
    """The traced launch, or a frame that says why there is none."""
    try:
        trace, recorded = specimen.trace(block)
        return LaunchView(trace, specimen.shapes(), recorded=recorded)
    except CompileError as error:
        lines = {line: text for file, line, text in error.errors if not file}
        return _refusal(specimen.source, lines, "The kernel does not compile")
    except (ValueError, TypeError) as error:
        return _refusal(specimen.source, {}, str(error))


def _refusal(source: str, lines: dict[int, str], reason: str) -> Frame:
    """The source with its errors, in place of a launch."""
    first = min(lines, default=1)
    text = source.expandtabs(2).split("\n")
    start = max(0, min(first - 6, len(text) - SHOWN_LINES))
    shown = list(enumerate(text[start : start + SHOWN_LINES], start + 1))
    y = {number: (row + 0.5) * LINE_PX for row, (number, _) in enumerate(shown)}
    boxes = [(0, y[n] - LINE_PX / 2, SOURCE_SIZE[0], y[n] + LINE_PX / 2) for n in lines if n in y]
    marks = [Rects(boxes, fill=FAULTY)] if boxes else []
    numbers = [f"{'!' if n in lines else ' '}{n:2}" for n, _ in shown]
    marks.append(Texts([(6, y[n]) for n, _ in shown], numbers, mono=True, color=INK))
    marks.append(
        Texts([(32, y[n]) for n, _ in shown], [code[:LETTERS] for _, code in shown], mono=True, color=INK)
    )
    told = "; ".join(f"line {n}: {words}" for n, words in lines.items()) or reason
    wrapped = textwrap.wrap(told, 66)[:3]
    low = [(6, SOURCE_SIZE[1] - 14 - LINE_PX * (len(wrapped) - 1 - k)) for k in range(len(wrapped))]
    marks.append(Texts(low, wrapped, color=WASTE, bold=True, back="#ffffff"))
    status = f"{reason}: line {first}: {lines[first]}." if lines else f"{reason.rstrip('.')}."
    panel = Panel("source", SOURCE_SIZE, (0, 0, *SOURCE_SIZE), marks, title="The kernel", describe=status)
    return Frame([[panel]], status)


def _somebody(view: LaunchView) -> Access | None:
    """The first access of the launch: what is shown beside a thread that touches nothing."""
    if not len(view.accesses):
        return None
    one = view.accesses[0]
    return view.access(int(one["block"]), int(one["thread"]), 1)


def _first_fault(view: LaunchView) -> int:
    return next((fault.line for fault in view.trace.faults if not fault.file), 0)


def _status(view: LaunchView, thread: tuple[int, int], access: Access | None, race) -> str:
    block, number = thread
    x, y = number % view.trace.block[0], number // view.trace.block[0]
    name = f"{number} (x {x}, y {y})" if view.trace.block[1] > 1 else str(number)
    grid = f"{view.blocks} block{'s' * (view.blocks != 1)} of {view.size}"
    who = f"Thread {name} of block {block} (warp {number // WARP}, lane {number % WARP}; {grid})"
    recorded = " Recorded launch: there is no compiler here." if view.recorded else ""
    if access is None:
        kinds = ", ".join(sorted({fault.kind for fault in view.trace.faults}))
        found = f" Found in this launch: {kinds}." if kinds else ""
        return f"{who} touches nothing.{found}{recorded}"
    one = view.accesses[access.row]
    cell = view.elements(access, [access.row])[0]
    outside = cell < 0 or (not access.shared and cell >= view.trace.numel[one["argument"]])
    where = f"shared word {cell}" if access.shared else f"{view.name_of(access)}[{cell}]"
    after = f" after barrier {one['epoch']}" if one["epoch"] else ""
    file, line = view.line_of(access.row)
    place = (
        f" in {file + ' ' if file else ''}line {line}" if line else ""
    )  # 0: the compiler's tools are missing
    what = f"{view.verb(access.row)} {where}{place}{after} (access {access.number} of {access.of})"
    if outside:
        return f"{who} {what}, out of bounds: {view.name_of(access)} has {view.trace.numel[one['argument']]} elements.{recorded}"
    return f"{who} {what}{_race(view, *race) if race else _cost(access)}.{recorded}"


def _cost(access: Access) -> str:
    lanes, unit = len(access.lanes), "bank turn" if access.shared else "sector"
    words = access.verdict[2] if access.units <= access.ideal else f"where {access.ideal} would do"
    return (
        f"; its warp's request, {lanes} lane{'s' * (lanes != 1)}, costs {access.units} "
        f"{unit}{'s' * (access.units != 1)}, {words}"
    )


def _race(view: LaunchView, fault, rival: int) -> str:
    one = view.accesses[rival]
    block = f" of block {one['block']}" if fault.kind == "cross-block-race" else ""
    told = f"{view.verb(rival)} it too, in line {one['line']}, and nothing says who is first: a {fault.kind}"
    return f"; thread {one['thread']}{block} {told}"
