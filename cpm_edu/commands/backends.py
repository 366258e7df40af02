"""cpm-edu backends: what can compute the ops here, what was built, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import torch

from ..kernels.cache import cache_folders, display
from ..kernels.libraries import load, loading_seconds, obstacle, recipe
from ..kernels.ops import BACKENDS, BackendUnavailable
from ..kernels.toolchain import (
    COMPILERS,
    GET_COMPILER,
    GET_NINJA,
    BuildError,
    cpu_digest,
    find_compiler,
    find_cuda,
    find_ninja,
    ninja_version,
)

DESCRIPTION = """\
Three backends compute targets, decoding and the stage loss: plain torch, C++ for the CPU and CUDA. Show which
of them run here, with which compiler and from which file, and what to do about one that does not. Paste it
into a report of a fault: it names no folder of yours outside ~.

Exit status: 0; with --build 1 if something could not be built that this torch could use."""
EXAMPLES = """\
examples:
  cpm-edu backends
  cpm-edu backends --build
  CPM_EDU_BACKEND=torch cpm-edu demo     # do without compiled ops for once"""
MARGIN = 12


def add_arguments(parser) -> None:
    parser.add_argument("--build", action="store_true", help="compile now what is not built yet")


def run(options) -> int:
    failures = []
    for backend in ("cpp", "cuda") if options.build else ():
        if obstacle(backend) is None:
            try:
                load(backend)
            except BackendUnavailable as error:
                failures.append(str(error))
    print("\n".join(report()))
    for failure in failures:
        print(f"cpm-edu backends: {failure}", file=sys.stderr)
    return 1 if failures else 0


def report() -> list[str]:
    """The lines to print."""
    lines = [
        _line(
            "system",
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPU features {cpu_digest()}",
        ),
        _line("Python", f"{platform.python_version()}, cpm_edu {_version('cpm_edu')}"),
        _line("torch", f"{torch.__version__}, {torch.get_num_threads()} threads, {_cuda_of_torch()}"),
        _line("compilers", "; ".join(_compilers()) or f"none: {GET_COMPILER}"),
        _line("ninja", _ninja() or f"none: {GET_NINJA}"),
        _line("CUDA", _toolkit()),
        _line("libraries", "; ".join(map(_folder, cache_folders()))),
        "",
        f"{'backend':<{MARGIN}}{'runs here':<12}library",
        f"{'torch':<{MARGIN}}{'yes':<12}none needed: it is the reference",
    ]
    for backend in ("cpp", "cuda"):
        runs, *facts = _backend(backend)
        lines.append(f"{backend:<{MARGIN}}{runs:<12}{facts[0]}")
        lines += [" " * (MARGIN + 12) + fact for fact in facts[1:]]
    asked = os.environ.get("CPM_EDU_BACKEND", "")
    override = f"CPM_EDU_BACKEND={asked}" if asked else "CPM_EDU_BACKEND is not set"
    if asked and asked not in BACKENDS:
        override += f", which is none of {', '.join(BACKENDS)}"
    lines += ["", f'"auto" picks cpp for tensors on the CPU and cuda for those on a GPU; {override}']
    return lines


def _line(name: str, text: str) -> str:
    return f"{name:<{MARGIN}}{_without_home(text)}"


def _without_home(text: str) -> str:
    home = os.path.expanduser("~").rstrip("/")
    return text.replace(home + "/", "~/") if home else text


def _backend(backend: str) -> list[str]:
    """Whether it runs here, then what there is to say about its library."""
    if reason := obstacle(backend):
        return ["no", reason]
    library = recipe(backend).find()
    if library is None:
        missing = recipe(backend).missing()
        return (
            ["no", missing] if missing else ["yes", "not built yet: `cpm-edu backends --build` does it now"]
        )
    try:
        load(backend)
    except BackendUnavailable as error:
        return ["no", *_without_home(str(error)).splitlines()]
    loaded = f"found and loaded in {1000 * loading_seconds[backend]:.1f} ms"
    return ["yes", _without_home(str(library)), *_facts(library), loaded]


def _facts(library: Path) -> list[str]:
    """Of the record that a build leaves beside a library."""
    try:
        facts = json.loads(library.with_suffix(".json").read_text())
        compilers = " and ".join(facts[k] for k in ("compiler", "nvcc") if k in facts)
        return [
            f"by {compilers}",
            f"built {facts['built']} in {facts['seconds']} s",
            f"flags {facts['flags']}",
        ]
    except (OSError, ValueError, KeyError):
        return ["without a record of its build"]


def _compilers() -> list[str]:
    found = {}
    for name in (None, *COMPILERS):  # None: what CXX names, which is the one in use
        try:
            compiler = find_compiler(name)
        except BuildError:
            continue
        if compiler:
            found.setdefault(compiler.identity(), f"{' '.join(compiler.command)} ({compiler.version()})")
    return list(found.values())


def _ninja() -> str | None:
    path = find_ninja()
    return path and f"{ninja_version(path)} ({path})"


def _cuda_of_torch() -> str:
    if torch.version.cuda is None:
        return "built without CUDA"
    if not torch.cuda.is_available():
        return f"built for CUDA {torch.version.cuda}, sees no device"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    capability = "{}.{}".format(*torch.cuda.get_device_capability())
    return f"built for CUDA {torch.version.cuda}, on {', '.join(names)} (compute capability {capability})"


def _toolkit() -> str:
    try:
        toolkit = find_cuda()
    except BuildError as error:
        return str(error)
    if toolkit is None:
        return "no toolkit (no nvcc); only the backend cuda needs one"
    return f"toolkit {'.'.join(map(str, toolkit.version))} in {toolkit.root} ({toolkit.nvcc})"


def _folder(folder: Path) -> str:
    there = next(p for p in (folder, *folder.parents) if os.path.exists(p))
    return f"{display(folder)} ({'writable' if os.access(there, os.W_OK) else 'not writable'})"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
