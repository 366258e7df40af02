"""What a report must say of the machine that it ran on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from gpu_report import Facts

__all__ = ["ROOT", "commit", "gpu_facts", "importable"]

ROOT = Path(__file__).resolve().parents[2]


def importable(module: str | None) -> bool:
    return module is None or find_spec(module) is not None


def gpu_facts() -> Facts | str:
    """What the report must say of the machine; or, in words, why there is no GPU to run on."""
    try:
        import torch
    except ImportError as error:
        return f"there is no torch for {sys.executable}: {error}"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a CPU build; install a CUDA build"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no CUDA device (nvidia-smi: {first_line('nvidia-smi', '-L')})"
    query = (
        "nvidia-smi",
        "--query-gpu=driver_version,clocks.max.sm,clocks.max.memory",
        "--format=csv,noheader",
    )
    device = f"{torch.cuda.get_device_name()} (driver, SM and memory clock: {first_line(*query)})"
    nvcc = first_line("nvcc", "--version", holding="release")
    python = ".".join(map(str, sys.version_info[:3]))
    software = f"torch {torch.__version__}, CUDA {torch.version.cuda}, {nvcc}, Python {python}"
    return Facts(date.today().isoformat(), device, commit(), software)


def first_line(*words: str, holding: str = "") -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return f"no {words[0]}"
    return next((line.strip() for line in done.stdout.splitlines() if holding in line), "no answer")


def commit() -> str:
    """The commit if git knows one, and in any case a digest of csrc/: a copy of the tree may have no .git."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "csrc").rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    named = os.environ.get("CPM_EDU_COMMIT") or first_line("git", "rev-parse", "--short=12", "HEAD")
    changed = first_line("git", "status", "--porcelain", "--", "csrc", "cpm_edu") not in (
        "no answer",
        "no git",
    )
    changed = changed and "CPM_EDU_COMMIT" not in os.environ
    return f"{named}{' with changes' if changed else ''} (csrc {digest.hexdigest()[:12]})"
