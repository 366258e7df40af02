"""A student's kernel as a function: from the text to what its launches computed, and what the microscope saw.

This module runs where a submission is graded too. `kernel_room_files` lists all that it needs beside Python, numpy,
torch and a C++ compiler; the library's own kernels are not among it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .exercise import Forbidden, NotWritten

__all__ = ["kernel_function", "kernel_room_files"]

STUB = "your lines here"  # what a released kernel says where the student's lines go
SECONDS = 1.0  # of one launch under the microscope; a right one of the course's takes some milliseconds
MOST_FAULTS = 8
LIBRARY_HEADERS = (
    "best_cell.cuh", "common.cuh", "dark.cuh", "decoding.cuh", "rules.h", "stage_loss.cuh", "targets.cuh",
    "cpm_ops.h", "cpu_gaussian.h", "cpu_peaks.h", "cpu_simd.h", "launchers.cu", "cpu_targets.cpp", "cpu_decoding.cpp",
)  # fmt: skip


def kernel_function(text: str) -> Callable[[tuple, tuple, dict], dict[str, Any]]:
    """What a kernel's text does, as a function f(grid, block, arguments).

    Args:
        text: CUDA C++ with one kernel. It is compiled at the first call.

    f takes the extents of grid and block, and the kernel's arguments by name in their order: arrays for pointers,
    numbers for the rest. It launches the kernel under the microscope three times, on copies, with the threads in order,
    backwards and at random. It returns a dict. By the name of each pointer that is not `const` it holds its array
    afterwards, of the launch in order; by "faults" a list of dicts with kind, text, line, source, other, cure (str or
    int) and count, [] if all is well; by "differs" "" or the order of the threads, "reverse" or "random", in which an
    array came out otherwise; by "reads" the most reads from tensors by one thread; by "shared" the accesses to shared
    memory by all; by "barriers" those of block 0.

    f raises:
        NotWritten: the stub is still there.
        Forbidden: the text includes the library's kernels.
        CompileError: with the lines of the text.
        TypeError, ValueError: no kernel, or one that does not take these arguments.
        BuildError: there is no compiler; the message says how to get one.
    """
    return _Runs(text)


class _Runs:
    """Launches of one text. After an endless one, or one that did not compile, nothing is tried any more."""

    def __init__(self, text: str):
        self._text = text
        self._kernel = None
        self._ended: dict | None = None
        self._failed: Exception | None = None

    def __call__(self, grid: tuple, block: tuple, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._failed is not None:
            raise self._failed
        if self._ended is not None:
            return self._ended
        try:
            return self._launched(grid, block, arguments)
        except (RuntimeError, NotWritten) as error:  # CompileError, BuildError, Forbidden
            self._failed = error
            raise

    def _launched(self, grid: tuple, block: tuple, arguments: dict[str, Any]) -> dict[str, Any]:
        kernel = self._compiled(tuple(arguments))
        first, faults, differs = None, {}, ""
        for order in ("forward", "reverse", "random"):
            given, arrays = _as_tensors(arguments, kernel.signature)
            trace = _traced(kernel, grid, block, given, order)
            found = {"faults": _faults_of(trace), **arrays, **_counts_of(trace)}
            for fault in found["faults"]:
                faults.setdefault((fault["kind"], fault["line"]), fault)
            first = first or found
            if any(fault["kind"] == "endless-loop" for fault in found["faults"]):
                break
            if not differs and any(not np.array_equal(found[k], first[k], equal_nan=True) for k in arrays):
                differs = order
        answer = {**first, "faults": list(faults.values())[:MOST_FAULTS], "differs": differs}
        if STUB in self._text and not faults and _nothing_written(answer, arguments):
            raise NotWritten("the kernel writes nothing yet")
        if any(fault["kind"] == "endless-loop" for fault in faults.values()):
            self._ended = answer
        return answer

    def _compiled(self, names: tuple[str, ...]):
        """The kernel whose parameters have these names, in this order."""
        from ..kernels.lab import Kernel

        if self._kernel is None:
            if not isinstance(self._text, str):
                raise TypeError(f"the kernel is a text, not a {type(self._text).__name__}")
            if "__global__" not in self._text and STUB in self._text:
                raise NotWritten("there is no kernel yet")
            # the line break tells a text from the name of a file
            self._kernel = Kernel(self._text + "\n", library_headers=False)
        signature = self._kernel.signature
        own = tuple(p.name for p in signature.parameters)
        if own != names and set(own) == set(names):
            raise ValueError(
                f"{signature} has its parameters in another order; asked for {', '.join(names)}. Keep the kernel's "
                "name and parameters as they were given"
            )
        return self._kernel


def _traced(kernel, grid, block, given, order):
    from ..kernels.lab import CompileError

    try:
        return kernel.trace(
            grid, block, 0, *given, order=order, seed=1, timeout_s=SECONDS, most_accesses=300_000
        )
    except CompileError as error:
        raise _forbidden(error) or error from None


def _as_tensors(arguments: dict[str, Any], signature) -> tuple[list, dict[str, np.ndarray]]:
    """Arguments of a launch, and the arrays in which its outputs appear (they share the tensors' memory)."""
    import torch

    given = {
        name: torch.from_numpy(np.array(value, order="C")) if isinstance(value, np.ndarray) else value
        for name, value in arguments.items()
    }
    outputs = {p.name for p in signature.parameters if p.pointer and not p.const}
    arrays = {n: t.numpy() for n, t in given.items() if isinstance(t, torch.Tensor) and n in outputs}
    return list(given.values()), arrays


def _nothing_written(answer: dict[str, Any], arguments: dict[str, Any]) -> bool:
    return all(
        np.array_equal(answer[n], arguments[n], equal_nan=True) for n in answer.keys() & arguments.keys()
    )


def _faults_of(trace) -> list[dict[str, Any]]:
    kept = ("kind", "line", "source", "other", "cure", "count")
    return [{k: getattr(f, k) for k in kept} | {"text": _what(f)} for f in trace.faults]


def _what(fault) -> str:
    """Such as "block (1) thread (7) writes out[39], but out has 35 elements"."""
    return str(fault).split("\n")[0].partition(": ")[2]


def _counts_of(trace) -> dict[str, int]:
    loads = trace.accesses[(trace.accesses["argument"] >= 0) & ~trace.accesses["is_write"]]
    shared = trace.accesses["argument"] == -1
    who = loads["block"].astype(np.int64) << 16 | loads["thread"]
    return {
        "reads": int(np.unique(who, return_counts=True)[1].max(initial=0)),
        "shared": int(shared.sum()),
        "barriers": int((trace.barriers["block"] == 0).sum()),
    }


def _forbidden(error) -> Forbidden | None:
    """What a text that includes the library's kernels gets: they are not there."""
    for _, _, text in error.errors:
        if "No such file" in text or "not found" in text:
            for name in LIBRARY_HEADERS:
                if name in text:
                    return Forbidden(name)
    return None


def kernel_room_files() -> dict[str, Path | None]:
    """All that `kernel_function` needs, for a room without the rest of the package.

    Returns:
        path in the room, below a folder that is put on Python's path -> the file or folder here; None is an empty
        file. `cache` holds the built emulator, for CPM_EDU_CACHE; a second, writable folder for what students
        compile goes into XDG_CACHE_HOME.

    Raises:
        BuildError: there is no compiler here.
    """
    from ..bundle import bundled_folder
    from ..kernels.emulated import runtime_library

    package = Path(__file__).parents[1]
    own = [*OWN_FILES, *(f"kernels/{name}.py" for name in KERNEL_MODULES)]
    files: dict[str, Path | None] = {f"cpm_edu/{name}": package / name for name in own}
    files["cpm_edu/course/__init__.py"] = None
    files["cpm_edu/_bundled/csrc/emulator"] = bundled_folder("csrc") / "emulator"
    runtime = runtime_library()
    for file in (runtime, runtime.with_suffix(".json")):
        files[f"cache/kernels/{file.name}"] = file
    return files


OWN_FILES = ("__init__.py", "bundle.py", "course/exercise.py", "course/kernel_calls.py", "course/same.py")
KERNEL_MODULES = (
    "__init__", "build", "cache", "compile_errors", "emulated", "faults", "guarded", "lab", "microscope", "ninja",
    "signature", "source_lines", "source_text", "toolchain", "trace",
)  # fmt: skip
