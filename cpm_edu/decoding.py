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
    backend     "torch", "cpp" or "cuda"; "auto" picks by device. The last two agree with the first: exactly
                in the best cell, its value and a quarter step, to rounding in a logarithm

The same in plain torch, which is the specification, is in decoding_reference.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .decoding_reference import (
    checked,
    checked_order,
    decode_reference,
    gaussian_taps,
    merge_flip,
    merge_flip_decode_reference,
)
from .kernels import ops

__all__ = [
    "METHODS", "decode", "decode_argmax", "decode_dark", "decode_log_parabola", "decode_msra",
    "decode_quarter", "decode_reference", "merge_flip", "merge_flip_decode", "merge_flip_decode_reference",
]  # fmt: skip


def decode_argmax(belief_maps: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Most confident cell of every belief map.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16, any stride; need not be normalised.
        backend: "torch", "cpp", "cuda", or "auto" (by device).

    Returns:
        joints: (N, J, 2) float32, (x, y) in map cells. Ties: lowest row, then column.
        scores: (N, J) float32, the map's value there.

    Raises:
        TypeError: not a float32 or bfloat16 tensor.
        ValueError: not four dimensions, maps without cells, or a backend that does not take this device.
        BackendUnavailable: a backend named explicitly cannot be had here.

    Source: Wei et al. 2016, section 3.2.
    """
    return _decode(belief_maps, "argmax", backend)


def decode_quarter(belief_maps: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Best cell, moved a quarter of a cell toward the higher of its two neighbours, on x and y apart.

    No step on an axis where a neighbour lies outside the map, where both are equal, or where one is NaN.
    Arguments, results and errors as in `decode_argmax`.

    Source: the rule of mmpose's `refine_keypoints` without its border quirks (those: `decode_msra`).
    """
    return _decode(belief_maps, "quarter", backend)


def decode_msra(belief_maps: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """The quarter-cell rule exactly as mmpose's MSRAHeatmap decodes.

    A map whose best value is not above zero has no joint: (-1, -1), its score kept (NaN counts as such).
    Else a quarter cell toward the higher neighbour, with two quirks at the border: column 1 takes no step
    on x though it has both neighbours, and column 0 takes no step on y either (rows: likewise).
    Arguments, results and errors as in `decode_argmax`.

    Source: mmpose 759b39c, `MSRAHeatmap.decode` and `refine_keypoints`; golden/decode_*.npz.
    """
    return _decode(belief_maps, "msra", backend)


def decode_log_parabola(belief_maps: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Best cell, moved to the vertex of the parabola through the logs of its row (and column) of three.

    The logarithm of a Gaussian is a parabola, so a "center" target comes back to within 0.001 cells.
    The step is at most half a cell. An axis takes no step where a neighbour lies outside the map, where
    one of the three values is not positive and finite, or where their logs are equal: a joint in the first
    or last column keeps the whole number on x, one in the first or last row on y.
    Arguments, results and errors as in `decode_argmax`.

    Source: ours; with l = log b, dx = (l[x-1] - l[x+1]) / (2 (l[x-1] - 2 l[x] + l[x+1])).
    """
    return _decode(belief_maps, "log_parabola", backend)


def decode_dark(
    belief_maps: Tensor, blur_kernel: int = 11, *, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Best cell plus one Newton step on the logarithm of the blurred map: DARK exactly as in mmpose.

    The map is blurred (zeros around it), multiplied by old maximum / new maximum, and replaced by the log
    of max(value, 1e-10). First and second central differences at the best cell of the map *before* the
    blur give the step, which nothing bounds: noise can throw it many cells. No step unless 1 < x < W - 2
    and 1 < y < H - 2, where the Hessian is singular, or where the map holds NaN or infinity.
    A map whose best value is not above zero has no joint: (-1, -1), its score kept.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16.
        blur_kernel: odd size in cells of the Gaussian; mmpose pairs 11 with sigma 2 and 17 with sigma 3.
        backend: as of `decode_argmax`.

    Returns and raises: as `decode_argmax`; ValueError also for a blur_kernel that is even or not positive.

    Source: Zhang et al. 2020 (arXiv 1910.06278) as in mmpose 759b39c, `refine_keypoints_dark`;
    golden/decode_*.npz.
    """
    return _decode(belief_maps, "dark", backend, blur_kernel=blur_kernel)


def _decode(maps: Tensor, method: str, backend: str, **options) -> tuple[Tensor, Tensor]:
    maps = checked(maps).detach()
    taps = _taps(method, **options)
    if ops.resolve(backend, maps.device, maps.dtype) == "torch":
        return decode_reference(maps, method, **options)
    ops.check_counts(*maps.shape[1:])
    return ops.call("decode", maps, [*METHODS].index(method), _on(maps, taps, torch.float32))


def _taps(method: str, **options) -> list[float]:
    """What the blur of "dark" weighs its cells with; the others have none, and no options."""
    if method == "dark":
        return gaussian_taps(options.pop("blur_kernel", 11), **options)
    if options:
        raise TypeError(f"{method!r} takes no option {', '.join(options)}")
    return []


def _on(maps: Tensor, numbers: Sequence, dtype: torch.dtype) -> Tensor:
    return torch.tensor(numbers, dtype=dtype).to(maps.device, non_blocking=True)


# Their order is that of cpm::Method in csrc/rules.h, whose numbers the ops take.
METHODS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "argmax": decode_argmax,
    "quarter": decode_quarter,
    "msra": decode_msra,
    "log_parabola": decode_log_parabola,
    "dark": decode_dark,
}


def decode(
    belief_maps: Tensor, method: str = "log_parabola", *, backend: str = "auto", **options
) -> tuple[Tensor, Tensor]:
    """Joints of belief maps by one of `METHODS`.

    Args:
        belief_maps: (N, J, H, W) float32 or bfloat16; leave out the background map.
        method: "argmax", "quarter", "msra", "log_parabola" or "dark".
        backend: as of `decode_argmax`.
        options: passed on to the decoder (blur_kernel of "dark").

    Returns:
        joints: (N, J, 2) float32, (x, y) in map cells.
        scores: (N, J) float32, the map's value at its best cell.

    Raises:
        ValueError: an unknown method; and what the decoder raises.
    """
    if method not in METHODS:
        raise ValueError(f"unknown decoding method {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method](belief_maps, backend=backend, **options)


def merge_flip_decode(
    maps: Tensor,
    maps_of_mirrored: Tensor,
    permutation: Sequence[int],
    *,
    shift: bool,
    method: str = "log_parabola",
    backend: str = "auto",
    **options,
) -> tuple[Tensor, Tensor]:
    """Joints of the mean of two passes: `decode(merge_flip(...))` without writing the merged maps.

    Args:
        maps, maps_of_mirrored, permutation, shift: as of `merge_flip`, both maps of one type.
        method, backend, options: as of `decode`.

    Returns:
        joints: (N, C, 2) float32, (x, y) in map cells.
        scores: (N, C) float32, the merged map's value at its best cell.

    Raises:
        TypeError, ValueError, BackendUnavailable: as `merge_flip` and `decode`; maps of two types.
    """
    if method not in METHODS:
        raise ValueError(f"unknown decoding method {method!r}; there are {', '.join(METHODS)}")
    order = checked_order(maps, maps_of_mirrored, permutation, shift)
    if maps.dtype != maps_of_mirrored.dtype or maps.device != maps_of_mirrored.device:
        raise TypeError(
            f"maps and maps_of_mirrored must be of one type and device, not {maps.dtype} on {maps.device} and "
            f"{maps_of_mirrored.dtype} on {maps_of_mirrored.device}"
        )
    maps, maps_of_mirrored, taps = maps.detach(), maps_of_mirrored.detach(), _taps(method, **options)
    if ops.resolve(backend, maps.device, maps.dtype) == "torch":
        return merge_flip_decode_reference(
            maps, maps_of_mirrored, permutation, shift=shift, method=method, **options
        )
    ops.check_counts(*maps.shape[1:])
    return ops.call(
        "merge_flip_decode", maps, maps_of_mirrored, _on(maps, order, torch.int32), shift,
        [*METHODS].index(method), _on(maps, taps, torch.float32),
    )  # fmt: skip
