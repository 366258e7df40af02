"""Decoding: from belief maps to joints, and from a mirrored pass to one merged belief map.

Every decoder starts at the most confident cell and differs only in the step below one cell:

    "argmax"         none
    "quarter"        0.25 cell toward the higher neighbour
    "msra"           the same as mmpose computes it, border quirks and (-1, -1) included
    "log_parabola"   vertex of a parabola through the logarithms of three cells: exact for a Gaussian
    "dark"           mmpose's DARK: blur, logarithm, one Newton step

Joints come out as (x, y) in map cells; `coords.px_from_cells` takes them to pixels. Rules for every decoder:

    ties        the lowest row wins, then the lowest column
    NaN         never wins against a number; a map of NaN alone gives cell (0, 0) and score NaN
    any sign    all-zero and all-negative maps are decoded like others (but see "msra" and "dark")
    N or J = 0  empty results; a map without cells is an error
    dtype       float32 or bfloat16 in, computed in float32 and returned as float32
    gradients   none: an argmax has no useful derivative
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "METHODS", "decode", "decode_argmax", "decode_dark", "decode_log_parabola", "decode_msra",
    "decode_quarter", "merge_flip",
]  # fmt: skip

# OpenCV's getGaussianKernel takes these sizes from a table when no sigma is given; in 1/256.
_OPENCV_TABLES = {
    1: (256,),
    3: (64, 128, 64),
    5: (16, 64, 96, 64, 16),
    7: (8, 28, 56, 72, 56, 28, 8),
    9: (4, 13, 30, 51, 60, 51, 30, 13, 4),
}
_LOG_FLOOR = 1e-10  # mmpose's refine_keypoints_dark


def _checked(maps: Tensor, name: str = "belief_maps") -> Tensor:
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


def _toward_higher(lower: Tensor, upper: Tensor) -> Tensor:
    """+1, -1 or 0: sign(upper - lower), and 0 where either is NaN."""
    return (upper > lower).float() - (upper < lower).float()


def decode_argmax(belief_maps: Tensor) -> tuple[Tensor, Tensor]:
    """Most confident cell of every belief map.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16, any stride; need not be normalised.

    Returns:
        joints: (N, J, 2) float32, (x, y) in map cells. Ties: lowest row, then column.
        scores: (N, J) float32, the map's value there.

    Raises:
        TypeError: not a float32 or bfloat16 tensor.
        ValueError: not four dimensions, or maps without cells.

    Source: Wei et al. 2016, section 3.2.
    """
    x, y, scores = _peaks(_checked(belief_maps).detach().float())
    return _joints(x, y), scores


def decode_quarter(belief_maps: Tensor) -> tuple[Tensor, Tensor]:
    """Best cell, moved a quarter of a cell toward the higher of its two neighbours, on x and y apart.

    No step on an axis where a neighbour lies outside the map, where both are equal, or where one is NaN.
    Arguments, results and errors as in `decode_argmax`.

    Source: the rule of mmpose's `refine_keypoints` without its border quirks (those: `decode_msra`).
    """
    maps = _checked(belief_maps).detach().float()
    height, width = maps.shape[-2:]
    x, y, scores = _peaks(maps)
    step_x = _toward_higher(_at(maps, x - 1, y), _at(maps, x + 1, y)) * ((x > 0) & (x < width - 1))
    step_y = _toward_higher(_at(maps, x, y - 1), _at(maps, x, y + 1)) * ((y > 0) & (y < height - 1))
    return _joints(x, y) + 0.25 * torch.stack([step_x, step_y], -1), scores


def decode_msra(belief_maps: Tensor) -> tuple[Tensor, Tensor]:
    """The quarter-cell rule exactly as mmpose's MSRAHeatmap decodes.

    A map whose best value is not above zero has no joint: (-1, -1), its score kept (NaN counts as such).
    Else a quarter cell toward the higher neighbour, with two quirks at the border: column 1 takes no step
    on x though it has both neighbours, and column 0 takes no step on y either (rows: likewise).
    Arguments, results and errors as in `decode_argmax`.

    Source: mmpose 759b39c, `MSRAHeatmap.decode` and `refine_keypoints`; golden/decode_*.npz.
    """
    maps = _checked(belief_maps).detach().float()
    height, width = maps.shape[-2:]
    x, y, scores = _peaks(maps)
    may_x = (x > 1) & (x < width - 1) & (y > 0)
    may_y = (y > 1) & (y < height - 1) & (x > 0)
    step_x = _toward_higher(_at(maps, x - 1, y), _at(maps, x + 1, y)) * may_x
    step_y = _toward_higher(_at(maps, x, y - 1), _at(maps, x, y + 1)) * may_y
    return _without_empty(_joints(x, y) + 0.25 * torch.stack([step_x, step_y], -1), scores), scores


def _without_empty(joints: Tensor, scores: Tensor) -> Tensor:
    """mmpose's mark (-1, -1) for a map that nowhere rises above zero."""
    return joints.where((scores > 0)[..., None], joints.new_tensor(-1.0))


