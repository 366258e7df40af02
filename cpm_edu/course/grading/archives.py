"""Files in a folder, in a zip, or in a zip within a zip: listed and read, never unpacked.

What students hand in is not trusted. Names are used to show and to choose, never to write; links are not followed;
every size is bounded, whatever an archive says about itself.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MAX_FILE", "FileIn", "Listing", "list_files", "read_file"]

MAX_FILE = 32 << 20  # bytes of one file or inner zip
MAX_INNER = 256 << 20  # bytes of all inner zips of one submission together
MAX_ENTRIES = 20_000  # of one inner zip
MAX_DEPTH = 3  # zips within zips
IGNORED = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "env", "own_exercises"}
IGNORED_FILES = {"thumbs.db", "desktop.ini"}
_CENTRAL = b"PK\x01\x02"  # opens every entry of a zip's directory


@dataclass(frozen=True)
class FileIn:
    """A file, where it lies.

    Args:
        parts: its path below the place that was listed, one text a folder; inner zips count as folders.
        path: of the file, or of the zip that holds it.
        members: its place in the zip's directory, then in that of the zip within, ...; () for a plain file.
    """

    parts: tuple[str, ...]
    path: Path
    members: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()


@dataclass(frozen=True)
class Listing:
    """The files of a place, its top-level folders (also empty ones), and what was left out and why."""

    files: tuple[FileIn, ...]
    folders: tuple[str, ...]
    left_out: tuple[tuple[tuple[str, ...], str], ...]  # (parts, reason)


def list_files(place: Path) -> Listing:
    """Every file below a folder or in a zip, inner zips included.

    Raises:
        ValueError: the zip cannot be read.
        OSError: the folder cannot.
    """
    listing = _Lister()
    if place.is_dir():
        listing.folder(place, ())
    else:
        try:
            with zipfile.ZipFile(place) as archive:
                listing.zip(archive, (), place, (), _Budget())
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise ValueError(f"{place} is no zip that can be read: {error}") from error
    return Listing(
        tuple(sorted(listing.files, key=lambda file: (file.parts, file.members))),
        tuple(sorted(listing.folders)),
        tuple(listing.left_out),
    )


def read_file(file: FileIn) -> bytes:
    """The bytes of a file.

    Raises:
        ValueError: larger than `MAX_FILE`, encrypted or damaged; a sentence without the file's name.
    """
    try:
        if not file.members:
            return _read_plain(file.path)
        with zipfile.ZipFile(file.path) as archive:
            data = _read_member(archive, archive.infolist()[file.members[0]])
        for member in file.members[1:]:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                data = _read_member(archive, archive.infolist()[member])
    except (zipfile.BadZipFile, zlib.error, EOFError, IndexError) as error:
        raise ValueError(f"is damaged ({error})") from error
    except NotImplementedError as error:
        raise ValueError(f"is packed in a way that cannot be read ({error})") from error
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    return data


class _Budget:
    """What the inner zips of one submission may still take."""

    def __init__(self) -> None:
        self.bytes = MAX_INNER


class _Lister:
    def __init__(self) -> None:
        self.files: list[FileIn] = []
        self.folders: set[str] = set()
        self.left_out: list[tuple[tuple[str, ...], str]] = []

    def folder(self, folder: Path, parts: tuple[str, ...]) -> None:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            here = (*parts, entry.name)
            if _is_ignored(entry.name):
                continue
            if entry.is_symlink():
                self.left_out.append((here, "is a link, which is not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if not parts:
                    self.folders.add(entry.name)
                try:
                    self.folder(Path(entry.path), here)
                except OSError as error:
                    self.left_out.append((here, f"cannot be read ({error.strerror})"))
            elif not entry.is_file(follow_symlinks=False):
                self.left_out.append((here, "is no regular file"))
            else:
                self.add(FileIn(here, Path(entry.path)), _Budget())

    def add(self, file: FileIn, budget: _Budget) -> None:
        """A file, or what is in it if it is a zip."""
        if file.suffix != ".zip":
            self.files.append(file)
            return
        if len(file.members) >= MAX_DEPTH:
            self.left_out.append((file.parts, f"is a zip more than {MAX_DEPTH} deep"))
            return
        try:
            data = read_file(file)
            budget.bytes -= len(data)
            if budget.bytes < 0:
                raise ValueError("is one zip too many: together they are too large")
            if data.count(_CENTRAL) > MAX_ENTRIES:
                raise ValueError(f"holds more than {MAX_ENTRIES} files")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self.zip(archive, file.parts, file.path, file.members, budget, inner=True)
        except ValueError as error:
            self.left_out.append((file.parts, str(error)))
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            self.left_out.append((file.parts, f"is no zip that can be read ({error})"))

    def zip(
        self,
        archive: zipfile.ZipFile,
        parts: tuple[str, ...],
        path: Path,
        members: tuple[int, ...],
        budget: _Budget,
        *,
        inner: bool = False,
    ) -> None:
        for place, info in enumerate(archive.infolist()):
            inside = _parts_of(info.filename)
            if inside is None:
                name = info.filename.replace("\\", "/").rpartition("/")[2]
                self.left_out.append(((*parts, name), "has a path that leaves its zip"))
                continue
            here = (*parts, *inside)
            if not here or any(_is_ignored(part) for part in inside):
                continue
            if not parts and (info.is_dir() or len(inside) > 1):
                self.folders.add(inside[0])
            if info.is_dir():
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                self.left_out.append((here, "is a link, which is not followed"))
                continue
            # Below a folder or the zip of a class every zip is another submission's, with a budget of its own.
            self.add(FileIn(here, path, (*members, place)), budget if inner else _Budget())


def _parts_of(name: str) -> tuple[str, ...] | None:
    """The path of a zip's entry; None where it is absolute or climbs."""
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
        return None
    return parts


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED or name.lower() in IGNORED_FILES


def _read_plain(path: Path) -> bytes:
    """A regular file; a link or a pipe put in its place meanwhile is not opened."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("is no regular file")
        return _bounded(file)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.flag_bits & 1:
        raise ValueError("is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("is packed in a way that is not read here (deflate is)")
    with archive.open(info) as file:
        return _bounded(file)


def _bounded(file) -> bytes:
    data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"is larger than {MAX_FILE >> 20} MiB")
    return data
