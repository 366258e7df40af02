"""From the address of an instruction back to the line of source it was compiled from."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["lines_of_code"]

TOOLS = ("addr2line", "llvm-addr2line", "llvm-addr2line-14")
UNKNOWN = ("", 0)


def lines_of_code(
    library: Path, offsets: Iterable[int], is_own: Callable[[str], bool], hidden: str
) -> dict[int, tuple[str, int]]:
    """(file, line) of each instruction of a library that was compiled with line tables.

    Inlined code counts for the innermost line of the kernel's own file that led to it, else for the innermost one
    outside the folder `hidden`: a load in a function of the emulator belongs to the line of the kernel that
    calls it. ("", 0) where nothing is known, and for all where there is no addr2line (part of binutils, which
    g++ needs too).

    Args:
        is_own: tells the kernel's own file by its name.
        offsets: addresses within the library: return addresses, hence just behind the call.
    """
    offsets = sorted(set(offsets))
    tool = next((path for path in map(shutil.which, TOOLS) if path), None)
    if tool is None or not offsets:
        return dict.fromkeys(offsets, UNKNOWN)
    asked = "\n".join(hex(offset - 1) for offset in offsets)
    done = subprocess.run(
        [tool, "-e", str(library), "-i", "-a"], input=asked, capture_output=True, text=True, errors="replace"
    )
    frames: list[list[tuple[str, int]]] = []
    for line in done.stdout.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line.strip()):
            frames.append([])
        elif match := re.match(r"(.*):(\d+|\?)", line):
            frames[-1].append((match[1], int(match[2]) if match[2].isdigit() else 0))
    if len(frames) != len(offsets):
        return dict.fromkeys(offsets, UNKNOWN)
    return {offset: _choose(chain, is_own, hidden) for offset, chain in zip(offsets, frames, strict=True)}


def _choose(chain: list[tuple[str, int]], is_own: Callable[[str], bool], hidden: str) -> tuple[str, int]:
    known = [(file, line) for file, line in chain if line and file != "??" and not file.startswith(hidden)]
    return next((frame for frame in known if is_own(frame[0])), known[0] if known else UNKNOWN)
