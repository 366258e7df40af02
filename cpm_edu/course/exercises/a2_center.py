"""ex07: the center map as a stage reads it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...coords import cells_from_px
from ...targets import CENTER_BOX_PX, CENTER_SIGMA_PX, gaussian_targets
from ...targets import center_map as library_center_map
from ..exercise import Exercise, Mistake
from ..same import as_array, same_value

__all__ = ["EXERCISES"]


def _sigma_px(side_px: int) -> float:
    return CENTER_SIGMA_PX * side_px / CENTER_BOX_PX


def _pixels(center_px, size, sigma_px: float | None = None) -> Tensor:
    """(1, 1, H_in, W_in)."""
    return library_center_map(torch.as_tensor(center_px)[None], size, sigma_px, backend="torch")


def center_map(center_px: np.ndarray, size: tuple[int, int], stride: int) -> np.ndarray:
    return F.avg_pool2d(_pixels(center_px, size), stride)[0, 0].numpy()


def _with_sigma(sigma_px: Callable[[tuple[int, int]], float]) -> Callable[..., np.ndarray]:
    """The answer with another sigma, a function of the crop's size."""

    def answer(center_px, size, stride):
        return F.avg_pool2d(_pixels(center_px, size, sigma_px(size)), stride)[0, 0].numpy()

    return answer


