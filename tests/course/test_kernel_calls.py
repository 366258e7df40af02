"""A kernel's text as a function: what it computes, what the microscope saw, and the room that holds no answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig

import numpy as np
import pytest

from cpm_edu.course.exercise import Forbidden, NotWritten, Outcome
from cpm_edu.course.exercises.a6 import EXERCISES
from cpm_edu.course.judge import cases_of, judge
from cpm_edu.course.kernel_calls import LIBRARY_HEADERS, kernel_function, kernel_room_files
from cpm_edu.kernels.lab import CompileError

from .bank_cells import bank

pytestmark = pytest.mark.cpp

HEAD = 'extern "C" __global__ void twice(int n, const float* x, float* out) {'
TWICE = f"""
{HEAD}
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  out[i] = 2 * x[i];
}}"""


def launched(text, n=5, block=8):
    """What the text's kernel makes of 0, 1, 2, ... with one block."""
    arguments = {"n": n, "x": np.arange(n, dtype=np.float32), "out": np.full(n, -1, np.float32)}
    return kernel_function(text)((1,), (block,), arguments)


def test_a_right_kernel_gives_its_outputs_and_no_fault():
    found = launched(TWICE)
    assert found["out"].tolist() == [0, 2, 4, 6, 8]
    assert (found["faults"], found["differs"], found["reads"], found["shared"]) == ([], "", 1, 0)
    assert "x" not in found, "only what is not const is an answer"


def test_arguments_are_not_touched():
    x, out = np.ones(3, np.float32), np.zeros(3, np.float32)
    kernel_function(TWICE)((1,), (32,), {"n": 3, "x": x, "out": out})
    assert out.tolist() == [0, 0, 0]


def test_a_fault_names_the_line_of_the_text_and_the_cell():
    [read, write] = launched(TWICE.replace("  if (i >= n) return;\n", ""))["faults"]
    assert (read["kind"], write["kind"], write["line"]) == ("out-of-bounds-read", "out-of-bounds-write", 4)
    assert write["source"] == "out[i] = 2 * x[i];"
    assert write["count"] == 3
    assert write["text"] == "block (0) thread (5) writes out[5], but out has 5 elements"


def test_a_result_that_hangs_on_the_order_of_threads_is_told():
    text = TWICE.replace("out[i] = 2 * x[i];", "atomicExch(out, x[i]);")
    assert launched(text)["differs"] == "reverse"


def test_all_of_it_can_be_sent_as_json():
    found = launched(TWICE.replace("  if (i >= n) return;\n", ""))
    json.dumps({name: value for name, value in found.items() if name != "out"})


def test_a_stub_is_not_written_and_a_written_kernel_may_keep_its_line():
    with pytest.raises(NotWritten):
        launched(f"{HEAD}\n  // ex22: your lines here\n}}")
    with pytest.raises(NotWritten):
        launched("// ex24: your lines here")
    kept = TWICE.replace("  if", "  // ex22: your lines here\n  if")
    assert launched(kept)["out"].tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("header", LIBRARY_HEADERS)
def test_headers_of_the_library_are_not_there(header):
    with pytest.raises(Forbidden, match=header):
        launched(f'#include "{header}"\n{TWICE}')


def test_another_missing_header_is_the_compilers_business():
    with pytest.raises(CompileError, match=r"mine\.h"):
        launched(f'#include "mine.h"\n{TWICE}')


def test_the_name_of_a_file_is_no_kernel():
    with pytest.raises(ValueError, match="there is no kernel"):
        launched("targets.cuh")


def test_parameters_in_another_order_are_told_from_other_names():
    with pytest.raises(ValueError, match="asked for n, x, out"):
        launched(TWICE.replace("int n, const float* x", "const float* x, int n"))
    renamed = TWICE.replace("int n", "int count").replace("i >= n", "i >= count")
    assert launched(renamed)["out"].tolist() == [0, 2, 4, 6, 8]


def test_what_does_not_compile_is_compiled_once(monkeypatch):
    function, compiled = kernel_function(TWICE.replace("int i", "it i")), []
    from cpm_edu.kernels import emulated

    build = emulated.shared_library
    monkeypatch.setattr(emulated, "shared_library", lambda *a, **k: compiled.append(a[0]) or build(*a, **k))
    for _ in range(3):
        with pytest.raises(CompileError, match="line 3"):
            function((1,), (8,), {"n": 5, "x": np.zeros(5, np.float32), "out": np.zeros(5, np.float32)})
    assert compiled.count("kernel") == 1


