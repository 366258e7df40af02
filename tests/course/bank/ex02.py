# %% right: loops
import math

import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    beliefs = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            squared = (column - center_cells[0]) ** 2 + (row - center_cells[1]) ** 2
            beliefs[row, column] = math.exp(-squared / (2 * sigma_cells**2))
    return beliefs


# %% right: vectorised
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% right: a column times a row, in float32
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    def along(place, cells):
        return np.exp(-((np.arange(cells, dtype=np.float32) - place) ** 2) / (2 * sigma_cells**2))

    return np.outer(along(center_cells[1], size[0]), along(center_cells[0], size[1])).astype(np.float32)


# %% right: lists of lists
from math import exp


def gaussian_map(center_cells, size, sigma_cells):
    x, y = center_cells
    return [
        [exp(-((c - x) ** 2 + (r - y) ** 2) / 2 / sigma_cells / sigma_cells) for c in range(size[1])]
        for r in range(size[0])
    ]


# %% wrong: xy-swapped
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (rows - center_cells[0]) ** 2 + (columns - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: transposed | meshgrid with indexing="ij" of (W, H)
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]), indexing="ij")
    return np.exp(-((x - center_cells[0]) ** 2 + (y - center_cells[1]) ** 2) / (2 * sigma_cells**2))


# %% wrong: size-swapped
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: no-factor-2 | the paper's formula as printed
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / sigma_cells**2)


# %% wrong: sigma-not-squared
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells))


# %% wrong: sigma-alone
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / sigma_cells)


# %% wrong: factor-inside-the-square
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells) ** 2)


# %% wrong: distance-not-squared | np.hypot
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(columns - center_cells[0], rows - center_cells[1])
    return np.exp(-distance / (2 * sigma_cells**2))


# %% wrong: multiplied-by-sigma | brackets missing below the line
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / 2 * sigma_cells**2)


# %% wrong: grows
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(squared / (2 * sigma_cells**2))


# %% wrong: rounded | to the nearest cell, as mmpose's
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    x, y = np.round(center_cells)
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma_cells**2))


# %% wrong: rounded | int()
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    x, y = int(center_cells[0]), int(center_cells[1])
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma_cells**2))


# %% wrong: half-cell
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: counted-from-1
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[1 : size[0] + 1, 1 : size[1] + 1]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: stretched-grid | linspace(0, W, W)
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    columns, rows = np.meshgrid(np.linspace(0, size[1], size[1]), np.linspace(0, size[0], size[0]))
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: one-axis
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - center_cells[0]) ** 2) / (2 * sigma_cells**2))


# %% wrong: sum-of-two
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    along_x = np.exp(-((np.arange(size[1]) - center_cells[0]) ** 2) / (2 * sigma_cells**2))
    along_y = np.exp(-((np.arange(size[0]) - center_cells[1]) ** 2) / (2 * sigma_cells**2))
    return along_y[:, None] + along_x


# %% wrong: sums-to-one | the normal density
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2)) / (2 * np.pi * sigma_cells**2)


# %% wrong: sums-to-one | divided by its sum
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    beliefs = np.exp(-squared / (2 * sigma_cells**2))
    return beliefs / beliefs.sum()


# %% wrong: stretched-to-one
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    beliefs = np.exp(-squared / (2 * sigma_cells**2))
    return beliefs / beliefs.max()


# %% wrong: cut-off | a patch of 3 sigma
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    dx, dy = columns - center_cells[0], rows - center_cells[1]
    beliefs = np.exp(-(dx**2 + dy**2) / (2 * sigma_cells**2))
    beliefs[(abs(dx) > 3 * sigma_cells) | (abs(dy) > 3 * sigma_cells)] = 0
    return beliefs


# %% wrong: blank-outside
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    x, y = center_cells
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        return np.zeros(size)
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma_cells**2))


# %% wrong: whole-numbers
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    beliefs = np.zeros(size, dtype=int)
    for row in range(size[0]):
        for column in range(size[1]):
            squared = (column - center_cells[0]) ** 2 + (row - center_cells[1]) ** 2
            beliefs[row, column] = np.exp(-squared / (2 * sigma_cells**2))
    return beliefs


# %% wrong: changes-input
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    center_cells /= sigma_cells
    return np.exp(-squared / (2 * sigma_cells**2))


# %% wrong: returns-nothing
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    print(np.exp(-squared / (2 * sigma_cells**2)))


# %% wrong: raises | a method that lists do not have
import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - center_cells.x) ** 2 + (rows - center_cells.y) ** 2) / (2 * sigma_cells**2))


# %% wrong: delegates
import torch

from cpm_edu.targets import gaussian_targets


def gaussian_map(center_cells, size, sigma_cells):
    return gaussian_targets(torch.tensor(center_cells)[None], size, sigma_cells)[0]
