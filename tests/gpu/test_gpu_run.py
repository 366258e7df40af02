"""The GPU run as far as a machine without a GPU can try it: the report, the readers, every call that it makes."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import bandwidth
import every_kernel
import gpu_machine
import gpu_run
import pytest
import torch
import try_training
from conftest import skip_or_fail
from gpu_report import (
    FAILED,
    LATE,
    MISSING,
    PASSED,
    Facts,
    Step,
    counters_of_ncu,
    counts_of_pytest,
    markdown,
    sanitizer_errors,
    table,
)

from cpm_edu.kernels.libraries import load
from cpm_edu.kernels.ops import BackendUnavailable
from cpm_edu.kernels.toolchain import find_compiler

FACTS = Facts("2026-01-02", "Some GPU", "abc", "torch 2")
NCU = """==PROF== Connected
"ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0","7","fill(float *, int)","sectors.sum","sector","1,234"
"0","7","fill(float *, int)","conflicts.sum","","n/a"
"1","7","copy","sectors.sum","sector","8"
"""


def test_a_report_says_first_what_failed_and_what_did_not_run():
    steps = [
        Step("build", PASSED, 3.2, "ok"),
        Step("tests", FAILED, 1.0, "2 failed", ["a.py::b | c"], "some text"),
        Step("ncu", MISSING, 0.0, "ncu not on PATH"),
        Step("bench", LATE),
    ]
    text = markdown(FACTS, steps)
    assert text.splitlines()[0] == "## 2026-01-02: Some GPU"
    verdict = text.split("\n\n")[2]
    assert verdict == "**1 of 4 steps passed; failed: tests; not run: ncu, bench.**"
    assert "| build | passed | 3 | ok |" in text
    assert "### Failed: tests\n\n- `a.py::b | c`" in text
    assert text.index("### Failed: tests") < text.index("### tests\n\nsome text")


def test_a_failure_without_lines_is_still_one():
    assert "### Failed: x\n\n- `no line of the output says what" in markdown(FACTS, [Step("x", FAILED)])


def test_table_escapes_and_rounds():
    assert table(["a", "b"], [["x|y", 0.123456], [1, "two\nlines"]]).splitlines() == [
        "| a | b |", "| --- | --- |", "| x\\|y | 0.123 |", "| 1 | two lines |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("output", "counts", "failures"),
    [
        ("....\n4 passed in 0.1s\n", {"passed": 4}, []),
        (
            "FAILED a.py::b[cuda] - assert\nERROR c.py\n1 failed, 2 passed, 3 skipped, 1 error in 2.50s",
            {"failed": 1, "passed": 2, "skipped": 3, "errors": 1},
            ["a.py::b[cuda] - assert", "c.py"],
        ),
        ("ImportError: no module", {}, []),
    ],
)
def test_counts_of_pytest(output, counts, failures):
    assert counts_of_pytest(output) == (counts, failures)


@pytest.mark.parametrize(
    ("output", "errors"),
    [
        ("========= ERROR SUMMARY: 0 errors\n", 0),
        ("========= ERROR SUMMARY: 12 errors\n", 12),
        ("========= RACECHECK SUMMARY: 3 hazards displayed (3 errors, 0 warnings)\n", 3),
        ("Error: device not supported\n", None),
    ],
)
def test_sanitizer_errors(output, errors):
    assert sanitizer_errors(output) == errors


def test_counters_of_ncu():
    assert counters_of_ncu(NCU) == [
        {"kernel": "fill", "sectors.sum": 1234.0, "conflicts.sum": None},
        {"kernel": "copy", "sectors.sum": 8.0},
    ]
    assert counters_of_ncu("==ERROR== no permission to read counters") == []


def test_counters_side_by_side():
    metric = next(iter(gpu_run.SECTORS))
    predicted = {"fill": {"load sectors": 10.0, "store sectors": 0.0, "bank conflicts": 0.0}}
    read = [{"kernel": "fill", metric: 15.0}, {"kernel": "unknown", metric: 1.0}]
    assert gpu_run.compare_counters(predicted, read) == [["fill", "load sectors", 10.0, 15.0, 1.5]]


def test_kernels_below_their_share_fail_and_so_do_missing_ones():
    rows = [{"kernel": name, "size": "64 x 48", "of_copy": 0.9} for name in gpu_run.HELD_TO_IT]
    assert gpu_run.below(rows) == []
    rows[1]["of_copy"] = 0.5
    assert gpu_run.below(rows) == ["decode log_parabola at 64 x 48: 0.50 of copy, asked for 0.80"]
    rows[1]["of_copy"] = float("nan")
    assert len(gpu_run.below(rows)) == 1
    assert gpu_run.below(rows[1:])[0] == "gaussian_targets: not measured"


# ---- steps


@pytest.fixture
def run(tmp_path):
    return gpu_run.GpuRun(tmp_path, budget_s=60)


def test_what_a_step_raises_is_its_failure(run):
    step = run.step("x", lambda step: 1 / 0)
    assert (step.result, step.failures) == (FAILED, ["ZeroDivisionError: division by zero"])


def test_a_missing_tool_is_named_and_nothing_runs(run):
    step = run.step("x", lambda step: pytest.fail("ran"), ("no-such-profiler",))
    assert (step.result, step.detail) == (MISSING, "no-such-profiler not on PATH")


def test_a_step_that_says_nothing_has_not_passed(run):
    assert run.step("x", lambda step: None).result == MISSING


def test_a_command_that_hangs_is_killed_with_its_children(run, tmp_path):
    pid = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid}; wait"
    step = run.step("x", lambda step: run.command("bash", "-c", script, most_s=0.5))
    assert (step.result, step.failures) == (FAILED, ["stopped after 0 s"])
    time.sleep(0.1)
    state = Path(f"/proc/{int(pid.read_text())}/stat")
    if Path("/proc/self").exists():
        assert not state.exists() or state.read_text().split()[2] == "Z"


def test_out_of_time(tmp_path):
    late = gpu_run.GpuRun(tmp_path, budget_s=1)
    assert late.step("x", lambda step: pytest.fail("ran")).result == LATE


def test_output_and_environment_of_a_command(run, tmp_path):
    code, output = run.command(
        sys.executable, "-c", "import os; print(os.environ['A']); exit(3)", most_s=20, A="b"
    )
    assert (code, output) == (3, "b\n")
    assert (tmp_path / "gpu_run.log").read_text().endswith("exit(3)\nb\n")


@pytest.mark.parametrize(("measured", "result"), [(True, PASSED), (False, FAILED)])
def test_a_promise_that_was_missed_is_a_failure(run, monkeypatch, measured, result):
    def bench(*_, **__):
        limits = [{"promise": "decode: >= 0.8 of copy", "measured": "0.7", "kept": measured}]
        (run.out / "bench.json").write_text(json.dumps({"limits": limits}))
        (run.out / "bench.md").write_text("the tables")
        return int(not measured), ""

    monkeypatch.setattr(run, "command", bench)
    step = run.step("benchmark", run.bench)
    assert (step.result, step.text) == (result, "the tables")
    assert step.failures == ([] if measured else ["decode: >= 0.8 of copy: 0.7"])


def test_a_benchmark_that_broke_off_is_a_failure(run, monkeypatch):
    monkeypatch.setattr(run, "command", lambda *_, **__: (1, "Traceback\nOutOfMemoryError"))
    assert run.step("benchmark", run.bench).failures == ["Traceback", "OutOfMemoryError"]


def test_every_planned_step_exists():
    for _, method, _ in gpu_run.PLAN:
        assert callable(getattr(gpu_run.GpuRun, method))
    assert set(gpu_run.SANITIZERS) <= {name for name, _, _ in gpu_run.PLAN}
    for file in (*gpu_run.DEVICE_TESTS, *gpu_run.FUZZ):
        assert (gpu_machine.ROOT / file).exists(), f"{file} is to run on the device, and is not there"


def test_without_a_gpu_nothing_runs_and_says_why(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_run.main([]) == 2
    told = capsys.readouterr().err
    assert "nothing was run" in told
    assert "CPU build" in told or "no CUDA device" in told


def test_dry_run_names_tools_and_files(capsys, monkeypatch):
    monkeypatch.setattr(gpu_run.shutil, "which", lambda tool: None)
    assert gpu_run.main(["--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "missing: compute-sanitizer" in told
    assert "tests/test_ops.py" in told
    assert "csrc " in told


# ---- what runs on the device, on the CPU


@pytest.fixture(scope="module")
def compiled():
    try:
        load("cpp")
    except BackendUnavailable as error:
        skip_or_fail("cpp", str(error))


def test_every_timed_call_runs(compiled):
    scene = bandwidth.Scene((7, 9), 2, "cpu")
    calls = {name: (run, moved) for name, run, moved in (*scene.ops(), *scene.rungs())}
    assert set(gpu_run.HELD_TO_IT) <= set(calls)
    for run, moved in calls.values():
        run()
        assert moved > 0
    maps = 2 * bandwidth.JOINTS * 7 * 9 * 4
    assert calls["decode argmax"][1] == maps
    assert calls["stage_loss, 6 stages"][1] == 12 * maps, "6 read and 6 written"


def test_large_calls_run(compiled):
    assert every_kernel.large(people=1, device="cpu") == 0


def test_comparison_sees_a_difference(capsys, monkeypatch):
    if find_compiler() is None:
        skip_or_fail("cpp", "the emulator needs a C++ compiler")
    monkeypatch.setattr(every_kernel, "KERNELS", [("targets.cuh", "gaussian_targets_v2_f32")])
    assert every_kernel.compare("cpu", [(5, 3)]) == 0
    assert capsys.readouterr().out == "1 launches of 1 kernels, 0 differ\n"
    monkeypatch.setattr(every_kernel, "difference", lambda mine, theirs: float("nan"))
    assert every_kernel.compare("cpu", [(5, 3)]) == 1
    assert "DIFFERS gaussian_targets_v2_f32 size (5, 3) launch 0" in capsys.readouterr().out


def test_training_is_tried(capsys):
    assert try_training.main("cpu") == 0
    told = capsys.readouterr().out.splitlines()
    assert "ok: paper: losses of two micro-batches" in told[6]
    assert told[-1] == "7 of 7 checks held"


def test_training_that_differs_is_seen(capsys, monkeypatch):
    calls = iter(range(100))
    monkeypatch.setattr(try_training, "losses", lambda *_: [1.0, 1.0 + 0.03 * (next(calls) % 2)])
    assert try_training.main("cpu") == 1
    assert (
        "FAILED: lite: losses as on the CPU: last loss 1, off by 2.9e-02 at most" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.2),
        ([float("nan")], [float("nan")], 0.0),
        ([float("nan")], [1.0], float("inf")),
    ],
)
def test_difference(mine, theirs, expected):
    assert every_kernel.difference(torch.tensor(mine), torch.tensor(theirs)) == pytest.approx(expected)


# ---- the log


def test_log_names_every_kernel_that_has_not_run():
    """Once a run is committed, the list shrinks, and a section below must hold what has left it."""
    log = (gpu_machine.ROOT / "docs" / "gpu_runs.md").read_text()
    missing = [name for _, name in every_kernel.KERNELS if not re.search(rf"\b{name}\b", log)]
    assert not missing or "\n## 20" in log, f"docs/gpu_runs.md does not say that these never ran: {missing}"