def test_after_an_endless_loop_nothing_is_launched(monkeypatch):
    from cpm_edu.kernels.lab import Kernel

    function, launches = kernel_function(TWICE.replace("if (i >= n) return;", "while (i < n) { }")), []
    trace = Kernel.trace
    monkeypatch.setattr(Kernel, "trace", lambda *a, **k: launches.append(a) or trace(*a, **k))
    for _ in range(3):
        found = function((1,), (8,), {"n": 5, "x": np.zeros(5, np.float32), "out": np.zeros(5, np.float32)})
        assert [fault["kind"] for fault in found["faults"]] == ["endless-loop"]
    assert len(launches) == 1


def test_without_a_compiler_a_sentence_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    function, gaussian = kernel_function("// a text that nobody has compiled\n" + TWICE), EXERCISES[0]

    def call(*arguments):
        try:
            return Outcome(
                function((1,), (8,), {"n": 1, "x": np.zeros(1, np.float32), "out": np.zeros(1, np.float32)})
            )
        except RuntimeError as error:
            return Outcome(error=type(error).__name__, message=str(error))

    verdict = judge(gaussian, call)
    assert (verdict.status, verdict.mistake) == ("fix", "no-compiler")
    assert "install one" in verdict.message
    assert "check again" in verdict.message


def right(exercise):
    """The first right kernel of the bank."""
    source = next(entry.source for entry in bank() if entry.exercise == exercise.id and entry.kind == "right")
    scope = {}
    exec(source, scope)
    return scope[exercise.name]


ROOM = """
import json, sys, numpy as np
from cpm_edu.course.kernel_calls import kernel_function
text, include = json.load(sys.stdin)
arguments = {"n": 5, "x": np.arange(5, dtype=np.float32), "out": np.zeros(5, np.float32)}
found = [kernel_function(text)((1,), (8,), arguments)["out"].tolist()]
for path in include:
    try:
        kernel_function(f'#include "{path}"\\n' + text)((1,), (8,), arguments)
        found.append("found")
    except Exception as error:
        found.append(type(error).__name__)
for module in ("cpm_edu.targets", "cpm_edu.course.exercises", "cpm_edu.course.judge", "cpm_edu.decoding"):
    try:
        __import__(module)
        found.append("found")
    except ImportError as error:
        found.append(type(error).__name__)
print(json.dumps(found))
"""


def test_a_room_with_only_the_listed_files_runs_kernels_and_holds_no_answers(tmp_path):
    room = tmp_path / "room"
    for inside, file in kernel_room_files().items():
        target = room / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if file is None:
            target.write_text("")
        else:
            (shutil.copytree if file.is_dir() else shutil.copy2)(file, target)
    environment = {
        "PATH": os.environ["PATH"], "CPM_EDU_CACHE": str(room / "cache"),
        "XDG_CACHE_HOME": str(tmp_path / "written"), "HOME": str(tmp_path),
    }  # fmt: skip
    include = ["targets.cuh", "../targets.cuh", "../../targets.cuh"]
    folders = [str(room), *{sysconfig.get_path(name) for name in ("purelib", "platlib")}]
    program = f"import sys; sys.path[:0] = {folders}\n{ROOM}"
    done = subprocess.run(  # -S: an editable install of the package would find what the room lacks
        [sys.executable, "-I", "-S", "-c", program], input=json.dumps([TWICE, include]), cwd=tmp_path,
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [0, 2, 4, 6, 8], *["Forbidden"] * 3, *["ModuleNotFoundError"] * 4
    ], "numbers, headers of the library, modules of the library"  # fmt: skip
    assert "building" not in done.stderr, "the emulator's runtime is among the files"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_a_kernel_without_its_guard_or_barrier_never_passes_another_seed(exercise):
    """Hidden cases are of the same kinds: some threads left over, several joints, several rounds."""
    for seed in (1, 2, 3):
        sizes = [grid[0] * block[0] for grid, block, _ in cases_of(exercise, seed)]
        assert len(sizes) >= 6
        assert max(sizes) > 64
    function = kernel_function(right(exercise))
    verdict = judge(exercise, lambda *case: Outcome(function(*case)), (1, 2, 3))
    assert verdict.status == "pass", verdict.message
