"""Pictures by file name, out of folders or zip archives, read when they are needed."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..images import ImageError, open_image

__all__ = ["Picture", "Pictures"]


class Pictures:
    """The pictures of a data set.

    Args:
        sources: folders and .zip archives; a name is looked for in this order.

    Names are paths inside a folder or archive, with "/". Safe to use from several processes.
    """

    def __init__(self, sources: Iterable[Path | str]) -> None:
        self.sources = [Path(source) for source in sources]
        self._members: dict[Path, set[str]] = {}
        for source in self.sources:
            if source.suffix == ".zip" and source.is_file():
                with _archive_errors(str(source)), zipfile.ZipFile(source) as archive:
                    self._members[source] = set(archive.namelist())
        self._open: dict[tuple[int, Path], zipfile.ZipFile] = {}
        self._last: tuple[str, Image.Image] | None = None

    def find(self, name: str) -> Path | None:
        """The file, or the archive that holds it; None where there is none."""
        for source in self.sources:
            if source in self._members:
                if name in self._members[source]:
                    return source
            elif os.path.isfile(path := os.path.join(source, name)):  # in a third of pathlib's time
                return Path(path)
        return None

    def missing(self, name: str) -> str:
        """Words for a message about a picture that `find` does not find."""
        places = ", ".join(f"'{source}'" for source in self.sources)
        return f"there is no such picture in {places}{self.under_other_name(name)}"

    def under_other_name(self, name: str) -> str:
        """Words for a message where a picture is found without the folders of its name, or with / for \\; else ""."""
        slashed = name.replace("\\", "/")
        if self.find(slashed) is not None:
            return f" ('{slashed}' is; the file calls it '{name}', write / in its file names)"
        base = slashed.rpartition("/")[2]
        if not base or self.find(base) is None:
            return ""
        return f" ('{base}' is; the file calls it '{name}', take the folders out of its file names)"

    def read(self, name: str) -> np.ndarray:
        """(H, W, 3) uint8 RGB; ImageError that names the file where it is missing or damaged."""
        return np.asarray(self.open(name)[0])

    def open(
        self, name: str, *, shrink: Callable[[tuple[int, int]], int] | None = None
    ) -> tuple[Image.Image, int]:
        """The picture as an RGB image of Pillow, and how many times smaller than stored: see `open_image`.

        Without `shrink`, as testing asks, the last picture is kept: people of one picture that follow each other
        cost one decoding.
        """
        if self._last is not None and self._last[0] == name and shrink is None:
            return self._last[1], 1
        self._last = None  # before the next one is decoded, which may then take its memory
        path = self.find(name)
        if path is None:
            raise ImageError(f"{name}: {self.missing(name)}")
        if path in self._members:
            label = f"{name} in {path}"
            with _archive_errors(label), self._archive(path).open(name) as file:
                image, times = open_image(file, label, shrink=shrink)
        else:
            image, times = open_image(path, str(path), shrink=shrink)
        if shrink is None:
            self._last = (name, image)
        return image, times

    def _archive(self, path: Path) -> zipfile.ZipFile:
        key = (os.getpid(), path)  # a file handle must not be shared across a fork
        if key not in self._open:
            self._open[key] = zipfile.ZipFile(path)
        return self._open[key]

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_open": {}, "_last": None}


@contextmanager
def _archive_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ImageError(f"{name}: the archive is damaged or of an unknown kind ({error})") from None


@dataclass(frozen=True)
class Picture:
    """One of them, not read yet; `np.asarray(picture)` is its (H, W, 3) uint8 RGB."""

    pictures: Pictures
    name: str

    def read(self) -> np.ndarray:
        return self.pictures.read(self.name)

    def open(self, *, shrink: Callable[[tuple[int, int]], int] | None = None) -> tuple[Image.Image, int]:
        """`Pictures.open` of this one."""
        return self.pictures.open(self.name, shrink=shrink)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.read(), dtype)
