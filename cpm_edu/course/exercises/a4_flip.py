"""A4: the mean of the maps of an image and of its mirror image (ex17)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ...decoding_reference import merge_flip
from ...skeletons import COCO, LSP
from ..exercise import Exercise, Mistake

__all__ = ["EX17"]


def _permutation(*pairs: tuple[int, int], joints: int) -> np.ndarray:
    order = np.arange(joints)
    for left, right in pairs:
        order[[left, right]] = right, left
    return order


def _cases(rng: np.random.Generator) -> Iterator[tuple]:
    # A left wrist, a right wrist and a head, in maps of 2 rows and 3 columns.
    maps, mirrored = np.zeros((2, 3, 2, 3), np.float32)
    maps[0, 0, 0], maps[1, 1, 2], maps[2, 0, 1] = 0.8, 0.6, 1.0
    mirrored[1, 0, 2], mirrored[0, 1, 0], mirrored[2, 0, 1] = 0.6, 0.4, 0.8
    yield maps, mirrored, _permutation((0, 1), joints=3)
    head, head_mirrored = np.zeros((2, 1, 1, 4), np.float32)
    head[0, 0, 0], head_mirrored[0, 0, 3] = 0.5, 0.7
    yield head, head_mirrored, _permutation(joints=1)
    for order, height, width in (
        (_permutation((0, 1), joints=2), 1, 1),
        (_permutation((1, 2), (0, 4), joints=5), 17, 33),
        (_permutation((0, 3), (1, 2), joints=4), 4, 4),
        (np.array(LSP.flip_permutation), 46, 46),
        (np.array(COCO.flip_permutation), 9, 6),
    ):
        both = rng.random((2, len(order), height, width), np.float32)
        yield both[0], both[1], order
    both = rng.standard_normal((2, 3, 5, 8)).astype(np.float32)
    yield both[0], both[1], _permutation((0, 2), joints=3)


def _merged(
    maps: np.ndarray, mirrored: np.ndarray, permutation: np.ndarray, *, shift: bool = False
) -> np.ndarray:
    pair = [torch.from_numpy(m.copy())[None] for m in (maps, mirrored)]
    return merge_flip(*pair, permutation.tolist(), shift=shift)[0].numpy()


def _kept(permutation: np.ndarray) -> np.ndarray:
    return np.arange(len(permutation))


def _largest(maps: np.ndarray, mirrored: np.ndarray, permutation: np.ndarray) -> np.ndarray:
    return np.maximum(maps, 2 * _merged(maps, mirrored, permutation) - maps)


EX17 = Exercise(
    id="ex17",
    assignment="A4",
    name="merge_flipped",
    title="The flip test",
    minutes=20,
    points=3,
    asks_for="your own merging of the two passes",
    forbids=(
        "cpm_edu.decoding.merge_flip",
        "cpm_edu.decoding.merge_flip_decode",
        "cpm_edu.decoding_reference.merge_flip_decode_reference",
    ),
    cases=_cases,
    reference=lambda maps, maps_of_mirrored, permutation: _merged(maps, maps_of_mirrored, permutation),
    mistakes=(
        Mistake(
            "no-left-right-swap",
            "left and right are not swapped. In a mirror the left wrist looks like a right one and lies in the right "
            "wrist's map, so you add the map of one wrist to that of the other.",
            lambda a, b, order: _merged(a, b, _kept(order)),
        ),
        Mistake(
            "not-mirrored-back",
            "the maps of the mirrored image are still mirrored: what they show on the left lies on the right.",
            (
                lambda a, b, order: _merged(a, b[..., ::-1], order),
                lambda a, b, order: _merged(a, b[..., ::-1], _kept(order)),
            ),
        ),
        Mistake(
            "upside-down",
            "you turn the maps upside down: rows change places instead of columns. A map is (row, column).",
            (
                lambda a, b, order: _merged(a, b[:, ::-1, ::-1], order),
                lambda a, b, order: _merged(a, b[:, ::-1, ::-1], _kept(order)),
            ),
        ),
        Mistake(
            "turned-both-ways",
            "you reverse more than one axis: only the columns change places in a mirror.",
            (
                lambda a, b, order: _merged(a, b[:, ::-1], order),
                lambda a, b, order: _merged(a, b[:, ::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[::-1, ::-1], order),
                lambda a, b, order: _merged(a, b[::-1, ::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[order][::-1, ::-1], _kept(order)),
            ),
        ),
        Mistake(
            "joints-reversed",
            "you reverse the order of the joints. It is the columns that change places, and of the joints only those "
            "that permutation names.",
            (
                lambda a, b, order: _merged(a, b[::-1, :, ::-1], order),
                lambda a, b, order: _merged(a, b[::-1, :, ::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[order][::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[order][::-1, :, ::-1], _kept(order)),
            ),
        ),
        Mistake(
            "wrong-pass-swapped",
            "the swap of left and right hits the wrong maps: those of the image itself, or the mean. Only the mirrored "
            "image has its left and right exchanged.",
            (
                lambda a, b, order: _merged(a[order], b, _kept(order)),
                lambda a, b, order: _merged(a, b, _kept(order))[order],
            ),
        ),
        Mistake(
            "wrong-pass-mirrored",
            "you mirror the maps of the image itself, or the mean. The result has to fit the image as it is: only the "
            "second pass is turned round.",
            (
                lambda a, b, order: _merged(a[..., ::-1], b[..., ::-1], order),
                lambda a, b, order: _merged(a[..., ::-1], b[..., ::-1], _kept(order)),
                lambda a, b, order: _merged(a, b[..., ::-1], order)[..., ::-1],
                lambda a, b, order: _merged(a[..., ::-1], b, order),
                lambda a, b, order: _merged(a[order][..., ::-1], b[..., ::-1], _kept(order)),
            ),
        ),
        Mistake(
            "one-cell-shift",
            "everything that comes back lies one cell too far to the side. In this convention the cells of the mirrored "
            "image are the mirrored cells, without a shift.",
            (
                lambda a, b, order: _merged(a, b, order, shift=True),
                lambda a, b, order: _merged(a, np.roll(b, -1, -1), order),
                lambda a, b, order: _merged(a, np.roll(b, 1, -1), order),
            ),
        ),
        Mistake(
            "sum-for-mean",
            "your maps are twice too high: the mean of two is half of their sum.",
            lambda a, b, order: 2 * _merged(a, b, order),
        ),
        Mistake(
            "brackets",
            "a + b / 2 halves b alone: the sum needs brackets before it is halved.",
            (
                lambda a, b, order: _merged(a, b, order) + a / 2,
                lambda a, b, order: 2 * _merged(a, b, order) - a / 2,
            ),
        ),
        Mistake(
            "largest-for-mean",
            "you take the larger of the two beliefs. Asked for is their mean: a peak that only one pass sees should sink.",
            _largest,
        ),
        Mistake(
            "second-pass-alone",
            "you return what comes back from the mirror, without the maps of the image itself.",
            lambda a, b, order: 2 * _merged(a, b, order) - a,
        ),
    ),
    hints=(
        "Follow one bright cell: the left wrist in column 0 of a map 3 cells wide. In which map of the mirrored image "
        "is it, and in which column?",
        "Two things bring the second pass back: its columns in reverse order, and its maps in the order of "
        "permutation. The first pass stays as it is.",
        "maps_of_mirrored[permutation] exchanges the maps, [:, :, ::-1] reverses the columns; then the mean.",
    ),
)
