"""Who the ops are compared with besides torch: numpy, and mmpose, kornia and dsntnn where they are installed.

Each function returns contestants of one op, or none where the package is missing. What a package defines
otherwise (a Gaussian that sums to one, an expectation instead of a best cell) is compared with its own definition.
"""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from ..decoding_reference import decode_reference, gaussian_taps
from ..targets import gaussian_targets_reference
from .bench import Contestant

__all__ = ["decode_peers", "module_or_none", "numpy_argmax", "numpy_dark", "target_peers"]

INPUT_PX_PER_CELL = 4  # of mmpose's codec, which speaks pixels; it changes no cell
LOG_FLOOR = 1e-10  # mmpose's refine_keypoints_dark


def numpy_argmax(maps: Tensor) -> Contestant:
    width = maps.shape[-1]
    flat = maps.cpu().numpy().reshape(*maps.shape[:2], -1)

    def joints(index: np.ndarray) -> tuple[Tensor, ...]:
        return (torch.from_numpy(np.stack([index % width, index // width], -1)).float(),)

    expected = decode_reference(maps.cpu(), "argmax")[:1]
    return Contestant(
        "numpy argmax", lambda: flat.argmax(-1), joints, expected, "the best cell only", on_cpu=True
    )


def numpy_dark(maps: Tensor, blur_kernel: int = 11) -> Contestant:
    """mmpose's rule in numpy, as mmpose goes about it: a person, then a joint at a time."""
    people, taps = maps.cpu().numpy(), np.array(gaussian_taps(blur_kernel), np.float32)
    return Contestant(
        "numpy DARK",
        lambda: np.stack([_dark_of_person(heatmaps, taps) for heatmaps in people]),
        lambda joints: (torch.from_numpy(joints),),
        note="mmpose's rule, ours",
        on_cpu=True,
    )


def _dark_of_person(heatmaps: np.ndarray, taps: np.ndarray) -> np.ndarray:
    num_joints, height, width = heatmaps.shape
    best = heatmaps.reshape(num_joints, -1).argmax(-1)
    joints = np.stack([best % width, best // width], -1).astype(np.float32)
    peaks = heatmaps.max((-2, -1))
    blurred = heatmaps
    for axis in (-1, -2):
        blurred = _blur_along(blurred, taps, axis)
    scale = peaks / blurred.max((-2, -1))
    log = np.log(np.maximum(blurred * scale[:, None, None], LOG_FLOOR))
    for j, (x, y) in enumerate(joints.astype(int)):
        if not peaks[j] > 0:
            joints[j] = -1
            continue
        if not (1 < x < width - 2 and 1 < y < height - 2):
            continue
        at = log[j, y - 2 : y + 3, x - 2 : x + 3]  # [dy + 2, dx + 2]
        slope = 0.5 * np.array([at[2, 3] - at[2, 1], at[3, 2] - at[1, 2]])
        mixed = 0.25 * (at[3, 3] - at[1, 3] - at[3, 1] + at[1, 1])
        along_x, along_y = (
            0.25 * (at[2, 4] - 2 * at[2, 2] + at[2, 0]),
            0.25 * (at[4, 2] - 2 * at[2, 2] + at[0, 2]),
        )
        if along_x * along_y - mixed * mixed != 0:
            joints[j] -= np.linalg.solve(np.array([[along_x, mixed], [mixed, along_y]]), slope)
    return joints


def _blur_along(heatmaps: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    border = len(taps) // 2
    widths = [(0, 0)] * heatmaps.ndim
    widths[axis] = (border, border)
    padded, size = np.pad(heatmaps, widths), heatmaps.shape[axis]
    shifted = [
        padded.take(range(k, k + size), axis) if axis == -1 else padded[:, k : k + size]
        for k in range(len(taps))
    ]
    blurred = taps[0] * shifted[0]
    for tap, part in zip(taps[1:], shifted[1:], strict=True):
        blurred += tap * part
    return blurred


def target_peers(centers: Tensor, size: tuple[int, int], sigma: float) -> list[Contestant]:
    height, width = size
    whole = gaussian_targets_reference(centers, size, sigma)
    peers = []
    if codec := _codec(size, sigma, unbiased=False):
        pixels = (centers.cpu().numpy() * INPUT_PX_PER_CELL)[:, None]  # (N, 1, J, 2): a person a call
        seen = np.ones((1, centers.shape[1]), np.float32)
        rounded = torch.trunc(centers + 0.5)
        peers.append(Contestant(
            "mmpose", lambda: np.stack([codec.encode(p, seen)["heatmaps"] for p in pixels]),
            lambda maps: (torch.from_numpy(maps).to(centers.device),),
            (gaussian_targets_reference(rounded, size, sigma, patch_sigmas=3),), "on the CPU; rounds the centres", True,
        ))  # fmt: skip
    if kornia := module_or_none("kornia.geometry.subpix"):
        points, deviations = centers.flatten(0, 1), centers.new_full((centers[..., 0].numel(), 2), sigma)
        mass = whole.sum(-1, keepdim=True).sum(-2, keepdim=True)
        peers.append(Contestant(
            "kornia", lambda: kornia.render_gaussian2d(points, deviations, size, False),
            lambda maps: (maps.view_as(whole),), (whole / mass,), "whole Gaussian that sums to 1",
        ))  # fmt: skip
    if dsntnn := module_or_none("dsntnn"):
        scale = centers.new_tensor([width, height])
        normalized = (2 * centers + 1) / scale - 1
        peers.append(Contestant(
            "dsntnn", lambda: dsntnn.make_gauss(normalized, size, sigma, normalize=False),
            lambda maps: (maps,), (whole,), "whole Gaussian",
        ))  # fmt: skip
    return peers


def decode_peers(maps: Tensor, method: str) -> list[Contestant]:
    """mmpose where it has the method; kornia and dsntnn, whose joint is an expectation, beside "log_parabola"."""
    height, width = maps.shape[-2:]
    peers = []
    codec = _codec((height, width), 2, unbiased=method == "dark")
    if codec and method in ("argmax", "dark"):
        people = maps.cpu().numpy()
        rule, note = ("dark", "") if method == "dark" else ("msra", "; with its quarter step")
        peers.append(Contestant(
            "mmpose", lambda: np.stack([codec.decode(heatmaps)[0][0] for heatmaps in people]),
            lambda joints: (torch.from_numpy(joints).float() / INPUT_PX_PER_CELL,),
            decode_reference(maps.cpu(), rule)[:1], "on the CPU" + note, True,
        ))  # fmt: skip
    if method != "log_parabola":
        return peers
    likely = maps.flatten(-2).softmax(-1).view_as(maps)
    columns = torch.arange(width, device=maps.device, dtype=torch.float32)
    rows = torch.arange(height, device=maps.device, dtype=torch.float32)
    mean = torch.stack([(likely.sum(-2) * columns).sum(-1), (likely.sum(-1) * rows).sum(-1)], -1)
    if kornia := module_or_none("kornia.geometry.subpix"):
        peers.append(Contestant(
            "kornia", lambda: kornia.spatial_soft_argmax2d(maps, normalized_coordinates=False),
            lambda joints: (joints,), (mean,), "another joint: an expectation",
        ))  # fmt: skip
    if dsntnn := module_or_none("dsntnn"):
        scale = maps.new_tensor([width, height])
        peers.append(Contestant(
            "dsntnn", lambda: dsntnn.dsnt(dsntnn.flat_softmax(maps)),
            lambda joints: (((joints + 1) * scale - 1) / 2,), (mean,), "another joint: an expectation",
        ))  # fmt: skip
    return peers


def module_or_none(name: str) -> ModuleType | None:
    """An installed package, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except Exception:  # not only ImportError: an old mmpose beside a new mmcv asserts
            return None


def _codec(size: tuple[int, int], sigma: float, *, unbiased: bool):
    codecs = module_or_none("mmpose.codecs")
    if codecs is None:
        return None
    if cv2 := module_or_none("cv2"):
        cv2.setNumThreads(torch.get_num_threads())
    height, width = size
    input_size = (INPUT_PX_PER_CELL * width, INPUT_PX_PER_CELL * height)
    return codecs.MSRAHeatmap(
        input_size=input_size, heatmap_size=(width, height), sigma=sigma, unbiased=unbiased
    )
