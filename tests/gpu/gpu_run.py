"""Runs every check that needs a GPU and writes one Markdown section; started by run.sh, which says how."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gpu_machine import ROOT, commit, gpu_facts, importable
from gpu_report import (
    FAILED,
    LATE,
    PASSED,
    SECTORS,
    Step,
    bandwidth_text,
    compare_counters,
    counters_of_ncu,
    counts_of_pytest,
    markdown,
    sanitizer_errors,
    table,
)

HERE = Path(__file__).resolve().parent
EVERY_KERNEL = HERE / "every_kernel.py"
BUDGET_S = 8 * 60
ENOUGH = 0.80  # of the copy bandwidth, at least: docs/gpu_runs.md
HELD_TO_IT = ("gaussian_targets", "decode log_parabola", "merge_flip_decode", "stage_loss, 6 stages")
SANITIZERS = ("memcheck", "racecheck", "synccheck")
DRAM = ("dram__bytes_read.sum", "dram__bytes_write.sum")
DEVICE_TESTS = (
    "tests/test_ops.py", "tests/test_ops_limits.py", "tests/test_gaussian_targets.py", "tests/test_targets.py",
    "tests/test_decoding.py", "tests/test_decoding_laws.py", "tests/test_merge_flip.py", "tests/test_losses.py",
    "tests/test_gpu_crops.py", "tests/golden", "tests/gpu/test_on_device.py",
)  # fmt: skip
FUZZ = ("tests/test_ops_fuzz.py",)
OPTIONAL = {"tests/test_ops_fuzz.py": "hypothesis", "tests/test_decoding_laws.py": "hypothesis"}


class GpuRun:
    """Steps in the order of their worth; what the time no longer allows is reported as not run."""

    def __init__(self, out: Path, budget_s: float = BUDGET_S):
        self.out = out
        self.end = time.monotonic() + budget_s
        self.steps: list[Step] = []

    def step(self, name: str, do: Callable[[Step], None], needs: tuple[str, ...] = ()) -> Step:
        """Run one step; whatever it raises becomes its failure, never the end of the run."""
        step, start = Step(name), time.monotonic()
        self.steps.append(step)
        missing = [tool for tool in needs if shutil.which(tool) is None]
        if missing:
            step.detail = f"{', '.join(missing)} not on PATH"
        elif self.left() < 5:
            step.result = LATE
        else:
            try:
                do(step)
            except subprocess.TimeoutExpired as error:
                late = self.left() < 1
                step.result, step.detail = LATE if late else FAILED, f"stopped after {error.timeout:.0f} s"
                step.failures = [step.detail]
            except Exception as error:
                step.result, step.failures = FAILED, [f"{type(error).__name__}: {error}"]
        step.seconds = time.monotonic() - start
        print(f"-- {name}: {step.result} ({step.seconds:.0f} s) {step.detail}", flush=True)
        return step

    def left(self) -> float:
        return self.end - time.monotonic()

    def command(self, *words: str | Path, most_s: float, **environment: str) -> tuple[int, str]:
        """Exit status and output of a command; gpu_run.log keeps the outputs of all."""
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            # its own process group: a profiler's child must not outlive it
            running = subprocess.Popen(
                [str(word) for word in words], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, env={**os.environ, **environment}, start_new_session=True,
            )  # fmt: skip
            try:
                code = running.wait(min(most_s, self.left()))
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
                raise
            finally:
                output.seek(0)
                text = output.read()
                with (self.out / "gpu_run.log").open("a") as log:
                    log.write(f"\n$ {' '.join(map(str, words))}\n{text}")
        return code, text

    # ---- the steps

    def build(self, step: Step) -> None:
        code, output = self.command(sys.executable, "-m", "cpm_edu.cli", "backends", "--build", most_s=240)
        step.text = f"```\n{output.strip()}\n```"
        check = "from cpm_edu.kernels.libraries import load; load('cpp'); load('cuda')"
        loaded, why = self.command(sys.executable, "-c", check, most_s=60)
        good = code == 0 and loaded == 0
        judge(step, good, "cpp and cuda built and loaded" if good else "", why.splitlines()[-1:])

    def op_tests(self, step: Step) -> None:
        self.pytest(step, DEVICE_TESTS, most_s=200)

    def fuzz(self, step: Step) -> None:
        self.pytest(step, FUZZ, most_s=100)

    def pytest(self, step: Step, wanted: tuple[str, ...], most_s: float) -> None:
        files = [file for file in wanted if importable(OPTIONAL.get(file))]
        left_out = [file for file in wanted if file not in files]
        if not files:
            step.detail = f"left out for want of {', '.join(OPTIONAL[file] for file in left_out)}"
            return
        words = ("-m", "pytest", "-q", "-rfEs", "-k", "cuda", "-p", "no:cacheprovider", *files)
        # A skip of a cuda test is a failure here: CPM_EDU_REQUIRE says so. COLUMNS: reasons are not cut short.
        code, output = self.command(
            sys.executable, *words, most_s=most_s, CPM_EDU_REQUIRE="cpp,cuda,nvcc", COLUMNS="220"
        )
        counts, failures = counts_of_pytest(output)
        detail = ", ".join(f"{number} {what}" for what, number in counts.items()) or output.strip()[-200:]
        detail += f"; left out: {', '.join(left_out)}" if left_out else ""
        judge(step, code == 0 and counts.get("passed", 0) > 0, detail, failures)

    def compare(self, step: Step) -> None:
        code, output = self.command(sys.executable, EVERY_KERNEL, "compare", most_s=120)
        failures = [line for line in output.splitlines() if line.startswith("DIFFERS")]
        judge(step, code == 0, last_line(output), failures or output.splitlines()[-3:])

    def bandwidth(self, step: Step) -> None:
        code, output = self.command(sys.executable, HERE / "bandwidth.py", most_s=120)
        if code:
            judge(step, False, "", output.splitlines()[-3:])
            return
        found = json.loads(last_line(output))
        step.text = bandwidth_text(found)
        slow = below(found["rows"])
        judge(step, not slow, f"copy {found['copy_GB_s']:.0f} GB/s", slow)

    def training(self, step: Step) -> None:
        code, output = self.command(sys.executable, HERE / "try_training.py", most_s=150)
        step.text = f"```\n{output.strip()}\n```"
        failures = [line for line in output.splitlines() if line.startswith("FAILED")]
        judge(step, code == 0, last_line(output), failures or output.splitlines()[-3:])

    def bench(self, step: Step) -> None:
        tables, numbers = self.out / "bench.md", self.out / "bench.json"
        words = (
            "bench",
            "--device",
            "cuda",
            "--rounds",
            "15",
            "--check",
            "--markdown",
            tables,
            "--json",
            numbers,
        )
        code, output = self.command(sys.executable, "-m", "cpm_edu.cli", *words, most_s=160)
        if not numbers.exists():
            judge(step, False, "", output.splitlines()[-3:])
            return
        step.text = tables.read_text()
        limits = json.loads(numbers.read_text())["limits"]
        missed = [f"{limit['promise']}: {limit['measured']}" for limit in limits if not limit["kept"]]
        judge(step, code == 0 and not missed, f"{len(limits)} promises, {len(missed)} missed", missed)

    def sanitize(self, step: Step, tool: str) -> None:
        words = (
            "compute-sanitizer",
            "--tool",
            tool,
            "--error-exitcode",
            "9",
            sys.executable,
            EVERY_KERNEL,
            "run",
        )
        # without torch's pool, a step past the end of a tensor is a step past the end of an allocation
        code, output = self.command(*words, most_s=120, PYTORCH_NO_CUDA_MEMORY_CACHING="1")
        errors = sanitizer_errors(output)
        lines = [line for line in output.splitlines() if "=========" in line and len(line) > 12]
        judge(
            step,
            code == 0 and errors == 0,
            f"{errors} errors; {last_line(output, 'kernels ran')}",
            lines[:12],
        )

    def counters(self, step: Step) -> None:
        prediction = self.out / "predicted.json"
        code, output = self.command(sys.executable, EVERY_KERNEL, "predict", prediction, most_s=90)
        if code:
            judge(step, False, "", output.splitlines()[-3:])
            return
        predicted = json.loads(prediction.read_text())
        read = self.ncu(step, SECTORS, "count", predicted)
        if not read:
            return
        rows = compare_counters(predicted, read)
        step.text = table(["kernel", "what", "emulator", "ncu", "ncu / emulator"], rows)
        missing = sorted(set(predicted) - {launch["kernel"] for launch in read})
        judge(
            step,
            not missing,
            f"{len(rows)} counters of {len(read)} kernels",
            [f"not seen: {m}" for m in missing],
        )

    def bytes_moved(self, step: Step) -> None:
        kernels = (
            "gaussian_targets_v3_f32",
            "decode_v3_f32",
            "merge_decode_v3_f32",
            "stage_loss_gaussian_v3_f32",
        )
        read = self.ncu(step, DRAM, "large", kernels)
        if not read:
            return
        map_bytes = 512 * 17 * 64 * 48 * 4
        rows = [
            [
                x["kernel"],
                *(x.get(d) or float("nan") for d in DRAM),
                sum(x.get(d) or 0 for d in DRAM) / map_bytes,
            ]
            for x in read
        ]
        step.text = table(["kernel", "bytes read", "bytes written", "map passes"], rows) + (
            "\n\nB = 512, J = 17, 64 x 48, float32: one pass is 107 MB. What the L2 (50 MB) keeps does not show here."
        )
        judge(step, True, f"{len(rows)} kernels", [])

    def ncu(self, step: Step, metrics, mode: str, kernels) -> list[dict]:
        """Counters of each launch; empty, with the step's detail, where they cannot be read."""
        pattern = "regex:^(" + "|".join(kernels) + ")$"
        words = (
            "ncu", "--clock-control", "none", "--csv", "--print-units", "base", "--metrics", ",".join(metrics),
            "--kernel-name", pattern, sys.executable, EVERY_KERNEL, mode,
        )  # fmt: skip
        code, output = self.command(*words, most_s=120)
        launches = counters_of_ncu(output)
        known = any(launch.get(metric) is not None for launch in launches for metric in metrics)
        if code == 0 and known:
            return launches
        step.detail = "ncu could not read the counters; see gpu_run.log"
        return []


