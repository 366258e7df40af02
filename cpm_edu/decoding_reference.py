"""Decoding in plain torch: the specification of the compiled decoders.

`cpm_edu.decoding` says what each decoder does, and the rules for ties, NaN, borders and empty input. Here is how:
every decoder is a function of float32 maps, their best cells (x, y) and the values there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["decode_reference", "gaussian_taps", "merge_flip", "merge_flip_decode_reference"]

# OpenCV's getGaussianKernel takes these sizes from a table when no sigma is given; in 1/256.
_OPENCV_TABLES = {
    1: (256,),
    3: (64, 128, 64),
    5: (16, 64, 96, 64, 16),
    7: (8, 28, 56, 72, 56, 28, 8),
    9: (4, 13, 30, 51, 60, 51, 30, 13, 4),
}
_LOG_FLOOR = 1e-10  # mmpose's refine_keypoints_dark


def decode_reference(belief_maps: Tensor, method: str = "log_parabola", **options) -> tuple[Tensor, Tensor]:
    """`decoding.decode` in plain torch."""
    if method not in _REFINEMENTS:
        raise ValueError(f"unknown decoding method {method!r}; there are {', '.join(_REFINEMENTS)}")
    maps = checked(belief_maps).detach().float()
    x, y, scores = _peaks(maps)
    return _REFINEMENTS[method](maps, x, y, scores, **options), scores


def merge_flip_decode_reference(
    maps: Tensor,
    maps_of_mirrored: Tensor,
    permutation: Sequence[int],
    *,
    shift: bool,
    method: str = "log_parabola",
    **options,
) -> tuple[Tensor, Tensor]:
    """`decoding.merge_flip_decode` in plain torch: the merged maps are written down, then decoded."""
    return decode_reference(merge_flip(maps, maps_of_mirrored, permutation, shift=shift), method, **options)


# ---- the best cell


def checked(maps: Tensor, name: str = "belief_maps") -> Tensor:
    """The maps, once type, dtype and shape are known to be right."""
    if not isinstance(maps, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {type(maps).__name__}")
    if maps.dtype not in (torch.float32, torch.bfloat16):
        raise TypeError(f"{name} must be float32 or bfloat16, not {maps.dtype}")
    if maps.ndim != 4:
        raise ValueError(f"{name} must be (N, J, H, W), not {tuple(maps.shape)}")
    if maps.shape[-2] == 0 or maps.shape[-1] == 0:
        raise ValueError(f"{name} has no cells: (N, J, H, W) = {tuple(maps.shape)}")
    return maps


def _peaks(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Column x, row y (both int64) and value of the best cell of float32 maps, each (N, J)."""
    flat = maps.flatten(-2)  # (N, J, H * W)
    best = flat.nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf).amax(-1, keepdim=True)
    # Comparing with the unfiltered values keeps a NaN from winning a map whose numbers are all -inf;
    # where nothing is equal (NaN alone) the first cell is taken.
    index = (flat == best).to(torch.uint8).argmax(-1)
    width = maps.shape[-1]
    return index % width, index // width, flat.gather(-1, index[..., None])[..., 0]


