"""The Markdown section that a GPU run leaves in docs/gpu_runs.md, and how tools' outputs are read. Pure functions."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "SECTORS",
    "Facts",
    "Step",
    "bandwidth_text",
    "compare_counters",
    "counters_of_ncu",
    "counts_of_pytest",
    "markdown",
    "sanitizer_errors",
    "table",
]

PASSED, FAILED, MISSING, LATE = "passed", "FAILED", "not run", "not run: out of time"

SECTORS = {  # counter of ncu -> what every_kernel.py predicts
    "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum": "load sectors",
    "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum": "store sectors",
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum": "bank conflicts",
}


@dataclass(frozen=True)
class Facts:
    """What a table of numbers is worth nothing without."""

    date: str
    device: str  # name, driver, clocks
    commit: str
    software: str


@dataclass
class Step:
    """One part of the run.

    Attributes:
        result: PASSED, FAILED, MISSING (a tool is not there) or LATE.
        detail: one line: counts, or why it did not run.
        failures: what failed, one line each.
        text: Markdown below the table of steps.
    """

    name: str
    result: str = MISSING
    seconds: float = 0.0
    detail: str = ""
    failures: list[str] = field(default_factory=list)
    text: str = ""


def table(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """A Markdown table; floats get three figures, a bar in a text is escaped."""

    def cell(value) -> str:
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        return text.replace("|", "\\|").replace("\n", " ")

    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def markdown(facts: Facts, steps: Sequence[Step]) -> str:
    """The section. Its first lines say what failed and what did not run: nothing passes silently."""
    failed = [step for step in steps if step.result == FAILED]
    skipped = [step for step in steps if step.result not in (PASSED, FAILED)]
    verdict = f"{sum(step.result == PASSED for step in steps)} of {len(steps)} steps passed"
    verdict += f"; failed: {', '.join(step.name for step in failed)}" if failed else "; none failed"
    verdict += f"; not run: {', '.join(step.name for step in skipped)}" if skipped else ""
    parts = [
        f"## {facts.date}: {facts.device}",
        f"Commit {facts.commit}. {facts.software}.",
        f"**{verdict}.**",
        table(
            ["step", "result", "s", "what"], [[s.name, s.result, f"{s.seconds:.0f}", s.detail] for s in steps]
        ),
    ]
    for step in failed:
        lines = step.failures or ["no line of the output says what; see the log"]
        parts.append(f"### Failed: {step.name}\n\n" + "\n".join(f"- `{line}`" for line in lines[:40]))
        if len(lines) > 40:
            parts.append(f"... and {len(lines) - 40} more.")
    parts += [f"### {step.name}\n\n{step.text}" for step in steps if step.text]
    return "\n\n".join(parts) + "\n"


def bandwidth_text(found: dict) -> str:
    """What bandwidth.py prints, as a table."""
    rows = [[r["kernel"], r["size"], r["ms"], r["spread"], r["GB_s"], r["of_copy"]] for r in found["rows"]]
    head = f"B = {found['people']}, J = 17, float32 unless named; a copy of 1 GiB: {found['copy_GB_s']:.0f} GB/s.\n\n"
    return head + table(["kernel", "size", "ms (median)", "IQR", "GB/s", "of copy"], rows)


def counts_of_pytest(output: str) -> tuple[dict[str, int], list[str]]:
    """(counts such as {"passed": 12}, failures) of pytest's output with -rfE.

    Skips are counted too: a GPU run in which everything was skipped has not passed.
    """
    last = next(
        (line for line in reversed(output.splitlines()) if re.search(r"\d+ \w+.* in [\d.]+", line)), ""
    )
    counts = {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)
    }
    if "error" in counts:
        counts["errors"] = counts.pop("error")
    return counts, re.findall(r"^(?:FAILED|ERROR) (.+)$", output, re.MULTILINE)


def sanitizer_errors(output: str) -> int | None:
    """Number in compute-sanitizer's last summary; None where there is no summary, so it did not finish."""
    found = re.findall(r"ERROR SUMMARY: (\d+) error", output)
    found += re.findall(r"RACECHECK SUMMARY: (\d+) hazard", output)
    return int(found[-1]) if found else None


def counters_of_ncu(output: str) -> list[dict[str, str | float]]:
    """One dict a launch, in order, of `ncu --csv`: "kernel" and each metric's value (None where not read)."""
    lines = output.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        return []
    launches: dict[str, dict] = {}
    for row in csv.DictReader(io.StringIO("\n".join(lines[start:]))):
        launch = launches.setdefault(row["ID"], {"kernel": row["Kernel Name"].partition("(")[0]})
        if row.get("Metric Name"):
            number = row["Metric Value"].replace(",", "")
            launch[row["Metric Name"]] = (
                float(number) if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", number) else None
            )
    return list(launches.values())


def compare_counters(predicted: dict, read: list[dict]) -> list[list]:
    """Rows (kernel, what, predicted, read, ratio) of every counter that both know and that is not 0."""
    rows = []
    for launch in read:
        for metric, what in SECTORS.items():
            mine, theirs = predicted.get(launch["kernel"], {}).get(what), launch.get(metric)
            if mine is None or theirs is None or mine == theirs == 0:
                continue
            rows.append([launch["kernel"], what, mine, theirs, theirs / mine if mine else float("inf")])
    return rows