def _moved(move: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """The answer for another center."""
    return lambda center_px, size, stride: center_map(np.asarray(move(center_px)), size, stride)


def _pooled(pool: Callable[[Tensor, int], Tensor]) -> Callable[..., np.ndarray]:
    """The answer with another way from pixels to cells."""
    return lambda center_px, size, stride: pool(_pixels(center_px, size), stride)[0, 0].numpy()


def _on_cells(center_px, size, stride):
    """A Gaussian that is drawn on the cells at once, never on pixels."""
    center = cells_from_px(torch.as_tensor(center_px), stride, "center")[None, None]
    cells = (size[0] // stride, size[1] // stride)
    return gaussian_targets(center, cells, _sigma_px(size[0]) / stride, backend="torch")[0, 0].numpy()


def _density(center_px, size, stride):
    return center_map(center_px, size, stride) / (2 * np.pi * _sigma_px(size[0]) ** 2)


def _peak_one(center_px, size, stride):
    cells = center_map(center_px, size, stride)
    return cells / cells.max()


def _is_scaled(cases, expected, outcomes) -> bool:
    """Every map is the right one times a factor of its own."""
    if all(same_value(o.value, w) for o, w in zip(outcomes, expected, strict=True)):
        return False
    for wanted, outcome in zip(expected, outcomes, strict=True):
        found = as_array(outcome.value)
        if found is None or found.shape != wanted.shape or found.sum() <= 0 or wanted.sum() <= 0:
            return False
        if not np.allclose(found / found.sum(), wanted / wanted.sum(), rtol=1e-3, atol=1e-5):
            return False
    return True


def _is_elsewhere(cases, expected, outcomes) -> bool:
    """Right shapes, but in most cases another cell is the brightest."""
    pairs = [(as_array(o.value), w) for o, w in zip(outcomes, expected, strict=True)]
    if any(f is None or f.shape != w.shape or not np.isfinite(f).all() for f, w in pairs):
        return False
    return sum(w.flat[f.argmax()] < 0.9 * w.max() for f, w in pairs) > len(pairs) / 2


def _cases(rng: np.random.Generator):
    yield np.array([3.0, 0.0]), (2, 4), 2  # sigma 0.1 px: one pixel alone, so [[0, 1/4]]
    yield np.array([0.0, 1.0]), (4, 2), 1
    yield np.array([39.5, 7.5]), (32, 64), 8  # the middle of cell (4, 0) and its right neighbour
    yield np.array([20.0, 44.0]), (64, 96), 8
    for size, stride in (((17, 33), 1), ((160, 160), 8), ((48, 24), 4), ((64, 184), 8)):
        yield rng.uniform(0.1, 0.9, 2) * size[::-1], size, stride
    yield np.array([rng.uniform(-9, -3), 60.0]), (96, 64), 8  # off the crop: only the blob's foot is in it
    yield np.zeros(2), (1, 1), 1


MISTAKES = (
    Mistake(
        "not-pooled",
        "you return one number a pixel. A stage reads one number a cell: the averaging over blocks of stride x "
        "stride pixels is missing.",
        lambda center_px, size, stride: _pixels(center_px, size)[0, 0].numpy(),
    ),
    Mistake(
        "xy-swapped",
        "x and y are exchanged. center_px is (x, y), and x counts columns; size is (height, width).",
        _moved(lambda center_px: center_px[::-1].copy()),
    ),
    Mistake(
        "sigma-not-scaled",
        "sigma is 21 px in every crop. 21 px belongs to a crop of 368 px; a smaller crop needs a smaller sigma.",
        _with_sigma(lambda size: CENTER_SIGMA_PX),
    ),
    Mistake(
        "sigma-by-width",
        "sigma follows the width of the crop. It is scaled by the height, which stands first in size.",
        _with_sigma(lambda size: _sigma_px(size[1])),
    ),
    Mistake(
        "sigma-upside-down",
        "sigma grows where the crop shrinks: the ratio of the two heights is upside down.",
        _with_sigma(lambda size: CENTER_SIGMA_PX * CENTER_BOX_PX / size[0]),
    ),
    Mistake(
        "no-factor-two",
        "the blob is narrower than its sigma says: at a distance of sigma it should be exp(-1/2), and yours is "
        "exp(-1). What divides the squared distance?",
        _with_sigma(lambda size: _sigma_px(size[0]) / 2**0.5),
    ),
    Mistake(
        "sigma-not-squared",
        "in the exponent stands sigma where its square belongs.",
        _with_sigma(lambda size: _sigma_px(size[0]) ** 0.5),
    ),
    Mistake(
        "sigma-in-cells",
        "sigma is divided by the stride, but the Gaussian is drawn on pixels: there its unit is pixels.",
        lambda center_px, size, stride: _with_sigma(lambda size: _sigma_px(size[0]) / stride)(
            center_px, size, stride
        ),
    ),
    Mistake(
        "one-pixel-per-cell",
        "of every cell you take one pixel, such as the first one, in its upper left corner. (To draw on the cells at "
        "center_px / stride comes to the same.) A cell holds the mean of all its pixels.",
        (
            _pooled(lambda maps, stride: maps[..., ::stride, ::stride]),
            _pooled(lambda maps, stride: maps[..., stride // 2 :: stride, stride // 2 :: stride]),
        ),
    ),
    Mistake(
        "largest-of-a-cell",
        "of every cell you take the largest pixel. A cell holds the mean of its pixels.",
        _pooled(F.max_pool2d),
    ),
    Mistake(
        "summed",
        "the pixels of a cell are added up, not averaged: your numbers grow with the stride.",
        _pooled(lambda maps, stride: F.avg_pool2d(maps, stride, divisor_override=1)),
    ),
    Mistake(
        "drawn-on-cells",
        "of every cell you take one number, the Gaussian at the cell's middle. Draw it on the pixels first, then average "
        "the pixels of every cell.",
        _on_cells,
    ),
    Mistake(
        "rounded",
        "the center is rounded to a whole pixel before the blob is drawn.",
        (_moved(np.round), _moved(np.trunc)),
    ),
    Mistake(
        "half-pixel",
        "the blob lies half a pixel off. Pixel centres are whole numbers: the first pixel is at 0, not at 0.5 and "
        "not at -0.5.",
        (_moved(lambda center_px: center_px - 0.5), _moved(lambda center_px: center_px + 0.5)),
    ),
    Mistake(
        "peak-rescaled",
        "the cells are scaled up until the largest is 1. Averaging lowers the peak, and a stage reads it so.",
        _peak_one,
    ),
    Mistake(
        "density",
        "the blob is divided by 2 pi sigma squared, as a probability density is. A center map has the value 1 at "
        "the center pixel.",
        _density,
    ),
    Mistake(
        "scaled",
        "the blob has the right place and the right width, but all its numbers are too large or too small by one "
        "factor. What do you multiply or divide by?",
        seen=_is_scaled,
    ),
    Mistake(
        "elsewhere",
        "the blob is in the wrong place. Compare the brightest cell with the one that holds the center pixel: "
        "which number counts columns, which counts rows?",
        seen=_is_elsewhere,
    ),
)

EXERCISES = (
    Exercise(
        id="ex07",
        assignment="A2",
        name="center_map",
        title="The center map, as a stage reads it",
        minutes=25,
        points=4,
        asks_for="your own center map",
        forbids=(
            "cpm_edu.targets.center_map",
            "cpm_edu.targets.gaussian_targets",
            "cpm_edu.targets.gaussian_targets_reference",
        ),
        cases=_cases,
        reference=center_map,
        mistakes=MISTAKES,
        hints=(
            "There are two maps: one with a number a pixel, one with a number a cell. Which of them has a sigma, and "
            "how wide is it in a crop that is half as high as the paper's?",
            "Make the columns' x as a row of numbers and the rows' y as a column of numbers; their squared distances "
            "add up to the (H_in, W_in) map by broadcasting. For the cells, think of the map as blocks.",
            "pixels.reshape(rows, stride, columns, stride) has the row inside a block as its second axis and the "
            "column inside a block as its last. Average over these two.",
        ),
    ),
)
