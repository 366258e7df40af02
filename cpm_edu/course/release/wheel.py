"""The wheel that students install, built from a copy of the clone: nothing private, nothing stale, no clone changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from ...bundle import bundled_folder

__all__ = ["build_wheel"]

FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
FOLDERS = ("cpm_edu", "csrc", "notebooks")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "assignments", "*.unfinished")
EPOCH = (
    "315532800"  # 1980-01-01, the first day that a zip can hold: the same files always give the same bytes
)


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the clone into `folder`.

    Raises:
        ValueError: there is no clone here, or pip failed; the message says what to do instead.
    """
    clone = bundled_folder("notebooks").parent
    if not (clone / "setup.py").is_file():
        raise ValueError(
            "this cpm_edu is installed without its clone, so no wheel can be built; run the command in a clone, or "
            "give the wheel that you installed from by --wheel FILE"
        )
    with tempfile.TemporaryDirectory(prefix="cpm_edu_wheel_") as scratch:
        copy = Path(scratch, "clone")
        copy.mkdir()
        for name in FILES:
            shutil.copyfile(clone / name, copy / name)
        for name in FOLDERS:
            shutil.copytree(clone / name, copy / name, ignore=LEFT_OUT)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--quiet",
            "--disable-pip-version-check",
        ]
        command += ["--no-build-isolation"] if _can_build_here() else []
        command += ["--wheel-dir", str(Path(scratch, "out")), str(copy)]
        told = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
        )
        made = sorted(Path(scratch, "out").glob("*.whl"))
        if told.returncode or len(made) != 1:
            last = (told.stderr.strip() or told.stdout.strip() or "no message").splitlines()[-1]
            raise ValueError(
                f"pip could not build the wheel: {last}\n"
                f"On a machine where it can, run `pip wheel --no-deps .` in the clone and give the file by "
                "--wheel FILE; where students have the package already, --no-wheel leaves it out."
            )
        target = folder / made[0].name
        shutil.copyfile(made[0], target)
    return target


def _can_build_here() -> bool:
    """Whether setuptools here builds wheels, so that pip need not fetch another one."""
    try:
        version = metadata.version("setuptools").split(".")
        major, minor = int(version[0]), int(version[1])
    except (metadata.PackageNotFoundError, ValueError, IndexError):
        return False
    if (major, minor) >= (70, 1):
        return True
    try:
        metadata.version("wheel")
    except metadata.PackageNotFoundError:
        return False
    return major >= 68
