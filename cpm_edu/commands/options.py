"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..models import CPM
from ..models.checkpoints import CheckpointError, open_checkpoint, read_metadata
from ..skeletons import SKELETONS
from ..training.distributed import is_main
from ..weights import LITE_PATH

__all__ = ["add_model_options", "choose_device", "input_size", "load_model"]


def add_model_options(parser, *, flip_test: bool = True) -> None:
    """--checkpoint, --skeleton, --input-size and, unless the command decides it, --flip-test."""
    parser.add_argument(
        "--checkpoint", type=Path, metavar="C",
        help="weights: a .safetensors file of this package or an mmpose .pth; default: lite, the shipped model",
    )  # fmt: skip
    parser.add_argument(
        "--skeleton", choices=sorted(SKELETONS), help="joints of the checkpoint; a mismatch is refused"
    )
    parser.add_argument(
        "--input-size", type=int, nargs=2, metavar=("H", "W"),
        help="crop in pixels; mmpose's files do not say theirs: 384 288 for coco_384x288 (default for 17 joints: 256 192)",
    )  # fmt: skip
    if flip_test:
        parser.add_argument(
            "--flip-test",
            action=argparse.BooleanOptionalAction,
            help="average with the mirrored crop, or not (about + 1 PCK, half the speed)",
        )


def load_model(options, recipe=None) -> tuple[CPM, Path]:
    """The model that --checkpoint and --skeleton name, in evaluation mode, and its file.

    Args:
        recipe: whose joints the model must have, and whose crop size a file of mmpose is taken to be for.
    """
    shipped = options.checkpoint is None or (
        str(options.checkpoint) == "lite" and not options.checkpoint.exists()
    )
    path = LITE_PATH if shipped else options.checkpoint
    skeleton = SKELETONS[options.skeleton] if options.skeleton else None
    size = input_size(options)
    if recipe is not None:
        skeleton = recipe.skeleton
        size = size or (None if _says_its_size(path) else recipe.input_size)
    model = open_checkpoint(path, skeleton=skeleton, input_size=size).eval()
    if options.checkpoint and is_main():
        print(
            f"{path.name}: {model.kind} CPM, {model.skeleton.name} joints, crops of %d x %d px"
            % model.input_size
        )
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise ValueError(f"{path} holds weights that are NaN or infinite: its training diverged")
    return model, path


def input_size(options) -> tuple[int, int] | None:
    """--input-size as (height, width), None where it is not given; ValueError below one cell of 8 pixels."""
    if options.input_size is None:
        return None
    height, width = options.input_size
    if min(height, width) < 8:
        raise ValueError(f"--input-size {height} {width}: both sides must be at least 8 pixels")
    return height, width


def _says_its_size(path: Path) -> bool:
    try:
        read_metadata(path)
    except CheckpointError:
        return False
    return True


def choose_device(name: str | None) -> torch.device:
    """The device by name, or a GPU where torch sees one, else the CPU."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # torch raises both
        raise ValueError(
            f"--device {name}: torch cannot compute there on this machine; cpu always works, for a GPU see "
            "https://pytorch.org/get-started/locally/"
        ) from error
    return device