def decode_log_parabola(belief_maps: Tensor) -> tuple[Tensor, Tensor]:
    """Best cell, moved to the vertex of the parabola through the logs of its row (and column) of three.

    The logarithm of a Gaussian is a parabola, so a "center" target comes back to within 0.001 cells.
    The step is at most half a cell. An axis takes no step where a neighbour lies outside the map, where
    one of the three values is not positive and finite, or where their logs are equal: a joint in the first
    or last column keeps the whole number on x, one in the first or last row on y.
    Arguments, results and errors as in `decode_argmax`.

    Source: ours; with l = log b, dx = (l[x-1] - l[x+1]) / (2 (l[x-1] - 2 l[x] + l[x+1])).
    """
    maps = _checked(belief_maps).detach().float()
    height, width = maps.shape[-2:]
    x, y, scores = _peaks(maps)
    step_x = _vertex(_at(maps, x - 1, y), scores, _at(maps, x + 1, y)).where((x > 0) & (x < width - 1), 0.0)
    step_y = _vertex(_at(maps, x, y - 1), scores, _at(maps, x, y + 1)).where((y > 0) & (y < height - 1), 0.0)
    return _joints(x, y) + torch.stack([step_x, step_y], -1), scores


def _vertex(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Place of the vertex in -0.5 .. 0.5 of the log-parabola through three equidistant values."""
    usable = (before > 0) & (after > 0) & (peak < math.inf)
    down = peak.log() - before.log()  # >= 0: the peak is the largest of the three
    up = peak.log() - after.log()
    step = 0.5 * (down - up) / (down + up)
    return step.clamp(-0.5, 0.5).where(usable & (down + up > 0), 0.0)


def decode_dark(belief_maps: Tensor, blur_kernel: int = 11) -> tuple[Tensor, Tensor]:
    """Best cell plus one Newton step on the logarithm of the blurred map: DARK exactly as in mmpose.

    The map is blurred (zeros around it), multiplied by old maximum / new maximum, and replaced by the log
    of max(value, 1e-10). First and second central differences at the best cell of the map *before* the
    blur give the step, which nothing bounds: noise can throw it many cells. No step unless 1 < x < W - 2
    and 1 < y < H - 2, where the Hessian is singular, or where the map holds NaN or infinity.
    A map whose best value is not above zero has no joint: (-1, -1), its score kept.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16.
        blur_kernel: odd size in cells of the Gaussian; mmpose pairs 11 with sigma 2 and 17 with sigma 3.

    Returns and raises: as `decode_argmax`; ValueError also for a blur_kernel that is even or not positive.

    Source: Zhang et al. 2020 (arXiv 1910.06278) as in mmpose 759b39c, `refine_keypoints_dark`;
    golden/decode_*.npz.
    """
    maps = _checked(belief_maps).detach().float()
    height, width = maps.shape[-2:]
    x, y, scores = _peaks(maps)
    blurred = _blur(maps, blur_kernel)
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
    return _without_empty(joints, scores), scores


def _blur(maps: Tensor, size: int) -> Tensor:
    """(N, J, H, W) maps under OpenCV's Gaussian of `size` cells, zeros around the map."""
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(f"blur_kernel must be an odd positive integer, not {size!r}")
    if maps.numel() == 0:
        return maps
    if size in _OPENCV_TABLES:
        taps = maps.new_tensor(_OPENCV_TABLES[size]) / 256
    else:
        sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8  # OpenCV's sigma for a kernel of this size
        offset = torch.arange(size, dtype=torch.float64, device=maps.device) - size // 2
        taps = torch.exp(-offset.square() / (2 * sigma * sigma))
        taps = (taps / taps.sum()).to(maps.dtype)
    planes = maps.flatten(0, 1)[:, None]  # (N * J, 1, H, W)
    planes = F.conv2d(planes, taps.view(1, 1, 1, size), padding=(0, size // 2))
    planes = F.conv2d(planes, taps.view(1, 1, size, 1), padding=(size // 2, 0))
    return planes.view_as(maps)


METHODS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "argmax": decode_argmax,
    "quarter": decode_quarter,
    "msra": decode_msra,
    "log_parabola": decode_log_parabola,
    "dark": decode_dark,
}


def decode(belief_maps: Tensor, method: str = "log_parabola", **options) -> tuple[Tensor, Tensor]:
    """Joints of belief maps by one of `METHODS`.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16; leave out the background map.
        method: "argmax", "quarter", "msra", "log_parabola" or "dark".
        options: passed on to the decoder (blur_kernel of "dark").

    Returns:
        joints: (N, J, 2) float32, (x, y) in map cells.
        scores: (N, J) float32, the map's value at its best cell.

    Raises:
        ValueError: an unknown method; and what the decoder raises.
    """
    if method not in METHODS:
        raise ValueError(f"unknown decoding method {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method](belief_maps, **options)


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
        TypeError: not float32 or bfloat16 tensors.
        ValueError: shapes differ, or `permutation` is none of J indices.

    Source: mmpose 759b39c, `flip_heatmaps`; golden/flip_*.npz.
    """
    _checked(maps, "maps")
    _checked(maps_of_mirrored, "maps_of_mirrored")
    if maps.shape != maps_of_mirrored.shape:
        raise ValueError(
            f"maps {tuple(maps.shape)} and maps_of_mirrored {tuple(maps_of_mirrored.shape)} differ in shape"
        )
    order, channels = [int(i) for i in permutation], maps.shape[1]
    if len(order) not in (channels, channels - 1) or sorted(order) != list(range(len(order))):
        raise ValueError(
            f"permutation must hold each of 0..J-1 once, J = {channels} or {channels - 1}; it is {order}"
        )
    order += range(len(order), channels)
    back = maps_of_mirrored.float().flip(-1)[:, order]
    if shift:
        back = torch.cat([back[..., :1], back[..., :-1]], -1)
    return 0.5 * (maps.float() + back)
