"""A1, the crop: one matrix from the photo to the crop, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from ... import coords
from ..exercise import Exercise, Mistake
from ..same import same_value

__all__ = ["CROP_MATRIX", "TO_IMAGE"]

SAME_PX = partial(same_value, atol=1e-3)  # pixels: differences of large numbers in float32


def _tensor(values) -> torch.Tensor:
    return torch.from_numpy(np.array(values, float, order="C"))  # a copy: torch takes no reversed views


# ex04: the matrix


def _matrix_cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([10.0, 20.0]), 40.0, (60, 80), 0.0
    yield np.array([10.0, 20.0]), 40.0, (60, 80), 90.0
    yield np.array([239.5, 264.5]), 490.0, (160, 160), 0.0
    for size in ((368, 368), (256, 192), (33, 17), (160, 160), (1, 1), (17, 33)):
        yield rng.uniform(50, 600, 2), float(rng.uniform(60, 500)), size, float(rng.uniform(-170, 170))


def _matrix(center_px, width_px, size, turn_deg, convention="center") -> np.ndarray:
    scale = _tensor([width_px, 1.0])  # its width decides the zoom
    matrix = coords.crop_matrix(_tensor(center_px), scale, size, rotation_deg=turn_deg, convention=convention)
    return matrix.numpy() + 0.0  # no -0


def _middle(size) -> np.ndarray:
    return coords.image_middle(size).double().numpy()


def _shifted(shift):
    """The right turn and zoom, and `shift(turn, center, middle, zoom)` for the last column."""

    def answer(center, width, size, turn):
        matrix = _matrix(center, width, size, turn)
        matrix[:, 2] = shift(matrix[:, :2], center, _middle(size), size[1] / width)
        return matrix

    return answer


CROP_MATRIX = Exercise(
    id="ex04",
    assignment="A1",
    name="crop_matrix",
    title="The matrix from the photo to the crop",
    minutes=35,
    points=5,
    asks_for="your own matrix",
    cases=_matrix_cases,
    reference=lambda center_px, width_px, size, turn_deg: _matrix(center_px, width_px, size, turn_deg),
    forbids=("cpm_edu.coords.crop_matrix", "cpm_edu.coords.person_matrix", "cpm_edu.coords.invert_affine"),
    same=SAME_PX,
    mistakes=(
        Mistake(
            "half-pixel",
            "turn and zoom are right, the shift is half a pixel off: a crop of 80 pixels has the pixels 0 to 79, and "
            "its middle is not 40.",
            lambda c, w, size, t: _matrix(c, w, size, t, "msra"),
        ),
        Mistake(
            "one-pixel",
            "turn and zoom are right, the shift is half a pixel off: the pixels of a crop 80 wide are 0 to 79, not 1 "
            "to 80.",
            _shifted(lambda a, c, middle, zoom: middle + 1 - a @ c),
        ),
        Mistake(
            "turns-the-other-way",
            "the picture turns clockwise: y grows downwards, so the matrix of the mathematics books turns the wrong way "
            "here. With turn_deg = 90 what was right of the person must come out above.",
            lambda c, w, size, t: _matrix(c, w, size, -t),
        ),
        Mistake(
            "degrees-as-radians",
            "without a turn your matrix is right, with one it is not: np.cos and np.sin want radians, turn_deg is in "
            "degrees.",
            lambda c, w, size, t: _matrix(c, w, size, np.degrees(t)),
        ),
        Mistake(
            "turn-forgotten",
            "turn_deg has no effect: your matrix is right for 0 degrees only.",
            lambda c, w, size, t: _matrix(c, w, size, 0.0),
        ),
        Mistake(
            "zoom-inverted",
            "the zoom is upside down: 40 photo pixels that fill a crop 80 wide must become larger, not smaller.",
            lambda c, w, size, t: _matrix(c, size[1] ** 2 / w, size, t),
        ),
        Mistake(
            "zoom-by-height",
            "the zoom comes from the height of the crop. width_px is a width: which of the two numbers of size belongs "
            "to it?",
            lambda c, w, size, t: _matrix(c, w * size[1] / size[0], size, t),
        ),
        Mistake(
            "zoom-forgotten",
            "nothing is zoomed: width_px has no effect on your matrix. That many photo pixels must fill the crop's width.",
            lambda c, w, size, t: _matrix(c, size[1], size, t),
        ),
        Mistake(
            "size-swapped",
            "the person comes to the middle of a crop that lies on its side: size is (height, width), and x goes with the "
            "width.",
            (
                _shifted(lambda a, c, middle, zoom: middle[::-1] - a @ c),
                lambda c, w, size, t: _matrix(c, w, size[::-1], t),
            ),
        ),
        Mistake(
            "center-swapped",
            "turn and zoom are right, the shift is not: center_px is (x, y), yours reads it as (y, x).",
            lambda c, w, size, t: _matrix(c[::-1], w, size, t),
        ),
        Mistake(
            "center-not-zoomed",
            "turn and zoom are right, the shift is not: the center is taken off as it stands in the photo. By then the "
            "picture is turned and zoomed, and the center with it. The order was: person to (0, 0), turn and zoom, to "
            "the middle.",
            _shifted(lambda a, c, middle, zoom: middle - c),
        ),
        Mistake(
            "center-not-turned",
            "right without a turn; with one the shift is wrong: the center was zoomed but not turned.",
            _shifted(lambda a, c, middle, zoom: middle - zoom * c),
        ),
        Mistake(
            "middle-zoomed",
            "turn and zoom are right, the shift is not: the way to the middle of the crop was turned and zoomed too. It "
            "is the last step, in crop pixels.",
            _shifted(lambda a, c, middle, zoom: a @ (middle - c)),
        ),
        Mistake(
            "person-at-the-corner",
            "your matrix takes the person to (0, 0), the corner of the crop. The step to its middle is missing.",
            _shifted(lambda a, c, middle, zoom: -a @ c),
        ),
        Mistake(
            "center-forgotten",
            "turn and zoom are right, but the last column has the middle of the crop only: the photo's corner comes "
            "there, not the person.",
            _shifted(lambda a, c, middle, zoom: middle),
        ),
        Mistake(
            "sign",
            "turn and zoom are right, the shift has a wrong sign: the center is to be taken off, the middle added.",
            (
                _shifted(lambda a, c, middle, zoom: middle + a @ c),
                _shifted(lambda a, c, middle, zoom: a @ c - middle),
                _shifted(lambda a, c, middle, zoom: -a @ c - middle),
            ),
        ),
        Mistake(
            "inverse",
            "your matrix goes the other way, from the crop to the photo.",
            lambda c, w, size, t: coords.invert_affine(_tensor(_matrix(c, w, size, t))).numpy(),
        ),
        Mistake(
            "three-rows",
            "the numbers are right; leave the last row (0, 0, 1) off: two rows of three are asked for.",
            lambda c, w, size, t: np.vstack([_matrix(c, w, size, t), [0.0, 0.0, 1.0]]),
        ),
    ),
    hints=(
        "Which three steps take a photo pixel to the crop? Write them as a sum and products first: what happens to the "
        "center, and what to a point one pixel right of it?",
        "With the 2 x 2 matrix T of turn and zoom, crop = T (photo - center) + middle. Multiply that out: what stands "
        "with photo is T, and the rest, which does not depend on the photo pixel, is the last column.",
        "zoom = width of the crop / width_px; T = zoom * [[cos, sin], [-sin, cos]] of the angle in radians; the last "
        "column is middle - T @ center_px with middle = ((width - 1) / 2, (height - 1) / 2).",
    ),
)


# ex05: the way back


def _back_cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[39.5, 29.5], [41.5, 29.5], [0.0, 0.0]]), np.array([[2.0, 0.0, 19.5], [0.0, 2.0, -10.5]])
    yield np.array([[39.5, 29.5], [39.5, 27.5], [0.0, 0.0]]), np.array([[0.0, 2.0, -0.5], [-2.0, 0.0, 49.5]])
    yield np.array([[3.0, 5.0]]), np.array([[1.0, 0.5, 2.0], [0.0, 4.0, 1.0]])  # no turn: a slant
    for rows in (1, 14, 17, 5):
        center, width, turn = rng.uniform(50, 400, 2), rng.uniform(60, 400), rng.uniform(-170, 170)
        matrix = coords.crop_matrix(
            center, np.array([width, width]), (160, 160), rotation_deg=turn, mirror=bool(rows % 2)
        ).numpy()
        yield rng.uniform(0, 160, (rows, 2)), matrix
    squeezed = rng.uniform(0.3, 2, (2, 3)) * [[1, -1, 30], [1, 1, -20]]
    yield rng.uniform(0, 160, (16, 2)), squeezed


def _back(points_crop, matrix) -> np.ndarray:
    inverse = coords.invert_affine(_tensor(matrix))
    return coords.apply_affine(inverse, _tensor(points_crop)).numpy()


def _linear(part, shift=(0.0, 0.0)):
    """(2, 3) matrix without a shift, or with one."""
    return np.column_stack([part, shift])


def _ahead(points, matrix) -> np.ndarray:
    return coords.apply_affine(matrix, points).numpy()


TO_IMAGE = Exercise(
    id="ex05",
    assignment="A1",
    name="to_image",
    title="From the crop back to the photo",
    minutes=20,
    points=3,
    asks_for="your own way back",
    cases=_back_cases,
    reference=_back,
    forbids=(
        "cpm_edu.coords.invert_affine",
        "cpm_edu.coords.apply_affine",
        "cpm_edu.coords.source_places",
    ),
    same=SAME_PX,
    mistakes=(
        Mistake(
            "forward",
            "your function applies the matrix as it is, so it goes from the photo to the crop once more. The point "
            "(39.5, 29.5), the middle of the crop, must come back to the person at (10, 20).",
            _ahead,
        ),
        Mistake(
            "shift-forgotten",
            "turn and zoom are undone, the shift (the last column) is not.",
            lambda p, a: _back(p, _linear(a[:, :2])),
        ),
        Mistake(
            "shift-last",
            "the steps are undone in the wrong order: on the way out the shift came last, so on the way back it goes "
            "first.",
            lambda p, a: _back(p, _linear(a[:, :2])) - a[:, 2],
        ),
        Mistake(
            "shift-added",
            "on the way out the shift was added; on the way back yours adds it again.",
            lambda p, a: _back(p, _linear(a[:, :2], -a[:, 2])),
        ),
        Mistake(
            "only-the-shift",
            "the shift is undone, turn and zoom are not.",
            lambda p, a: p - a[:, 2],
        ),
        Mistake(
            "rows-times-matrix",
            "without a turn yours is right, with one it turns the wrong way: points lie in rows here, and a matrix that "
            "multiplies rows from the right must be transposed.",
            lambda p, a: (p - a[:, 2]) @ np.linalg.inv(a[:, :2]),
        ),
        Mistake(
            "transposed-for-inverse",
            "the transpose undoes a turn, but a zoom it does twice. This matrix does both.",
            (lambda p, a: (p - a[:, 2]) @ a[:, :2], lambda p, a: (p - a[:, 2]) @ a[:, :2].T),
        ),
        Mistake(
            "turns-and-zooms-only",
            "yours is right for matrices that turn, zoom and mirror, but not for one that slants the picture or zooms x and "
            "y differently. matrix may be any.",
            (
                lambda p, a: (p - a[:, 2]) @ a[:, :2] / abs(np.linalg.det(a[:, :2])),
                lambda p, a: (p - a[:, 2]) @ a[:, :2] / (a[:, 0] @ a[:, 0]),
                lambda p, a: (p - a[:, 2]) @ a[:, :2] / (a[0, :2] @ a[0, :2]),
            ),
        ),
        Mistake(
            "diagonal-only",
            "without a turn yours is right; a turn mixes x and y, and dividing by two numbers of the matrix cannot undo "
            "that.",
            (
                lambda p, a: (p - a[:, 2]) / np.diag(a[:, :2]),
                lambda p, a: (p - a[:, 2]) / a[0, 0],
            ),
        ),
        Mistake(
            "numbers-inverted",
            "yours takes 1 / every number of the matrix. The inverse of a matrix is another thing: np.linalg.inv of its "
            "first two columns.",
            (lambda p, a: (p - a[:, 2]) @ (1 / a[:, :2]).T, lambda p, a: (p - a[:, 2]) @ (1 / a[:, :2])),
        ),
        Mistake(
            "columns-swapped",
            "the numbers are right, but x and y have changed places: the first column is x, in and out.",
            lambda p, a: _back(p, a)[:, ::-1],
        ),
        Mistake(
            "xy-read-swapped",
            "points are (x, y): yours reads them as (y, x) before it goes back.",
            lambda p, a: _back(p[:, ::-1], a),
        ),
        Mistake(
            "points-in-columns",
            "the numbers are right, but n points come out as 2 rows of n. They come in as n rows of 2.",
            lambda p, a: _back(p, a).T,
        ),
        Mistake(
            "rounded",
            "the answers are whole pixels. Points lie between pixels too: do not round.",
            (
                lambda p, a: np.round(_back(p, a)),
                lambda p, a: np.trunc(_back(p, a)),
                lambda p, a: np.floor(_back(p, a)),
            ),
        ),
    ),
    hints=(
        "crop = T photo + shift, where T is the first two columns of the matrix and shift the last. Solve that for photo.",
        "First take the shift off, then undo T. np.linalg.inv(T) undoes it; np.linalg.solve does both at once.",
        "For one point p: np.linalg.inv(T) @ (p - shift). For n points in rows the transposed inverse stands on the right: "
        "(points - shift) @ np.linalg.inv(T).T.",
    ),
)
