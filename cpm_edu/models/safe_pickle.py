"""Read a torch file (.pth) made by someone else without executing anything in it.

A .pth is a pickle, and a pickle is a program: a careless loader runs what its maker wrote. Here torch's
restricted reader (`weights_only=True`) builds tensors and plain containers only. Training checkpoints of
mmengine also hold its loss history; for the names that needs, and for no others, an empty stand-in is put
in place, which swallows its arguments and does nothing.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["CheckpointError", "read_state_dict"]


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, written or used; the message is one sentence for the user."""


class _Inert:
    """Stands for an object that is not wanted: takes anything, keeps nothing."""

    def __new__(cls, *_args, **_kwargs):
        return object.__new__(cls)

    def __init__(self, *_args, **_kwargs) -> None:
        pass

    def __setstate__(self, _state) -> None:
        pass


# mmengine 0.10: message_hub holds HistoryBuffer objects, which hold numpy arrays; `meta` may hold arrays
# and scalars (dataset_meta). numpy 2 moved numpy.core to numpy._core.
STAND_INS = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
)


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors of a .pth file, by name, on the CPU.

    Args:
        path: a file of torch.save, zip or the older plain pickle; either a state dict or a dict that holds
            one as "state_dict".

    Returns:
        The state dict, names as in the file.

    Raises:
        CheckpointError: the file is missing, empty, truncated or no torch file, holds a name beyond tensors
            and `STAND_INS` (which is then not executed), or has no state dict.
    """
    path = Path(path)
    require_content(path)
    stand_ins = torch.serialization.safe_globals([(_Inert, name) for name in STAND_INS])
    try:
        with path.open("rb") as file, stand_ins, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user gets our one sentence, not torch's advice as well
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the reader raise almost anything
        raise CheckpointError(f"{path}: {_reason(error)}") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"{path} holds no state dict (a dict of tensors by name)")
    if {"model", "step", "best"} <= set(state):
        raise CheckpointError(
            f"{path} is the state of a training run, to go on from; its weights are best.safetensors beside it"
        )
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: entry {name!r} of the state dict is no tensor by name")
    return dict(state)


def require_content(path: Path) -> None:
    """Raise CheckpointError unless `path` is a file that is not empty."""
    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file")
    if not path.is_file():
        inside = "; the weights in it are best.safetensors" if (path / "best.safetensors").is_file() else ""
        raise CheckpointError(f"{path} is no file but a folder or device{inside}")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes)")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})"
    text = str(error)
    refused = re.search(r"GLOBAL (\S+)", text)
    if refused:
        return (
            f"refused, because it asks for {refused[1]}, which is neither a tensor nor on the list of harmless "
            "names; no code in the file was run"
        )
    operand = re.search(r"Unsupported operand \d+", text)
    if operand or "WeightsUnpickler error" in text or "TorchScript" in text:
        return "refused, because it holds more than tensors in plain containers; no code in the file was run"
    return "cannot be read as a torch file; it is damaged, cut short or of another kind"
