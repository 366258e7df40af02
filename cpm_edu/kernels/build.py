"""Shared libraries out of C++ and CUDA sources: compiled once, kept under a name made of all that went in.

A library that is there is used as it is: that takes no compiler, no ninja and no right to write. One that is
not is compiled by ninja in a folder of its own and moved into place when it is whole, so that a build that is
killed leaves nothing that a later one could take for a library.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .cache import (
    UNFINISHED,
    cache_folders,
    digest_of,
    display,
    is_whole,
    locked_folder,
    matching,
    remove_old,
    remove_unfinished,
    say,
)
from .ninja import escaped, failure, run_ninja
from .toolchain import (
    GET_COMPILER,
    GET_NINJA,
    GET_TOOLKIT,
    BuildError,
    Compiler,
    cpu_features,
    find_compiler,
    find_ninja,
    find_nvcc,
    identity_of_files,
    nvcc_version,
)

__all__ = ["BuildError", "Recipe", "Source", "shared_library"]


@dataclass(frozen=True)
class Source:
    """One translation unit: a file, or a text with a file name."""

    path: Path  # with `text` only its name counts; compiled by nvcc if that ends in .cu, else as C++
    text: str | None = None
    flags: tuple[str, ...] = ()  # beside those of the whole library

    def content(self) -> bytes:
        return self.path.read_bytes() if self.text is None else self.text.encode()


@dataclass(frozen=True)
class Recipe:
    """All that decides what a library is."""

    name: str  # begins the file name; letters, digits, _ and -
    sources: tuple[Source, ...]
    include: tuple[Path, ...] = ()  # folders of our headers: content counts where a source includes one
    flags: tuple[str, ...] = ()  # for C++
    cuda_flags: tuple[str, ...] = ()  # for nvcc
    link_flags: tuple[str, ...] = ()
    depends: str = ""  # what else matters, such as the version of torch
    compiler: str | None = None  # None: CXX, c++, g++ or clang++, the first there is
    # flags for C++ and for the link that only a build can tell; `depends` stands for them in the name
    find_flags: Callable[[], tuple[Sequence[str], Sequence[str]]] | None = None

    def content_key(self) -> str:
        """Digest of everything but the compiler."""
        digest = hashlib.sha256()

        def add(*parts: str | bytes) -> None:
            for part in parts:
                data = part.encode() if isinstance(part, str) else part
                digest.update(len(data).to_bytes(8, "little") + data)

        for source in self.sources:
            add(source.path.name, source.content(), *source.flags)
        for name, content in self._headers():
            add(name, content)
        add(repr((self.flags, self.cuda_flags, self.link_flags)), self.depends)
        # machines that share a home may differ in all three
        add(" ".join(os.uname()[::4]), _libc())
        if any(flag in ("-march=native", "-mcpu=native", "-mtune=native") for flag in self.flags):
            add(cpu_features())
        return digest.hexdigest()[:16]

    def _headers(self) -> list[tuple[str, bytes]]:
        """Name and content of each of our headers that a source includes, directly or not."""
        forced = (*self.flags, *(flag for source in self.sources for flag in source.flags))
        waiting = [(None, forced[i + 1]) for i, flag in enumerate(forced[:-1]) if flag == "-include"]
        for source in self.sources:
            folder = source.path.parent if source.text is None else None
            waiting += [(folder, name) for name in _included(source.content())]
        found: dict[Path, tuple[str, bytes]] = {}
        while waiting:
            folder, name = waiting.pop()
            places = (*([folder] if folder else []), *self.include)
            header = next((Path(place, name) for place in places if Path(place, name).is_file()), None)
            if header is not None and header not in found:  # else a header of the system
                found[header] = (name, header.read_bytes())
                waiting += [(header.parent, inner) for inner in _included(found[header][1])]
        return list(found.values())

    def uses_nvcc(self) -> bool:
        return any(source.path.suffix == ".cu" for source in self.sources)

    def find(self) -> Path | None:
        """The built library, or None. Where there is no compiler to ask for, that of any compiler will do.

        One that was damaged since it was built counts as missing.
        """
        content = self.content_key()
        try:
            pattern = f"{self.name}-{content}-{self._tools_key()}.so"
        except BuildError:
            if self.compiler is not None:
                raise
            pattern = f"{self.name}-{content}-*.so"
        libraries = (found for folder in cache_folders() for found in matching(folder, pattern))
        return next(filter(is_whole, libraries), None)

    def _tools_key(self) -> str:
        tools = _compiler(self.compiler).identity()
        if self.uses_nvcc():
            tools += identity_of_files(_nvcc())
        return hashlib.sha256(tools.encode()).hexdigest()[:8]

    def missing(self) -> str | None:
        """What a build would lack, and how to get it; None where it lacks nothing."""
        try:
            _compiler(self.compiler), _ninja()
            if self.uses_nvcc():
                _nvcc()
            if self.find_flags:
                self.find_flags()
        except BuildError as error:
            return str(error)
        return None

    def build(self, announce: Callable[[str], None] | None = None) -> Path:
        """The library, compiled if it is not there; `announce` is told the compiler and folder before that."""
        if library := self.find():
            return library
        with locked_folder(self.name) as folder:
            if library := self.find():  # built while we waited for the lock
                return library
            remove_unfinished(folder, self.name)
            stem = f"{self.name}-{self.content_key()}-{self._tools_key()}"
            if (folder / f"{stem}.so").exists():
                say(f"{display(folder / stem)}.so is damaged and built again")
            workshop = folder / (stem + UNFINISHED)
            workshop.mkdir(mode=0o700)
            try:
                if announce:
                    announce(f"with {shlex.join(_compiler(self.compiler).command)} into {display(folder)}")
                facts = self._compile(workshop)
                if stem != f"{self.name}-{self.content_key()}-{self._tools_key()}":
                    raise BuildError(
                        f"the sources of {self.name} changed while they were compiled; try again"
                    )
                (workshop / "facts.json").write_text(json.dumps(facts, indent=1))
                (workshop / "facts.json").replace(folder / f"{stem}.json")
                (workshop / "library.so").replace(folder / f"{stem}.so")
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
            remove_old(folder, self.name)
            return folder / f"{stem}.so"

    def _compile(self, workshop: Path) -> dict:
        compiler, ninja, start = _compiler(self.compiler), _ninja(), time.perf_counter()
        (workshop / "build.ninja").write_text(self._ninja_file(workshop, compiler))
        output, failed = run_ninja([ninja, "-j", str(_max_jobs())], workshop)
        if failed:
            raise BuildError(failure(self.name, output, workshop))
        _flush(workshop / "library.so")
        return {
            "compiler": compiler.version(),
            **({"nvcc": nvcc_version(_nvcc())} if self.uses_nvcc() else {}),
            "command": shlex.join(compiler.command),
            "flags": shlex.join(self.flags),
            "seconds": round(time.perf_counter() - start, 2),
            "built": time.strftime("%Y-%m-%d %H:%M:%S"),
            "sha256": digest_of(workshop / "library.so"),
        }

    def _ninja_file(self, workshop: Path, compiler: Compiler) -> str:
        lines, objects = ["rule run", "  command = $text", "  description = $out"], []
        found, found_for_link = self.find_flags() if self.find_flags else ((), ())
        includes = [f"-I{folder}" for folder in self.include] + list(found)
        for number, source in enumerate(self.sources):
            path = source.path.absolute()
            if source.text is not None:
                path = workshop / source.path.name
                path.write_text(source.text, encoding="utf-8")
            if path.suffix == ".cu":
                host = ["-ccbin", compiler.command[-1]]
                command = [_nvcc(), *host, *self.cuda_flags, *source.flags, *includes, "-c", str(path)]
            else:
                # -x: a kernel file for the emulator ends in .cuh
                options = (*self.flags, *source.flags, *includes)
                command = [*compiler.command, *options, "-x", "c++", "-c", str(path)]
            objects.append(f"{number}.o")
            lines += [f"build {objects[-1]}: run", f"  text = {escaped([*command, '-o', objects[-1]])}"]
        link = [*compiler.command, "-shared", *objects, *self.link_flags, *found_for_link, "-o", "library.so"]
        lines += [f"build library.so: run {' '.join(objects)}", f"  text = {escaped(link)}", ""]
        return "\n".join(lines)


def shared_library(
    name: str,
    sources: Sequence[Path | str | Source],
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
    cuda_flags: Sequence[str] = (),
    link_flags: Sequence[str] = (),
    depends: str = "",
    compiler: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> Path:
    """Path of a shared library of these sources, compiled now if no earlier call did (see `Recipe`).

    Args:
        name: begins the file name.
        sources: files, or `Source`s (a text, or a file with flags of its own). `.cu` is compiled by nvcc,
            anything else as C++.
        include: folders of headers; to change one that a source includes by `#include "name"` (or a flag by
            `-include name`) makes another library.
        flags: of the C++ compiler, such as "-O2"; `-fPIC` is yours to give.
        cuda_flags: of nvcc. `link_flags`: of the link, after the objects.
        depends: anything else the result depends on.
        compiler: a C++ compiler, such as "clang++"; None: CXX, c++, g++ or clang++, the first there is.
        announce: called before a compiler starts, with "with COMPILER into FOLDER".

    Raises:
        BuildError: no compiler, ninja or folder to write to (and how to get one), or the compiler's errors
            and the command.
    """
    sources = tuple(s if isinstance(s, Source) else Source(Path(s)) for s in sources)
    recipe = Recipe(
        name, sources, tuple(map(Path, include)), tuple(flags), tuple(cuda_flags), tuple(link_flags),
        depends, compiler,
    )  # fmt: skip
    return recipe.build(announce)


def _included(content: bytes) -> list[str]:
    """What a source includes by `#include "name"`."""
    names = re.findall(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', content, re.MULTILINE)
    return [name.decode(errors="replace") for name in names]


def _compiler(named: str | None) -> Compiler:
    compiler = find_compiler(named)
    if compiler is None:
        raise BuildError(f"there is no C++ compiler; {GET_COMPILER}")
    return compiler


def _ninja() -> str:
    ninja = find_ninja()
    if ninja is None:
        raise BuildError(f"there is no ninja, which runs the compiler; {GET_NINJA}")
    return ninja


def _nvcc() -> str:
    nvcc = find_nvcc()
    if nvcc is None:
        raise BuildError(f"there is no nvcc; {GET_TOOLKIT}")
    return nvcc


def _max_jobs() -> int:
    """MAX_JOBS, as torch's extensions read it, else 2: a laptop should stay usable."""
    text = os.environ.get("MAX_JOBS", "")
    return int(text) if text.isdigit() and int(text) > 0 else 2


@lru_cache(maxsize=1)
def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _flush(path: Path) -> None:
    """To the disk: after a power cut a name must not stand for half a file."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
