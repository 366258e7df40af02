"""What the tests of building share: the smallest library, a compiler that misbehaves, another process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

from cpm_edu.kernels import toolchain
from cpm_edu.kernels.build import Source

ROOT = Path(__file__).parent.parent
FLAGS = ("-O0", "-fPIC")


def number(value: int | str = 42, name: str = "number") -> Source:
    return Source(Path(f"{name}.cpp"), f'extern "C" int {name}() {{ return {value}; }}\n')


def call(library: Path, name: str = "number") -> int:
    return getattr(ctypes.CDLL(str(library)), name)()


def wrapper(path: Path, before: str) -> Path:
    """A compiler that runs a shell line, then the real one."""
    real = toolchain.find_compiler().command[-1]
    path.write_text(f'#!/bin/sh\n{before}\nexec {real} "$@"\n')
    path.chmod(0o755)
    return path


def in_a_process(code: str, **options) -> subprocess.Popen:
    preamble = (
        "from pathlib import Path\nfrom cpm_edu.kernels.build import Source, shared_library\n"
        "source = Source(Path('number.cpp'), 'extern \"C\" int number() { return 7; }')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", preamble + code], env=environment, text=True, **options)


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