def judge(step: Step, passed: bool, detail: str, failures: list[str]) -> None:
    step.result, step.detail = PASSED if passed else FAILED, detail
    step.failures = [] if passed else failures


def last_line(output: str, holding: str = "") -> str:
    return next((line for line in reversed(output.splitlines()) if line.strip() and holding in line), "")


def below(rows: list[dict]) -> list[str]:
    """The kernels in use that miss their share of the copy bandwidth; one that was not measured has missed it."""
    missed = []
    for name in HELD_TO_IT:
        mine = [row for row in rows if row["kernel"] == name]
        if not mine:
            missed.append(f"{name}: not measured")
        missed += [
            f"{name} at {row['size']}: {row['of_copy']:.2f} of copy, asked for {ENOUGH:.2f}"
            for row in mine
            if not row["of_copy"] >= ENOUGH
        ]
    return missed


PLAN = (  # step, method of GpuRun, programs it needs
    ("build", "build", ("nvcc",)),
    ("op tests", "op_tests", ()),
    ("kernels against emulator", "compare", ()),
    ("bandwidth", "bandwidth", ()),
    ("training", "training", ()),
    ("memcheck", "sanitize", ("compute-sanitizer",)),
    ("benchmark", "bench", ()),
    ("racecheck", "sanitize", ("compute-sanitizer",)),
    ("synccheck", "sanitize", ("compute-sanitizer",)),
    ("counters", "counters", ("ncu",)),
    ("bytes moved", "bytes_moved", ("ncu",)),
    ("fuzz", "fuzz", ()),
)