def _at(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Values (N, J) of the cells (x, y); a place outside the map reads the nearest cell inside."""
    height, width = maps.shape[-2:]
    index = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    return maps.flatten(-2).gather(-1, index[..., None])[..., 0]


def _joints(x: Tensor, y: Tensor) -> Tensor:
    return torch.stack([x, y], -1).float()


# ---- the step below one cell: (maps, x, y, scores) -> joints (N, J, 2)


def _argmax(maps: Tensor, x: Tensor, y: Tensor, scores: Tensor) -> Tensor:
    return _joints(x, y)


def _quarter(maps: Tensor, x: Tensor, y: Tensor, scores: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    return _joints(x, y) + _quarter_steps(maps, x, y, (x > 0) & (x < width - 1), (y > 0) & (y < height - 1))


def _msra(maps: Tensor, x: Tensor, y: Tensor, scores: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    may_x = (x > 1) & (x < width - 1) & (y > 0)
    may_y = (y > 1) & (y < height - 1) & (x > 0)
    return _without_empty(_joints(x, y) + _quarter_steps(maps, x, y, may_x, may_y), scores)


def _quarter_steps(maps: Tensor, x: Tensor, y: Tensor, may_x: Tensor, may_y: Tensor) -> Tensor:
    step_x = _toward_higher(_at(maps, x - 1, y), _at(maps, x + 1, y)) * may_x
    step_y = _toward_higher(_at(maps, x, y - 1), _at(maps, x, y + 1)) * may_y
    return 0.25 * torch.stack([step_x, step_y], -1)


def _toward_higher(lower: Tensor, upper: Tensor) -> Tensor:
    """+1, -1 or 0: sign(upper - lower), and 0 where either is NaN."""
    return (upper > lower).float() - (upper < lower).float()


def _without_empty(joints: Tensor, scores: Tensor) -> Tensor:
    """mmpose's mark (-1, -1) for a map that nowhere rises above zero."""
    return joints.where((scores > 0)[..., None], joints.new_tensor(-1.0))


def _log_parabola(maps: Tensor, x: Tensor, y: Tensor, scores: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    step_x = _vertex(_at(maps, x - 1, y), scores, _at(maps, x + 1, y)).where((x > 0) & (x < width - 1), 0.0)
    step_y = _vertex(_at(maps, x, y - 1), scores, _at(maps, x, y + 1)).where((y > 0) & (y < height - 1), 0.0)
    return _joints(x, y) + torch.stack([step_x, step_y], -1)


def _vertex(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Place of the vertex in -0.5 .. 0.5 of the log-parabola through three equidistant values."""
    usable = (before > 0) & (after > 0) & (peak < math.inf)
    down = peak.log() - before.log()  # >= 0: the peak is the largest of the three
    up = peak.log() - after.log()
    step = 0.5 * (down - up) / (down + up)
    return step.clamp(-0.5, 0.5).where(usable & (down + up > 0), 0.0)


def _dark(maps: Tensor, x: Tensor, y: Tensor, scores: Tensor, blur_kernel: int = 11) -> Tensor:
    height, width = maps.shape[-2:]
    blurred = _blur(maps, gaussian_taps(blur_kernel))
    if maps.numel() == 0:
        return _joints(x, y)
    rescale = maps.amax((-2, -1), keepdim=True) / blurred.amax((-2, -1), keepdim=True)
    log = (blurred * rescale).clamp(min=_LOG_FLOOR).log()

    def at(dx: int, dy: int) -> Tensor:
        return _at(log, x + dx, y + dy)

    gx, gy = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    hxx = 0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0))
    hyy = 0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2))
    hxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    determinant = hxx * hyy - hxy * hxy
    step = torch.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], -1) / determinant[..., None]

    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    usable = inside & (determinant != 0) & maps.isfinite().flatten(-2).all(-1)
    joints = _joints(x, y) + step.where((usable & step.isfinite().all(-1))[..., None], 0.0)
    return _without_empty(joints, scores)


def gaussian_taps(size: int) -> list[float]:
    """OpenCV's Gaussian of `size` cells, summing to 1.

    Raises:
        ValueError: the size is even, not positive or not an int.
    """
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(f"blur_kernel must be an odd positive integer, not {size!r}")
    if size in _OPENCV_TABLES:
        return [tap / 256 for tap in _OPENCV_TABLES[size]]
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8  # OpenCV's sigma for a kernel of this size
    taps = [math.exp(-((i - size // 2) ** 2) / (2 * sigma * sigma)) for i in range(size)]
    return [tap / sum(taps) for tap in taps]


def _blur(maps: Tensor, taps: list[float]) -> Tensor:
    """The maps under a separable blur, zeros around them. Sums of shifted maps: conv2d takes ten times as long."""
    height, width, half = *maps.shape[-2:], len(taps) // 2
    padded = F.pad(maps, (half, half, half, half))
    rows, result = torch.zeros_like(padded[..., :width]), torch.zeros_like(maps)
    for k, tap in enumerate(taps):
        rows.add_(padded[..., k : k + width], alpha=tap)
    for k, tap in enumerate(taps):
        result.add_(rows[..., k : k + height, :], alpha=tap)
    return result


_REFINEMENTS = {
    "argmax": _argmax,
    "quarter": _quarter,
    "msra": _msra,
    "log_parabola": _log_parabola,
    "dark": _dark,
}


# ---- the flip test


def merge_flip(maps: Tensor, maps_of_mirrored: Tensor, permutation: Sequence[int], *, shift: bool) -> Tensor:
    """Mean of the belief maps of an image and those of its mirror image, brought back.

    The mirrored maps are mirrored along W and their channels permuted. In convention "center" that is all:
    the cells of a mirrored image are its mirrored cells. In convention "msra" with stride s cell c stands
    on pixel s c, and what comes back lies (s - 1) / s of a cell too far left; `shift` moves it one cell to
    the right, as mmpose does (column 0 stays, so that columns 0 and 1 are equal).

    Args:
        maps: (N, C, H, W) float32 or bfloat16, with or without a background map at the end.
        maps_of_mirrored: the same shape; maps of the image mirrored left to right.
        permutation: J = C or C - 1 indices (`Skeleton.flip_permutation`); a channel beyond J keeps its place.
        shift: whether to move the maps that come back by one cell; mmpose's `shift_heatmap`.

    Returns:
        (N, C, H, W) float32; differentiable.

    Raises:
        TypeError: not float32 or bfloat16 tensors, indices that are no ints, a `shift` that is no bool.
        ValueError: shapes differ, or `permutation` is none of J indices.

    Source: mmpose 759b39c, `flip_heatmaps`; golden/flip_*.npz.
    """
    order = checked_order(maps, maps_of_mirrored, permutation, shift)
    back = maps_of_mirrored.float().flip(-1)[:, order]
    if shift:
        back = torch.cat([back[..., :1], back[..., :-1]], -1)
    return 0.5 * (maps.float() + back)


def checked_order(
    maps: Tensor, maps_of_mirrored: Tensor, permutation: Sequence[int], shift: bool
) -> list[int]:
    """The permutation of all C channels, once both passes are known to fit each other."""
    checked(maps, "maps")
    checked(maps_of_mirrored, "maps_of_mirrored")
    if maps.shape != maps_of_mirrored.shape:
        raise ValueError(
            f"maps {tuple(maps.shape)} and maps_of_mirrored {tuple(maps_of_mirrored.shape)} differ in shape"
        )
    if not isinstance(shift, bool):
        raise TypeError(f"shift must be True or False, not {shift!r}")
    try:
        order, channels = [operator.index(i) for i in permutation], maps.shape[1]
    except TypeError:
        raise TypeError(f"permutation must be a sequence of ints, not {permutation!r}") from None
    if len(order) not in (channels, channels - 1) or sorted(order) != list(range(len(order))):
        raise ValueError(
            f"permutation must hold each of 0..J-1 once, J = {channels} or {channels - 1}; it is {order}"
        )
    return order + list(range(len(order), channels))
