"""What this machine can compile with: C++ compilers, ninja, the CUDA toolkit, and the CPU it compiles for."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = [
    "BackendUnavailable", "BuildError", "Compiler", "CudaToolkit", "cpu_digest", "find_compiler", "find_cuda",
    "find_ninja",
]  # fmt: skip

COMPILERS = ("c++", "g++", "clang++")
GET_COMPILER = (
    "install one (Debian or Ubuntu: sudo apt install g++; conda: conda install -c conda-forge cxx-compiler; "
    "macOS: xcode-select --install) or name it in CXX"
)
GET_NINJA = f"{shlex.quote(sys.executable)} -m pip install ninja"
GET_TOOLKIT = (
    "install the CUDA toolkit of torch's CUDA version (https://developer.nvidia.com/cuda-toolkit-archive, or "
    "conda: conda install -c nvidia cuda-toolkit) or name its folder in CUDA_HOME"
)


class BuildError(RuntimeError):
    """A library cannot be built here: what is wrong, and the command that cures it."""


class BackendUnavailable(RuntimeError):
    """A backend cannot be had here: the cause, and the command that cures it."""


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler as it is called: ("/usr/bin/g++",), or ("ccache", "g++")."""

    command: tuple[str, ...]

    def identity(self) -> str:
        """Real path, size and time of the programs: another compiler has another one; nothing is started."""
        return " ".join(_file_identity(word) for word in self.command)

    def version(self) -> str:
        """First line of `--version`."""
        return _output([*self.command, "--version"]).partition("\n")[0].strip() or "unknown version"


@dataclass(frozen=True)
class CudaToolkit:
    nvcc: str  # may be a wrapper script
    root: Path  # where the real toolkit lies
    version: tuple[int, int]

    @property
    def include(self) -> Path:
        return self.root / "include"

    def libraries(self) -> list[Path]:
        """Folders that may hold libcudart."""
        places = [self.root / "lib64", *self.root.glob("targets/*/lib"), self.root / "lib"]
        return [place for place in places if place.is_dir()]


def find_compiler(named: str | None = None) -> Compiler | None:
    """The compiler called `named`; for None that of CXX, else c++, g++ or clang++; None where there is none.

    Raises:
        BuildError: one was named, as `named` or in CXX, and is not there.
    """
    asked = named or os.environ.get("CXX", "").strip()
    if asked:
        words = shlex.split(asked)
        found = [word if word.startswith("-") else shutil.which(word) for word in words]
        if None in found:
            missing = words[found.index(None)]
            cure = "unset CXX, or set it to a compiler on PATH" if not named else GET_COMPILER
            raise BuildError(
                f"there is no C++ compiler {missing!r}{'' if named else ' (CXX asks for it)'}; {cure}"
            )
        return Compiler(tuple(found))
    paths = (shutil.which(name) for name in COMPILERS)
    return next((Compiler((path,)) for path in paths if path), None)


def find_ninja() -> str | None:
    """Path of ninja: beside this Python, in the ninja package, or on PATH."""
    beside = Path(sys.executable).with_name("ninja")
    if os.access(beside, os.X_OK):
        return str(beside)
    try:
        import ninja

        packaged = Path(ninja.BIN_DIR) / "ninja"
        if os.access(packaged, os.X_OK):
            return str(packaged)
    except (ImportError, AttributeError):
        pass
    return shutil.which("ninja")


def ninja_version(ninja: str) -> str:
    return _output([ninja, "--version"]).strip() or "unknown version"


def nvcc_version(nvcc: str) -> str:
    """Such as "nvcc release 13.0, V13.0.88"."""
    release = re.search(r"release .*", _output([nvcc, "--version"]))
    return f"nvcc {release[0] if release else 'of unknown version'}"


def find_nvcc() -> str | None:
    """Path of nvcc: of CUDA_HOME or CUDA_PATH where one is set, on PATH, or in /usr/local/cuda."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    places = [os.path.join(home, "bin", "nvcc") for home in homes if home]
    places += [shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"]
    return next((place for place in places if place and os.access(place, os.X_OK)), None)


def find_cuda() -> CudaToolkit | None:
    """The CUDA toolkit behind nvcc, or None where there is no nvcc. nvcc is started, twice.

    Raises:
        BuildError: nvcc does not say where its toolkit lies.
    """
    nvcc = find_nvcc()
    if nvcc is None:
        return None
    version = re.search(r"release (\d+)\.(\d+)", _output([nvcc, "--version"]))
    # nvcc may be a script that calls another one, so the folder above it need not be the toolkit.
    top = re.search(r"^#\$ TOP=(.+)$", _output([nvcc, "--dryrun", "-c", "none.cu"]), re.MULTILINE)
    if version is None or top is None:
        raise BuildError(f"{nvcc} does not answer like nvcc: try `{nvcc} --version`; {GET_TOOLKIT}")
    return CudaToolkit(nvcc, Path(top[1].strip()).resolve(), (int(version[1]), int(version[2])))


@lru_cache(maxsize=1)
def cpu_features() -> str:
    """Instruction sets of this CPU, as the system tells them: code for one machine may crash on another."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.lower().startswith(("flags", "features", "isa")):
                    return " ".join(sorted(line.partition(":")[2].split()))
    except OSError:
        pass
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    return platform.processor()


def cpu_digest() -> str:
    """Architecture and a short digest of `cpu_features`, such as x86_64-1f0c93aa."""
    return f"{platform.machine()}-{hashlib.sha256(cpu_features().encode()).hexdigest()[:8]}"


def identity_of_files(*paths: str) -> str:
    return " ".join(_file_identity(path) for path in paths)


def _file_identity(word: str) -> str:
    try:
        status = os.stat(word)
    except OSError:
        return word  # an option of the compiler
    return f"{os.path.realpath(word)}:{status.st_size}:{status.st_mtime_ns}"


def _output(command: list[str]) -> str:
    """Standard output and error of a command that should be quick, empty where it does not run."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=60, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
