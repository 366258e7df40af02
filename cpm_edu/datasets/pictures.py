"""Pictures by file name, out of folders or zip archives, read when they are needed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..images import ImageError, decode_image, load_image

__all__ = ["Picture", "Pictures"]


class Pictures:
    """The pictures of a data set.

    Args:
        sources: folders and .zip archives; a name is looked for in this order.

    Names are paths inside a folder or archive, with "/". Safe to use from several processes.
    """

    def __init__(self, sources: Iterable[Path | str]) -> None:
        self.sources = [Path(source) for source in sources]
        self._archives: dict[str, Path] = {}
        for source in reversed(self.sources):
            if source.suffix == ".zip" and source.is_file():
                with zipfile.ZipFile(source) as archive:
                    self._archives |= dict.fromkeys(archive.namelist(), source)
        self._open: dict[tuple[int, Path], zipfile.ZipFile] = {}

    def find(self, name: str) -> Path | None:
        """The file, or the archive that holds it; None where there is none."""
        for source in self.sources:
            if (source / name).is_file():
                return source / name
        return self._archives.get(name)

    def read(self, name: str) -> np.ndarray:
        """(H, W, 3) uint8 RGB; ImageError that names the file where it is missing or damaged."""
        path = self.find(name)
        if path is None:
            places = ", ".join(map(str, self.sources))
            raise ImageError(f"{name}: there is no such picture in {places}")
        if path in self.sources:
            with self._archive(path).open(name) as file:
                return decode_image(file, f"{name} in {path}")
        return load_image(path)

    def _archive(self, path: Path) -> zipfile.ZipFile:
        key = (os.getpid(), path)  # a file handle must not be shared across a fork
        if key not in self._open:
            self._open[key] = zipfile.ZipFile(path)
        return self._open[key]

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_open": {}}


@dataclass(frozen=True)
class Picture:
    """One of them, not read yet; `np.asarray(picture)` is its (H, W, 3) uint8 RGB."""

    pictures: Pictures
    name: str

    def read(self) -> np.ndarray:
        return self.pictures.read(self.name)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.read(), dtype)
