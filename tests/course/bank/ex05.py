# %% right: loops
def to_image(points_crop, matrix):
    (a, b, x0), (c, d, y0) = matrix
    determinant = a * d - b * c
    points = []
    for x, y in points_crop:
        x, y = x - x0, y - y0
        points.append([(d * x - b * y) / determinant, (a * y - c * x) / determinant])
    return points


# %% right: vectorised
import numpy as np


def to_image(points_crop, matrix):
    return (points_crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


# %% right: solve, in float32
import numpy as np


def to_image(points_crop, matrix):
    matrix = matrix.astype(np.float32)
    return np.linalg.solve(matrix[:, :2], points_crop.astype(np.float32).T - matrix[:, 2:]).T


# %% right: three rows and the inverse of all
import numpy as np


def to_image(points_crop, matrix):
    whole = np.vstack([matrix, [0, 0, 1]])
    points = np.column_stack([points_crop, np.ones(len(points_crop))])
    return np.array([(np.linalg.inv(whole) @ p)[:2] for p in points])


# %% wrong: forward
def to_image(points_crop, matrix):
    return points_crop @ matrix[:, :2].T + matrix[:, 2]


# %% wrong: shift-forgotten
import numpy as np


def to_image(points_crop, matrix):
    return points_crop @ np.linalg.inv(matrix[:, :2]).T


# %% wrong: shift-last
import numpy as np


def to_image(points_crop, matrix):
    return points_crop @ np.linalg.inv(matrix[:, :2]).T - matrix[:, 2]


# %% wrong: shift-added
import numpy as np


def to_image(points_crop, matrix):
    return (points_crop + matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


# %% wrong: only-the-shift
def to_image(points_crop, matrix):
    return points_crop - matrix[:, 2]


# %% wrong: rows-times-matrix
import numpy as np


def to_image(points_crop, matrix):
    return (points_crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2])


# %% wrong: transposed-for-inverse
def to_image(points_crop, matrix):
    return (points_crop - matrix[:, 2]) @ matrix[:, :2]


# %% wrong: turns-and-zooms-only
import numpy as np


def to_image(points_crop, matrix):
    zoom = np.hypot(matrix[0, 0], matrix[1, 0])
    return (points_crop - matrix[:, 2]) @ matrix[:, :2] / zoom**2


# %% wrong: diagonal-only
import numpy as np


def to_image(points_crop, matrix):
    with np.errstate(all="ignore"):
        return (points_crop - matrix[:, 2]) / np.array([matrix[0, 0], matrix[1, 1]])


# %% wrong: numbers-inverted
import numpy as np


def to_image(points_crop, matrix):
    with np.errstate(all="ignore"):
        return (points_crop - matrix[:, 2]) @ (1 / matrix[:, :2]).T


# %% wrong: columns-swapped
import numpy as np


def to_image(points_crop, matrix):
    found = (points_crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.stack([found[:, 1], found[:, 0]], 1)


# %% wrong: xy-read-swapped
import numpy as np


def to_image(points_crop, matrix):
    y, x = points_crop.T
    return (np.stack([x, y], 1) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


# %% wrong: points-in-columns
import numpy as np


def to_image(points_crop, matrix):
    return np.linalg.inv(matrix[:, :2]) @ (points_crop.T - matrix[:, 2:])


# %% wrong: rounded
import numpy as np


def to_image(points_crop, matrix):
    return np.round((points_crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


# %% wrong: raises | the inverse of 2 x 3 numbers
import numpy as np


def to_image(points_crop, matrix):
    return points_crop @ np.linalg.inv(matrix).T


# %% wrong: wrong-shape | the third column is left on
import numpy as np


def to_image(points_crop, matrix):
    whole = np.vstack([matrix, [0, 0, 1]])
    points = np.column_stack([points_crop, np.ones(len(points_crop))])
    return points @ np.linalg.inv(whole).T


# %% wrong: changes-input
import numpy as np


def to_image(points_crop, matrix):
    points_crop -= matrix[:, 2]
    return points_crop @ np.linalg.inv(matrix[:, :2]).T


# %% wrong: delegates
import torch

from cpm_edu.coords import apply_affine, invert_affine


def to_image(points_crop, matrix):
    return apply_affine(invert_affine(torch.from_numpy(matrix)), torch.from_numpy(points_crop)).numpy()
