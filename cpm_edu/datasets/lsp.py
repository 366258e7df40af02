"""Leeds Sports Pose and its extended training set: 14 joints, one marked person a picture.

Two layouts are read. The pack: `images.zip` (LSPET: `images_a.zip`, `images_b.zip`), `joints.npy`,
`split.json`, `meta.npz`. The original download: a folder `images` beside `joints.mat`. Files are MATLAB's
1-based; positions are 0-based from here on. Left and right are the person's own ("person-centric").

Source: Johnson and Everingham, BMVC 2010 (LSP) and CVPR 2011 (LSPET).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..coords import image_middle
from ..skeletons import LSP as LSP_SKELETON
from . import data_root
from .people import Person
from .pictures import Pictures

__all__ = ["LSP", "LSPET"]

HOW_TO_GET = (
    "LSP: 'lsp_dataset.zip' (2,000 pictures, 36 MB) and LSPET: 'lspet_dataset.zip' (10,000 pictures) of Leeds "
    "University; unpack them to {root}/lsp and {root}/lspet (images/ beside joints.mat). "
    "They are research data: their pictures belong to Flickr users."
)


class _Leeds:
    """What LSP and LSPET share: names, joints (n, 14, 3), and crops that cover the whole picture."""

    title = ""
    skeleton = LSP_SKELETON

    def __init__(self, split: str, folder: Path, default_folder: str) -> None:
        self.folder = Path(folder) if folder is not None else data_root() / default_folder
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"{self.title}: no folder {self.folder}. --data-folder (train, evaluate) or --folder "
                "(data) names another, CPM_EDU_DATA the one of all data sets. "
                + HOW_TO_GET.format(root=data_root())
            )
        self.split = split
        self.pictures = Pictures([self.folder / "images", *sorted(self.folder.glob("images*.zip"))])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Person:
        image = self._read(self.names[index])
        height, width = image.shape[:2]
        side = float(max(height, width))  # from the picture alone: no joint may help to find the box
        return Person(
            image=image,
            joints_px=self.joints_px[index],
            labelled=self.labelled[index],
            center_px=image_middle((height, width)).numpy(),
            scale_px=np.array([side, side], np.float32),
            name=self.names[index],
        )

    def _read(self, name: str) -> np.ndarray:
        inside = f"images/{name}"  # as an archive that was packed with its folder calls it
        return self.pictures.read(inside if self.pictures.find(inside) else name)

    def _keep(
        self, chosen: np.ndarray, names: list[str], joints_px: np.ndarray, labelled: np.ndarray
    ) -> None:
        expected = self.skeleton.joints
        if joints_px.ndim != 3 or joints_px.shape[1] != len(expected):
            raise ValueError(
                f"{self.title}: the joints in {self.folder} have shape {joints_px.shape}; expected (people, "
                f"{len(expected)}, x and y) for {', '.join(expected)}"
            )
        self.names = [names[i] for i in chosen]
        self.joints_px = joints_px[chosen].astype(np.float32)
        self.labelled = labelled[chosen]

    def describe(self) -> str:
        """How many people and joints, where the files lie, and how to get them."""
        return (
            f"{self.title} ({self.split}): {len(self)} people, one a picture, {self.labelled.sum()} of "
            f"{self.labelled.size} joints labelled, in {self.folder}. " + HOW_TO_GET.format(root=data_root())
        )


def _load_mat(folder: Path) -> np.ndarray:
    from scipy.io import loadmat

    path = folder / "joints.mat"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds neither joints.npy nor joints.mat: is it the unpacked data set?"
        )
    joints = np.asarray(loadmat(path)["joints"], np.float32)
    # LSP stores (3, 14, n), LSPET (14, 3, n)
    return joints.transpose(2, 1, 0) if joints.shape[0] == 3 else joints.transpose(2, 0, 1)


class LSP(_Leeds):
    """Leeds Sports Pose, 2,000 people of about 150 px.

    Args:
        split: "train" (the official 1..1000, less 100 for validation), "val" (those 100), "trainval",
            "test" (the official 1001..2000) or "all". In the original layout, which has no validation
            list, every tenth of 1..1000 validates.
        folder: the data set's folder; None: `data_root()/lsp`.
        drop_near_duplicates: leave out training pictures that nearly equal a test picture (pack only).
    """

    title = "LSP"

    def __init__(
        self, split: str = "train", folder: Path | str | None = None, *, drop_near_duplicates: bool = True
    ) -> None:
        super().__init__(split, folder, "lsp")
        packed = self.folder / "joints.npy"
        joints = np.load(packed) if packed.is_file() else _load_mat(self.folder)
        names = [f"im{i:04d}.jpg" for i in range(1, len(joints) + 1)]
        if (self.folder / "split.json").is_file():
            splits = json.loads((self.folder / "split.json").read_text())
        else:
            first, rest = names[:1000], names[1000:]
            splits = {
                "train": [n for i, n in enumerate(first) if i % 10 != 9],
                "val": first[9::10],
                "test": rest,
            }
        splits |= {"trainval": splits["train"] + splits["val"], "all": names}
        if drop_near_duplicates:
            leaked = set(splits.get("train_near_duplicates_of_test", []))
            splits |= {part: [n for n in splits[part] if n not in leaked] for part in ("train", "trainval")}
        if split not in splits:
            raise ValueError(f"LSP has no split {split!r}: train, val, trainval, test, all")
        index = {name: i for i, name in enumerate(names)}
        chosen = np.array([index[n] for n in splits[split]])
        labelled = np.ones(joints.shape[:2], bool)  # LSP labels every joint, occluded ones too
        self._keep(chosen, names, joints[..., :2] - 1, labelled)


class LSPET(_Leeds):
    """Leeds Sports Pose Extended Training: people of sport pictures, labelled by crowd workers.

    Args:
        split: "train", "val", "test" (pack only) or "all".
        folder: the data set's folder; None: `data_root()/lspet`.
    """

    title = "LSPET"

    def __init__(self, split: str = "all", folder: Path | str | None = None) -> None:
        super().__init__(split, folder, "lspet")
        packed = self.folder / "joints.npy"
        if packed.is_file():
            joints = np.load(packed)
            with np.load(self.folder / "meta.npz") as meta:
                names = [f"im{i:05d}.jpg" for i in meta["lspet_index"]]
                # A pixel's centre lies half a pixel inside it, before and after the crops were resized.
                first_px = (1 + meta["scale_xy"][:, None, :]) / 2
                part = meta["split"].astype(str)
        else:
            joints = _load_mat(self.folder)
            names = [f"im{i:05d}.jpg" for i in range(1, len(joints) + 1)]
            first_px, part = 1.0, np.full(len(joints), "all")
        if split not in ("all", *np.unique(part)):
            raise ValueError(
                f"LSPET in {self.folder} has no split {split!r}: all, {', '.join(np.unique(part))}"
            )
        chosen = np.flatnonzero((part == split) | (split == "all"))
        self._keep(chosen, names, joints[..., :2] - first_px, joints[..., 2] > 0)