def dry_run() -> int:
    for name, _, needs in PLAN:
        missing = [tool for tool in needs if shutil.which(tool) is None]
        print(f"{name:<26}{'missing: ' + ', '.join(missing) if missing else 'ready'}")
    for file in (*DEVICE_TESTS, *FUZZ):
        module = OPTIONAL.get(file)
        state = "ready" if (ROOT / file).exists() else "no such file"
        print(f"  {file:<34}{state if importable(module) else f'left out: no {module}'}")
    for module in ("torch", "pytest", "numpy"):
        print(f"  {module:<34}{'ready' if importable(module) else 'missing'}")
    facts = gpu_facts()
    print(f"GPU: {facts if isinstance(facts, str) else facts.device}")
    print(f"commit: {commit()}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests/gpu/run.sh", description=__doc__)
    parser.add_argument("--append", action="store_true", help="put the report at the end of docs/gpu_runs.md")
    parser.add_argument("--dry-run", action="store_true", help="say what would run; needs no GPU")
    options = parser.parse_args(arguments)
    if options.dry_run:
        return dry_run()
    facts = gpu_facts()
    if isinstance(facts, str):
        print(f"tests/gpu/run.sh: nothing was run: {facts}", file=sys.stderr)
        return 2
    out = Path(os.environ.get("OUT", ROOT / "build" / "gpu_run"))
    out.mkdir(parents=True, exist_ok=True)
    run = GpuRun(out)
    for name, method, needs in PLAN:
        do = getattr(run, method)
        run.step(name, (lambda step, do=do, tool=name: do(step, tool)) if method == "sanitize" else do, needs)
    text = markdown(facts, run.steps)
    (out / "gpu_run.md").write_text(text)
    if options.append:
        with (ROOT / "docs" / "gpu_runs.md").open("a") as file:
            file.write("\n" + text)
    print(text)
    return int(any(step.result == FAILED for step in run.steps))


if __name__ == "__main__":
    sys.exit(main())
