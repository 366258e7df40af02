"""Measure input event -> new pixels for every figure with a handle, with and without the server extension.

    python tests/browser/latency.py            writes docs/latency.md
    python tests/browser/latency.py oks subpixel --print

A figure is dragged on a small circle in a real JupyterLab. The clock runs from a mouse event that the page gets to the
moment when the canvas has been painted anew from the kernel's answer; the next event comes after that. A second pass
sends events at about 60 a second, as a hand does.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from real_lab import HERE, SCENES, Browser, Lab, tools

TABLE = HERE.parents[1] / "docs" / "latency.md"
TRIALS, WARM_UP, RADIUS_PX = 40, 5, 14
TARGET_MS, TARGET_P90_MS, MODEL_TARGET_MS = 40, 60, 300
MODEL_DRIVEN = {"center_map", "refinement", "your_photo"}  # every drag runs a network


def measure(browser: Browser, trials: int) -> dict[str, float] | None:
    """p50 and p90 in ms of single events, and frames a second while events keep coming; None without a handle."""
    handles = browser.read()["handles"]
    if not handles:
        return None
    found = browser.latency(name=handles[0]["name"], trials=trials + WARM_UP, radius=RADIUS_PX)
    times = sorted(found["times"][WARM_UP:])
    if len(times) < trials / 2:
        return None
    return {
        "p50": statistics.median(times),
        "p90": times[int(0.9 * (len(times) - 1))],
        "frames": found["frames"],
        "lag": found["lag"],
    }


def measure_all(scenes: list[Path], *, nodelay: bool, trials: int) -> dict[str, dict[str, float]]:
    """Figure -> its times, in one Lab with the extension on or off."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), nodelay=nodelay)
        browser = Browser(lab)
        try:
            browser.open_lab()
            for scene in scenes:
                browser.notebook(
                    file=lab.write(f"{scene.stem}.ipynb", [scene.read_text(encoding="utf-8"), "figure"])
                )
                browser.wait()
                times = measure(browser, trials)
                if times is not None:
                    found[scene.stem] = times
                    print(scene.stem, "with" if nodelay else "without", times, file=sys.stderr, flush=True)
                browser.close()
        finally:
            browser.quit()
            lab.close()
    return found


def as_markdown(without: dict, with_it: dict, command: str) -> str:
    """The page docs/latency.md."""
    model = platform.processor() or platform.machine()
    lines = [
        "# How fast the figures follow",
        "",
        "From a mouse event in the page to pixels painted from the kernel's answer, in milliseconds: median and 90th",
        f"percentile of {TRIALS} events, each sent when the one before was painted. *Frames* and *lag*: new pictures a",
        "second while about 60 events a second arrive, and how long the last picture takes after the last event.",
        "",
        "*With* and *without* is the package's server extension, which sets TCP_NODELAY on the connection between",
        "kernel and browser (`cpm_edu/jupyter`). The ring itself moves with the pointer, without waiting for the kernel.",
        "",
        f"Measured {datetime.date.today().isoformat()} by `{command}`: JupyterLab {version('jupyterlab')},",
        f"anywidget {version('anywidget')}, headless Chromium on the same machine, {os.cpu_count()} CPU cores ({model}),",
        "all of them shared by browser, server and kernel.",
        "",
        "| figure | p50 with | p90 with | p50 without | p90 without | frames/s with | lag with |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, times in sorted(with_it.items()):
        plain = without.get(name)
        cells = [f"{plain[key]:.0f}" if plain else "-" for key in ("p50", "p90")]
        mark = " (network)" if name in MODEL_DRIVEN else ""
        lines.append(
            f"| {name}{mark} | {times['p50']:.0f} | {times['p90']:.0f} | {cells[0]} | {cells[1]} "
            f"| {times['frames']:.0f} | {times['lag']:.0f} |"
        )
    lines += [
        "",
        f"Aims: p50 <= {TARGET_MS} ms and p90 <= {TARGET_P90_MS} ms with the extension; where every drag runs a network, "
        f"<= {MODEL_TARGET_MS} ms.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", help="names of scenes; default: all")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    options = parser.parse_args()
    scenes = [scene for scene in SCENES if not options.figures or scene.stem in options.figures]
    tools()
    without, with_it = (measure_all(scenes, nodelay=on, trials=options.trials) for on in (False, True))
    page = as_markdown(without, with_it, "python tests/browser/latency.py")
    print(page) if options.print else TABLE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
