"""One door to every data set: `open_data("coco", "val")`, `open_data("my.json", "train", images="photos")`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import data_root
from .coco import CocoPeople
from .jhmdb import JhmdbPeople
from .jhmdb_clips import JhmdbClips
from .lsp import LSP, LSPET
from .mpii import MpiiPeople
from .own import OwnPeople, split_by_picture
from .people import Concatenation, FirstPersons, PeopleDataset
from .synthetic import SyntheticPeople

__all__ = ["DATA_SETS", "SPLITS", "DataSet", "open_data"]

SPLITS = ("train", "val", "test")
SYNTHETIC_BESIDE_REAL = 1500  # so that the model also knows the figures of the notebooks


@dataclass(frozen=True)
class DataSet:
    """What `cpm-edu data` lists of a data set.

    Args:
        people: how many, and of what kind.
        joints: how many a person has.
        needs: paths below `data_root()`, in groups; the data set is there where every group has a path that
            exists. No group: built in.
    """

    people: str
    joints: int
    needs: tuple[tuple[str, ...], ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its files lie."""
        return tuple(data_root() / group[0].split("/")[0] for group in self.needs)

    @property
    def found(self) -> bool:
        root = data_root()
        return all(any((root / path).exists() for path in group) for group in self.needs)


_LSP, _LSPET = ("lsp/joints.npy", "lsp/joints.mat"), ("lspet/joints.npy", "lspet/joints.mat")
_MPII = ("mpii/annotations", "mpii/mpii_human_pose_v1_u12_1.mat")
_JHMDB = ("jhmdb/annotations", "jhmdb/joint_positions")
DATA_SETS: dict[str, DataSet] = {
    "synthetic": DataSet("5,700 drawn figures", 14),
    "lsp": DataSet("2,000 people doing sport", 14, (_LSP,)),
    "lsp+lspet": DataSet("LSP, and 10,000 more to train on", 14, (_LSP, _LSPET)),
    "lsp+lspet+synthetic": DataSet("and drawn figures to train on", 14, (_LSP, _LSPET)),
    "coco": DataSet("150,000 people in everyday scenes", 17, (("coco/annotations",),)),
    "mpii": DataSet("25,000 people in everyday activities", 16, (_MPII,)),
    "jhmdb-sub1": DataSet("frames of 316 clips, 12 actions, split 1", 15, (_JHMDB,)),
    "jhmdb-sub2": DataSet("the same, split 2", 15, (_JHMDB,)),
    "jhmdb-sub3": DataSet("the same, split 3", 15, (_JHMDB,)),
    "jhmdb-clips": DataSet(
        "frames of 234 clips, 8 actions, joints recovered", 15, (("jhmdb/frames_sub8.zip",),)
    ),
}


def open_data(
    data: str | Path,
    split: str,
    *,
    folder: Path | str | None = None,
    annotations: Path | str | None = None,
    images: Path | str | None = None,
    boxes: Path | str | None = None,
    skip_bad: bool = False,
) -> PeopleDataset:
    """People of a data set.

    Args:
        data: a name of `DATA_SETS`, or a COCO-style .json file of your own.
        split: "train", "val" or "test". Where a data set has two parts only, "val" and "test" are the same
            (synthetic people, LSP and the JHMDB clips have three). Your own file is split by picture, a fifth
            for "val".
        folder: the data set's folder; None: its name below `data_root()`. For names joined by "+" the folder
            that holds them all.
        annotations: a file in place of the official one (coco, mpii, jhmdb-sub*).
        images: a folder in place of the official one; for your own file the pictures' folder (None: its own).
        boxes: None for annotated boxes, "detector" or a file of detector boxes (coco).
        skip_bad: leave broken records out and count them.

    Raises:
        ValueError: no such data set or split, an option that it does not have, files that are not there.
    """
    name = str(data)
    own = name.lower().endswith(".json")
    if name not in DATA_SETS and not own:
        raise ValueError(
            f"no data set {name!r}; there are {', '.join(DATA_SETS)}, or give a COCO-style .json file of your own"
        )
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    given = {"folder": folder, "annotations": annotations, "images": images, "boxes": boxes}
    given = {option: value for option, value in given.items() if value is not None}
    _require_options(name, given, _options_of(name, own))
    if own:
        people = OwnPeople(data, images if images is not None else Path(data).parent, skip_bad=skip_bad)
        train, held_out = split_by_picture(people)
        return train if split == "train" else held_out
    if name == "coco":
        return CocoPeople("train" if split == "train" else "val", **given, skip_bad=skip_bad)
    if name == "mpii":
        return MpiiPeople("train" if split == "train" else "val", **given, skip_bad=skip_bad)
    if name == "jhmdb-clips":
        return JhmdbClips(split, **given)
    if name.startswith("jhmdb-sub"):
        return JhmdbPeople("train" if split == "train" else "test", int(name[-1]), **given, skip_bad=skip_bad)
    return _open_classic(name, split, folder)


def _options_of(name: str, own: bool) -> tuple[str, ...]:
    if own:
        return ("images",)
    if name == "synthetic":
        return ()
    if name.startswith("lsp") or name == "jhmdb-clips":
        return ("folder",)
    return ("folder", "annotations", "images", *(["boxes"] if name == "coco" else []))


def _require_options(name: str, given: dict, known: tuple[str, ...]) -> None:
    for option in given:
        if option not in known:
            has = ", ".join(known) or "none"
            raise ValueError(f"{name} takes no {option} (of those options it takes: {has})")


def _open_classic(name: str, split: str, folder: Path | str | None) -> PeopleDataset:
    """Synthetic people, LSP, and LSP with more to train on; beside LSP the others only train."""
    if name == "synthetic":
        seeds, lengths = {"train": 0, "val": 1, "test": 2}, {"train": 5000, "val": 200, "test": 500}
        return FirstPersons(SyntheticPeople(lengths[split], seed=seeds[split]))
    if name == "lsp":
        return LSP(split, folder)
    root = Path(folder) if folder is not None else data_root()
    if split != "train":
        return LSP(split, root / "lsp")
    parts = [LSP("train", root / "lsp"), LSPET("all", root / "lspet")]
    if "synthetic" in name:
        parts.append(FirstPersons(SyntheticPeople(SYNTHETIC_BESIDE_REAL, seed=0)))
    return Concatenation(*parts)
