"""Options that several commands share, and what they mean."""

from __future__ import annotations

from pathlib import Path

import torch

from ..datasets.lsp import LSP, LSPET
from ..datasets.people import Concatenation, FirstPersons, PeopleDataset
from ..datasets.synthetic import SyntheticPeople
from ..models import CPM
from ..models.checkpoints import open_checkpoint
from ..skeletons import SKELETONS
from ..weights import LITE_PATH

__all__ = ["add_model_options", "choose_device", "load_model", "open_people"]


def add_model_options(parser, *, flip_test: bool = True) -> None:
    """--checkpoint, --skeleton, --input-size and, unless the command decides it, --flip-test."""
    parser.add_argument(
        "--checkpoint", type=Path, metavar="C",
        help="weights: a .safetensors file of this package or an mmpose .pth; default: the shipped lite model",
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
            action="store_true",
            help="average with the mirrored crop (about + 1 PCK, half the speed)",
        )


def load_model(options) -> tuple[CPM, Path]:
    """The model that --checkpoint and --skeleton name, in evaluation mode, and its file."""
    path = options.checkpoint or LITE_PATH
    skeleton = SKELETONS[options.skeleton] if options.skeleton else None
    size = tuple(options.input_size) if options.input_size else None
    if size is not None and min(size) < 8:
        raise ValueError(f"--input-size {size[0]} {size[1]}: both sides must be at least 8 pixels")
    model = open_checkpoint(path, skeleton=skeleton, input_size=size).eval()
    if options.checkpoint:
        print(
            f"{path.name}: {model.kind} CPM, {model.skeleton.name} joints, crops of %d x %d px"
            % model.input_size
        )
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise ValueError(f"{path} holds weights that are NaN or infinite: its training diverged")
    return model, path


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


DATA_SETS = ("synthetic", "lsp", "lsp+lspet", "lsp+lspet+synthetic")
SYNTHETIC_BESIDE_REAL = 1500  # so that the model also knows the figures of the notebooks


def open_people(name: str, split: str) -> PeopleDataset:
    """People of one of `DATA_SETS` by split ("train", "val", "test"); beside LSP the others only train."""
    if name not in DATA_SETS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(DATA_SETS)}")
    if name == "synthetic":
        seeds, lengths = {"train": 0, "val": 1, "test": 2}, {"train": 5000, "val": 200, "test": 500}
        return FirstPersons(SyntheticPeople(lengths[split], seed=seeds[split]))
    if split != "train" or name == "lsp":
        return LSP(split)
    parts = [LSP("train"), LSPET("all")]
    if "synthetic" in name:
        parts.append(FirstPersons(SyntheticPeople(SYNTHETIC_BESIDE_REAL, seed=0)))
    return Concatenation(*parts)
