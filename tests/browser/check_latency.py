"""Measure running a cell with `check(...)` -> verdict on screen, in a real JupyterLab.

    python tests/browser/check_latency.py            writes docs/check_latency.md
    python tests/browser/check_latency.py ex02 --print

The clock runs in the page: from the command that runs the cell to the first painted frame with the new card. The
answers are those of the bank; a kernel gets another comment each time, so that it is compiled anew, as after an edit.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from real_lab import HERE, Browser, Lab, tools

sys.path.insert(0, str(HERE.parent))

from course.bank_cells import Entry, entries

from cpm_edu.course.exercises import all_exercises, find

TABLE = HERE.parents[1] / "docs" / "check_latency.md"
TRIALS, WARM_UP = 20, 2
TARGET_MS, KERNEL_TARGET_MS = 150, 2500
SETUP = """
import os
os.environ["CPM_EDU_ANSWERS"] = {folder!r}
import numpy as np, torch
from cpm_edu.course import check
turn = 0
"""
RUN = """(async () => {
  const notebook = window.shown.content;
  notebook.activeCellIndex = 2;
  const card = () => notebook.widgets[2].node.querySelector('.cpm-check');
  const before = card();
  const start = performance.now();
  window.jupyterapp.commands.execute('notebook:run-cell');
  while (!card() || card() === before) {
    if (performance.now() - start > 60000) return -1;
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
})()"""


def call_of(entry: Entry) -> str:
    """The cell that checks an answer."""
    exercise = find(entry.exercise)
    if exercise.engine != "kernel":
        return f'check("{exercise.id}", {exercise.name})'
    return f'turn += 1\ncheck("{exercise.id}", {exercise.name} + f"\\n// {{turn}}")'


def measure(lab: Lab, browser: Browser, entry: Entry, trials: int) -> list[float]:
    """Milliseconds of each run, sorted, without those that warm up."""
    setup = SETUP.format(folder=str(lab.folder / "answers"))
    name = lab.write(f"check_{entry.exercise}_{entry.line}.ipynb", [setup, entry.source, call_of(entry)])
    browser.notebook(file=name)
    end = time.monotonic() + 120
    while browser.evaluate(code="document.querySelectorAll('.cpm-check').length") == 0:
        if time.monotonic() > end:
            raise RuntimeError(f"{entry} got no verdict")
        time.sleep(0.2)
    times = [browser.evaluate(code=RUN) for _ in range(trials + WARM_UP)]
    browser.close()
    return sorted(times[WARM_UP:])


def measure_all(ids: list[str], trials: int) -> dict[str, dict[str, list[float]]]:
    """Exercise -> "right" and "wrong" -> times."""
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        browser = Browser(lab)
        try:
            browser.open_lab()
            for id in ids:
                own = entries(id)
                right = next(entry for entry in own if entry.kind == "right")
                last = find(id).mistakes[-1].id  # the one that is found after all others were tried
                wrong = next(entry for entry in own if entry.mistake == last)
                found[id] = {e.kind: measure(lab, browser, e, trials) for e in (right, wrong)}
                print(
                    id,
                    {k: round(statistics.median(v)) for k, v in found[id].items()},
                    file=sys.stderr,
                    flush=True,
                )
        finally:
            browser.quit()
            lab.close()
    return found


def as_markdown(found: dict[str, dict[str, list[float]]], trials: int) -> str:
    """The page docs/check_latency.md."""
    model = platform.processor() or platform.machine()
    lines = [
        "# How fast a check answers",
        "",
        "From running the cell with `check(...)` to its verdict on the screen, in milliseconds: median and 90th percentile",
        f"of {trials} runs. *Right* is a right answer of the bank, *wrong* the answer whose mistake is tried last. A kernel is",
        "compiled anew each time, as after an edit, and runs without a GPU, by the emulator.",
        "",
        f"Measured {datetime.date.today().isoformat()} by `python tests/browser/check_latency.py`: JupyterLab {version('jupyterlab')},",
        f"headless Chromium on the same machine, {os.cpu_count()} CPU cores ({model}) shared by browser, server and kernel.",
        "",
        "| exercise | needs | p50 right | p90 right | p50 wrong | p90 wrong |",
        "|---|---|---|---|---|---|",
    ]
    for id, times in found.items():
        cells = [f"{f(times[kind]):.0f}" for kind in ("right", "wrong") for f in (statistics.median, p90)]
        lines.append(f"| {id} | {find(id).engine} | {' | '.join(cells)} |")
    lines += ["", f"Aims: p50 <= {TARGET_MS} ms for numpy, p50 <= {KERNEL_TARGET_MS} ms for a kernel.", ""]
    return "\n".join(lines)


def p90(times: list[float]) -> float:
    return times[int(0.9 * (len(times) - 1))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", help="ids; default: all")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    options = parser.parse_args()
    tools()
    found = measure_all(options.exercises or [e.id for e in all_exercises()], options.trials)
    page = as_markdown(found, options.trials)
    print(page) if options.print else TABLE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
