"""The two libraries of compiled ops, "cpp" for the CPU and "cuda" for the GPU: built, loaded, or the reason why not."""

from __future__ import annotations

import platform
import sys
import threading
import time
from pathlib import Path

import torch

from ..bundle import bundled_folder
from .build import Recipe, Source
from .cache import display, say
from .toolchain import GET_TOOLKIT, BackendUnavailable, BuildError, CudaToolkit, find_cuda

__all__ = ["cpp_recipe", "cuda_recipe", "load", "obstacle", "recipe"]

CPP_SOURCES = ("torch_binding.cpp", "cpu_targets.cpp", "cpu_decoding.cpp", "cpu_stage_loss.cpp")
CUDA_SOURCES = ("torch_binding.cpp", "launchers.cu")
# Never -ffast-math: linked by GCC it makes the whole process flush subnormal numbers to zero. Products are not
# contracted into sums, so that the rules of rules.h round as they do in torch. Nothing is exported: two builds
# in one process must not call each other's functions.
BINDING_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-DTORCH_TARGET_VERSION=0x020a000000000000")
CPP_FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-DCPM_CPU")
TITLES = {"cpp": "the C++ ops (about 10 s, once)", "cuda": "the CUDA ops (about a minute, once)"}

loading_seconds: dict[str, float] = {}  # what it took to find and load a library, without building it
_loaded: dict[str, Path] = {}
_failed: dict[str, BackendUnavailable] = {}
_lock = threading.RLock()


def cpp_recipe(compiler: str | None = None) -> Recipe:
    """The C++ ops for this CPU."""
    csrc = bundled_folder("csrc")
    native = "-march=native" if platform.machine() in ("x86_64", "AMD64", "i686") else "-mcpu=native"
    return Recipe(
        name="cpm_cpp",
        sources=tuple(Source(csrc / name) for name in CPP_SOURCES),
        include=(csrc,),
        flags=(*BINDING_FLAGS, *CPP_FLAGS, native),
        depends=f"torch {torch.__version__}",
        compiler=compiler,
        find_flags=_torch_flags,
    )


def cuda_recipe(architectures: tuple[str, ...] | None = None) -> Recipe:
    """The CUDA ops for `architectures` such as ("90",); None: those of the visible devices."""
    csrc = bundled_folder("csrc")
    architectures = architectures or visible_architectures()
    codes = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in architectures]
    return Recipe(
        name=f"cpm_cuda-sm{'-'.join(architectures)}",
        sources=tuple(Source(csrc / name) for name in CUDA_SOURCES),
        include=(csrc,),
        flags=(*BINDING_FLAGS, "-O2", "-DCPM_CUDA", "-DUSE_CUDA"),
        cuda_flags=("-std=c++17", "-O3", "-Xcompiler", "-fPIC,-fvisibility=hidden", *codes),
        depends=f"torch {torch.__version__} CUDA {torch.version.cuda}",
        find_flags=_cuda_flags,
    )


def recipe(backend: str) -> Recipe:
    return cpp_recipe() if backend == "cpp" else cuda_recipe()


def visible_architectures() -> tuple[str, ...]:
    devices = range(torch.cuda.device_count())
    found = {torch.cuda.get_device_capability(device) for device in devices}
    return tuple(f"{major}{minor}" for major, minor in sorted(found))


def obstacle(backend: str) -> str | None:
    """Why a backend cannot run here whatever is installed beside this torch; None where nothing speaks against it."""
    if backend != "cuda" or torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return (
            f"torch {torch.__version__} is built without CUDA; "
            "install one with it (https://pytorch.org/get-started/locally)"
        )
    return "torch sees no CUDA device; `nvidia-smi` should list one, and CUDA_VISIBLE_DEVICES not hide it"


def load(backend: str) -> Path:
    """Make the ops of "cpp" or "cuda" callable, building them if need be; returns the library's file.

    What failed once fails again with the same words, without another try, until the process ends.

    Raises:
        BackendUnavailable: the cause and the cure.
    """
    if backend in _loaded:
        return _loaded[backend]
    with _lock:
        if backend in _failed:
            raise BackendUnavailable(str(_failed[backend]))
        if backend not in _loaded:
            try:
                _loaded[backend] = _load(backend)
            except BackendUnavailable as error:
                _failed[backend] = error
                raise
        return _loaded[backend]


def _load(backend: str) -> Path:
    if reason := obstacle(backend):
        raise BackendUnavailable(f'no backend "{backend}": {reason}')

    start = time.perf_counter()

    def announce(how: str) -> None:
        say(f"compiling {TITLES[backend]} {how}; CPM_EDU_BACKEND=torch does without")

    try:
        wanted = recipe(backend)
        library = wanted.find()
        if library is None:
            library = wanted.build(announce)
            start = time.perf_counter()
    except (BuildError, OSError) as error:
        raise BackendUnavailable(f'no backend "{backend}": {error}') from error
    try:
        torch.ops.load_library(str(library))
    except OSError as error:
        raise BackendUnavailable(
            f'no backend "{backend}": {display(library)} cannot be loaded ({error}); '
            f"delete it and run `cpm-edu backends --build`"
        ) from error
    loading_seconds[backend] = time.perf_counter() - start
    return library


def _torch_flags() -> tuple[list[str], list[str]]:
    root = Path(torch.__file__).parent
    link = [f"-L{root / 'lib'}", "-ltorch_cpu", "-ltorch", "-lc10"]
    link += ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-Wl,-z,defs"]
    return ["-isystem", str(root / "include")], link


def _cuda_flags() -> tuple[list[str], list[str]]:
    toolkit = matching_toolkit()
    compile_flags, link = _torch_flags()
    link[:] = [flag for flag in link if flag != "-Wl,-z,defs"]
    if any((Path(torch.__file__).parent / "lib").glob("libtorch_cuda.*")):
        link.append("-ltorch_cuda")
    return [*compile_flags, "-isystem", str(toolkit.include)], [*link, *_cudart(toolkit)]


def _cudart(toolkit: CudaToolkit) -> list[str]:
    """The CUDA runtime: shared, so that torch and we have one; static where the toolkit has only that."""
    places = toolkit.libraries()
    for file, flags in (
        ("libcudart.so", ["-lcudart"]),
        ("libcudart_static.a", ["-lcudart_static", "-ldl", "-lrt"]),
    ):
        for place in places:
            if (place / file).exists():
                return [f"-L{place}", *flags, "-lpthread"]
    raise BuildError(f"the CUDA toolkit in {toolkit.root} has no libcudart; {GET_TOOLKIT}")


def matching_toolkit() -> CudaToolkit:
    """The CUDA toolkit, if it is of the CUDA that torch was built for.

    Raises:
        BuildError: there is none, or its major version is another one.
    """
    toolkit = find_cuda()
    if toolkit is None:
        raise BuildError(f"there is no nvcc; {GET_TOOLKIT}")
    if torch.version.cuda is not None and toolkit.version[0] != int(torch.version.cuda.split(".")[0]):
        version = ".".join(map(str, toolkit.version))
        raise BuildError(
            f"the CUDA toolkit in {toolkit.root} ({toolkit.nvcc}) is version {version}, but torch "
            f"{torch.__version__} was built for CUDA {torch.version.cuda}; {GET_TOOLKIT}"
        )
    return toolkit
