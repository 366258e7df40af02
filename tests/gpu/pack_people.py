"""LSP and LSPET in one zip below a size limit, to be carried to a GPU machine that reaches nothing else.

    python tests/gpu/pack_people.py                        # CPM_EDU_DATA -> build/people.zip, at most 50 MiB
    python tests/gpu/pack_people.py --data DIR --limit-mib 30 --out FILE

LSP's pictures go in byte for byte, so that its test set stays the published one. LSPET's, which only train, are
encoded again as JPEG, at the best quality that fits. Joints and splits are copied: they keep every bit. Unpacked,
the two folders are what `cpm_edu.datasets.lsp` reads. They are research data: build/ is ignored by git, and the
zip must not leave your machines.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import sys
import tempfile
import zipfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cpm_edu.datasets import data_root

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MIB = 50.0  # with the working tree, which travels too, it stays below 64
QUALITIES = range(30, 96)  # of JPEG, as Pillow counts
SAMPLE = 5  # every 5th picture of LSPET tells which quality fits
LABELS = ("joints.npy", "joints.mat", "split.json", "meta.npz")  # what lsp.py reads beside the pictures
KEPT_WHOLE = "lsp"
DATE = (2000, 1, 1, 0, 0, 0)  # of every member: the same pictures give the same bytes


@dataclass(frozen=True)
class Packed:
    """What went into a zip and what it cost.

    Attributes:
        quality: JPEG quality of LSPET's pictures; None: all as they were.
        psnr_db: (median, 5th percentile) of the sampled re-encoded pictures against those they were made from,
            in decibels; infinity where none was encoded again.
    """

    path: Path
    pictures: int
    size_mib: float
    quality: int | None
    psnr_db: tuple[float, float]
    sha256: str

    def __str__(self) -> str:
        how = "all pictures as they were"
        if self.quality is not None:
            median, low = self.psnr_db
            how = (
                f"LSP's pictures as they were, LSPET's at JPEG quality {self.quality} "
                f"(PSNR {median:.1f} dB, 5 % below {low:.1f} dB)"
            )
        return f"{self.path}: {self.size_mib:.1f} MiB, {self.pictures} pictures, {how}; SHA-256 {self.sha256[:16]}"


def pack(data: Path, out: Path, limit_mib: float = LIMIT_MIB) -> Packed:
    """Write the zip.

    Args:
        data: holds lsp/ and lspet/, each with `images*.zip` or `images/`, and its joints.
        out: written whole or not at all.
        limit_mib: the most that the zip may take.

    Raises:
        ValueError: a folder without pictures or joints, or a limit that no quality reaches.
    """
    small = {name: list(_pictures(data / name)) for name in ("lsp", "lspet")}
    sample = [jpeg for _, _, jpeg in small["lspet"]][::SAMPLE]
    path, quality, limit = Path(out), None, limit_mib * 2**20
    path.parent.mkdir(parents=True, exist_ok=True)
    content = _zipped(data, small, quality)
    if len(content) > limit:
        share = (limit - (len(content) - size_of(small["lspet"]))) / size_of(small["lspet"])
        most = share * sum(map(len, sample))
        found = bisect_right(QUALITIES, most, key=lambda q: sum(len(reencode(jpeg, q)) for jpeg in sample))
        for quality in reversed(QUALITIES[:found]):  # the first or second: the sample is only a sample
            content = _zipped(data, small, quality)
            if len(content) <= limit:
                break
    if len(content) > limit:
        raise ValueError(
            f"{data}: LSP and LSPET do not fit into {limit_mib:g} MiB, not even at JPEG quality {QUALITIES[0]}"
        )
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
    losses = sorted(psnr(jpeg, reencode(jpeg, quality)) for jpeg in sample)
    return Packed(
        path, sum(map(len, small.values())), len(content) / 2**20, quality,
        (losses[len(losses) // 2], losses[len(losses) // 20]), hashlib.sha256(content).hexdigest(),
    )  # fmt: skip


def unpack(archive: Path, folder: Path) -> Path:
    """The zip's content in `folder`/<digest of the zip>, unpacked once; ValueError if it is no such zip."""
    if not Path(archive).is_file():
        raise ValueError(f"{archive}: there is no such file; make it by python tests/gpu/pack_people.py")
    content = Path(archive).read_bytes()
    place = Path(folder) / hashlib.sha256(content).hexdigest()[:16]
    if place.is_dir():
        return place
    Path(folder).mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=folder))  # a kill leaves this, never half of `place`
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            if not {"lsp", "lspet"} <= {name.split("/")[0] for name in opened.namelist()}:
                raise ValueError(f"{archive} holds no folders lsp and lspet: make it by pack_people.py")
            opened.extractall(half)
        half.rename(place)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive} is damaged or no zip file ({error})") from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return place


def _pictures(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """(archive to put it in, name, JPEG bytes) of every picture of one data set."""
    if not any((folder / name).is_file() for name in LABELS[:2]):
        raise ValueError(f"{folder}: there is neither joints.npy nor joints.mat")
    archives = sorted(folder.glob("images*.zip"))
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(name for name in opened.namelist() if name.endswith(".jpg"))
            yield from ((archive.name, name, opened.read(name)) for name in names)
    files = [] if archives else sorted((folder / "images").glob("*.jpg"))
    yield from (("images.zip", file.name, file.read_bytes()) for file in files)
    if not archives and not files:
        raise ValueError(f"{folder}: there is neither images*.zip nor a picture in images/")


def size_of(pictures: list[tuple[str, str, bytes]]) -> int:
    return sum(len(jpeg) for _, _, jpeg in pictures)


def reencode(jpeg: bytes, quality: int | None) -> bytes:
    """The picture at another quality, or as it was where that is smaller."""
    if quality is None:
        return jpeg
    told = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.convert("RGB").save(told, "JPEG", quality=quality, optimize=True)
    return min(told.getvalue(), jpeg, key=len)


def psnr(jpeg: bytes, again: bytes) -> float:
    """Peak signal-to-noise ratio of one picture, in decibels."""
    a, b = (np.asarray(Image.open(io.BytesIO(x)).convert("RGB"), np.float64) for x in (jpeg, again))
    error = np.square(a - b).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _zipped(data: Path, pictures: dict, quality: int | None) -> bytes:
    """The outer zip: one folder a data set, with its archives of pictures and its labels."""
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as target:
        for name, listed in pictures.items():
            for archive in sorted({place for place, _, _ in listed}):
                inner = io.BytesIO()
                with zipfile.ZipFile(inner, "w") as packed:
                    for place, member, jpeg in listed:
                        if place == archive:
                            kept = jpeg if name == KEPT_WHOLE else reencode(jpeg, quality)
                            packed.writestr(zipfile.ZipInfo(member, DATE), kept)
                target.writestr(zipfile.ZipInfo(f"{name}/{archive}", DATE), inner.getvalue())
            for file in LABELS:
                repeated = file == "joints.mat" and (data / name / "joints.npy").is_file()
                if (data / name / file).is_file() and not repeated:
                    info = zipfile.ZipInfo(f"{name}/{file}", DATE)
                    target.writestr(info, (data / name / file).read_bytes(), zipfile.ZIP_DEFLATED)
    return outer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="holds lsp/ and lspet/; default: CPM_EDU_DATA"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "people.zip", metavar="FILE")
    parser.add_argument(
        "--limit-mib", type=float, default=LIMIT_MIB, metavar="X", help="default: %(default)g"
    )
    options = parser.parse_args(arguments)
    try:
        print(pack(options.data or data_root(), options.out, options.limit_mib))
    except (ValueError, OSError) as error:
        print(f"pack_people: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
