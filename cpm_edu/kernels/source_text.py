"""A kernel's source as the student wrote it, and as the compilers get it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..bundle import bundled_folder
from .signature import Signature, find_kernels, without_comments

__all__ = ["UNIT", "KernelSource"]

UNIT = "kernel.cpp"  # the emulator's translation unit
LABEL = "kernel"  # what compilers call a source that is no file
TAIL = "the end of the kernel"
SUFFIXES = (".cu", ".cuh", ".h", ".cpp")

# CUDA's way to declare shared memory whose size the launch gives; C++ has no `extern static`.
EXTERN_SHARED = re.compile(
    r"\bextern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([A-Za-z_][\w:\s]*?)\s*\b(\w+)\s*\[\s*\]"
)
KNOWN_HEADERS = (
    "assert.h", "cassert", "cfloat", "climits", "cmath", "cstddef", "cstdint", "cstdio", "cuda_runtime.h", "cuda.h",
    "device_launch_parameters.h", "float.h", "limits.h", "math.h", "math_constants.h", "stddef.h", "stdint.h", "stdio.h",
)  # fmt: skip
MISSING_HEADERS = {
    "cuda_fp16.h": "half", "cuda_bf16.h": "__nv_bfloat16", "cooperative_groups.h": "cooperative groups", "mma.h": "wmma",
}  # fmt: skip
SYSTEM_HEADER = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]*)>", re.MULTILINE)


@dataclass(frozen=True)
class KernelSource:
    """Text of one or several kernels, with where it came from."""

    text: str
    path: Path | None  # None: a text, such as a cell of a notebook
    kernels: tuple[Signature, ...]

    @staticmethod
    def read(source: str | Path) -> KernelSource:
        """A file of kernels, or their text.

        Args:
            source: text; or the path of a .cu or .cuh file, looked for in the working folder and in csrc/.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no kernel in it, or one whose signature cannot be read.
        """
        path = _as_path(source)
        text = str(source) if path is None else path.read_text(encoding="utf-8")
        where = LABEL if path is None else path.name
        plain = without_comments(text)
        for header in SYSTEM_HEADER.finditer(plain):
            if header[1].strip() in KNOWN_HEADERS:
                continue
            line = plain.count("\n", 0, header.start()) + 1
            missing = MISSING_HEADERS.get(header[1].strip())
            raise ValueError(
                f"{where}, line {line}: #include <{header[1]}>: "
                + (
                    f"not available in the emulator, which has no {missing} (of the small floats only cpm::bfloat16)"
                    if missing
                    else "system headers are not available; CUDA's own functions and types need none: remove the line"
                )
            )
        try:
            kernels = tuple(find_kernels(text))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if not kernels:
            raise ValueError(
                f'{where}: there is no kernel; write extern "C" __global__ void name(float* out, int n) {{ }}'
            )
        return KernelSource(text, path, kernels)

    def kernel(self, name: str | None) -> Signature:
        """The kernel of that name; None: the only one.

        Raises:
            ValueError: no such kernel, or several and no name.
        """
        names = [kernel.name for kernel in self.kernels]
        if name is None and len(names) > 1:
            raise ValueError(f"there are several kernels, name one of them: {', '.join(names)}")
        if name is not None and name not in names:
            raise ValueError(f"there is no kernel {name!r}, only {', '.join(names)}")
        return self.kernels[0 if name is None else names.index(name)]

    @property
    def label(self) -> str:
        """Name under which compilers report errors."""
        return LABEL if self.path is None else str(self.path)

    @property
    def folders(self) -> list[Path]:
        return [] if self.path is None else [self.path.parent]

    def with_dynamic_shared(self) -> str:
        """The text with `extern __shared__ T name[];` spelled CPM_DYNAMIC_SHARED(T, name);"""

        def rewrite(match: re.Match) -> str:
            macro = f"CPM_DYNAMIC_SHARED({match[1].strip()}, {match[2]})"
            return macro + "\n" * match[0].count("\n")  # lines keep their numbers

        text, plain, parts, end = self.text, without_comments(self.text), [], 0
        for header in SYSTEM_HEADER.finditer(plain):  # what these declare is there already
            start, stop = header.span()
            text = text[:start] + " " * (stop - start) + text[stop:]
        for match in EXTERN_SHARED.finditer(plain):
            parts += [text[end : match.start()], rewrite(match)]
            end = match.end()
        return "".join([*parts, text[end:]])

    def dynamic_arrays(self) -> set[str]:
        """Names under which the source declares dynamic shared memory."""
        declared = re.findall(
            r"\bCPM_DYNAMIC_SHARED\s*\([^;]*?,\s*(\w+)\s*\)\s*;", without_comments(self.with_dynamic_shared())
        )
        return set(declared)

    def for_emulator(self) -> str:
        """A translation unit for g++ or clang++, with an entry for each kernel.

        The unnamed namespace keeps two sources apart that were loaded into one process.
        """
        entries = "\n".join(f"CPM_KERNEL({kernel.name})" for kernel in self.kernels)
        # The line directive takes the text's own first line; a text that ends inside a brace fails below.
        return (
            f'namespace {{\n#line 1 "{self.label}"\n{self.with_dynamic_shared()}\n'
            f'#line 1 "{TAIL}"\n}}\n{entries}\n'
        )

    def returns_before(self, file: str, line: int) -> bool:
        """Whether a `return` (or a jump that we cannot follow) stands above a line; True in other files."""
        above = without_comments(self.text).split("\n")[: line - 1]
        return bool(self.shown(file)) or re.search(r"\b(return|exit|asm)\b", "\n".join(above)) is not None

    def shown(self, file: str) -> str:
        """How a file is named in a message: "" for the source itself."""
        name = Path(file).name
        return "" if not file or file == self.label or name in (LABEL, UNIT) else name

    def line(self, file: str, number: int, strip: bool = True) -> str:
        """A line of the source, or of a header beside it, without indentation; "" where there is none."""
        if not number:
            return ""
        text = self.text
        if self.shown(file):
            try:
                text = Path(file).read_text(encoding="utf-8")
            except OSError:
                return ""
        lines = text.split("\n")
        line = lines[number - 1] if number <= len(lines) else ""
        return line.strip() if strip else line


def _as_path(source: str | Path) -> Path | None:
    if isinstance(source, str) and ("\n" in source or "{" in source or not source.endswith(SUFFIXES)):
        return None
    places = (Path(source), bundled_folder("csrc") / source)
    for place in places:
        if place.is_file():
            return place.resolve()
    raise FileNotFoundError(f"there is no file {source}, neither here nor in {places[1].parent}")
