"""Files of the structure that MPII and JHMDB document, MATLAB's written by scipy, and pictures for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

EMPTY = np.zeros((0, 0))
MPII_JOINTS = {j: (11.0 + j, 21.0 + 2 * j) for j in range(16)}  # counted from 1


def write_pictures(folder: Path, names: list[str], size: tuple[int, int] = (64, 48)) -> Path:
    """Grey pictures of `size` (width, height)."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((*size[::-1], 3), 90, np.uint8)).save(folder / name)
    return folder


def mpii_entry(number: int = 0, **fields) -> dict:
    """One entry of mmpose's list, joints at `MPII_JOINTS`; the same person as `mpii_person(MPII_JOINTS)`."""
    return {
        "image": f"{7 + number:09d}.jpg", "center": [31.0, 21.0], "scale": 0.2,
        "joints": [list(MPII_JOINTS[j]) for j in range(16)], "joints_vis": [1] * 16,
    } | fields  # fmt: skip


def struct(*elements: dict) -> np.ndarray:
    """A (1, n) struct array; a field that an element lacks is there, but empty, as in MATLAB."""
    fields = dict.fromkeys(name for element in elements for name in element)
    array = np.empty((1, len(elements)), dtype=[(name, object) for name in fields])
    for place, element in enumerate(elements):
        for name in fields:
            array[0, place][name] = element.get(name, EMPTY)
    return array


def mpii_person(joints: dict[int, tuple[float, float]], **fields) -> dict:
    """One annorect: joints by MPII's number, counted from 1; other fields as given, None leaves one empty."""
    points = struct(*({"x": x, "y": y, "id": j, "is_visible": EMPTY} for j, (x, y) in joints.items()))
    person = {
        "x1": 10, "y1": 20, "x2": 40, "y2": 60, "scale": 0.2,
        "objpos": struct({"x": 31, "y": 21}), "annopoints": struct({"point": points}),
    } | fields  # fmt: skip
    return {name: EMPTY if value is None else value for name, value in person.items()}


def mpii_picture(name: str, *people: dict, video: int | None = None) -> dict:
    """One element of annolist."""
    return {
        "image": struct({"name": name}), "annorect": struct(*people) if people else EMPTY,
        "frame_sec": 12, "vididx": EMPTY if video is None else video,
    }  # fmt: skip


def write_mpii(path: Path, *pictures: dict, training: list[int] | None = None) -> Path:
    """mpii_human_pose_v1_u12_1.mat; `training` is img_train, 1 unless told."""
    training = [1] * len(pictures) if training is None else training
    release = struct({
        "annolist": struct(*pictures), "img_train": np.array([training], float), "version": "1",
        "video_list": np.array([["abc"]], object),
    })  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"RELEASE": release})
    return path


def write_jhmdb_clip(folder: Path, clip: str, joints: np.ndarray, masks: np.ndarray) -> None:
    """joint_positions.mat and puppet_mask.mat of "class/clip": joints (2, 15, T) from 1, masks (height, width, T)."""
    for kind, variables in (
        (
            "joint_positions",
            {"pos_img": joints, "pos_world": joints / 100, "scale": np.ones((1, 3)), "viewpoint": "S"},
        ),
        ("puppet_mask", {"part_mask": masks}),
    ):
        path = folder / kind / clip / f"{kind}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, variables)
