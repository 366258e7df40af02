# %% right: vectorised
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21.0 * height / 368.0
    xs = np.arange(width)[None, :]
    ys = np.arange(height)[:, None]
    x, y = center_px
    blob = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% right: loops
import math

import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 / 368 * height
    cells = np.zeros((height // stride, width // stride))
    for row in range(height):
        along_y = math.exp(-((row - center_px[1]) ** 2) / (2 * sigma * sigma))
        for column in range(width):
            along_x = math.exp(-((column - center_px[0]) ** 2) / (2 * sigma * sigma))
            cells[row // stride, column // stride] += along_y * along_x / stride**2
    return cells


# %% right: float32, separable
import numpy as np


def center_map(center_px, size, stride):
    sigma = np.float32(21 * size[0] / 368)
    along = []
    for middle, count in ((center_px[1], size[0]), (center_px[0], size[1])):
        distance = (np.arange(count, dtype=np.float32) - np.float32(middle)) / sigma
        along.append(np.exp(-0.5 * distance**2).reshape(-1, stride).mean(1))
    return np.outer(*along)


# %% wrong: xy-swapped | center_px read as (row, column)
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    row, column = center_px
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - column) ** 2 + (ys - row) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: sigma-not-scaled | 21 px in every crop
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * 21**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: sigma-by-width | size read as (width, height) for the sigma
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * width / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: sigma-upside-down
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * 368 / height
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: no-factor-two | as the paper prints it
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / sigma**2)
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: sigma-not-squared
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: sigma-in-cells | the stride divides sigma though pixels are drawn
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368 / stride
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: not-pooled
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    return np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))


# %% wrong: one-pixel-per-cell
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob[::stride, ::stride]


# %% wrong: largest-of-a-cell
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).max(axis=(1, 3))


# %% wrong: summed
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).sum(axis=(1, 3))


# %% wrong: drawn-on-cells | one value at the middle of every cell
import numpy as np


def center_map(center_px, size, stride):
    rows, columns = size[0] // stride, size[1] // stride
    sigma = 21 * size[0] / 368
    xs = (np.arange(columns) + 0.5) * stride - 0.5
    ys = (np.arange(rows) + 0.5)[:, None] * stride - 0.5
    return np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))


# %% wrong: one-pixel-per-cell | drawn on cells, the half cell missing
import numpy as np


def center_map(center_px, size, stride):
    x, y = np.asarray(center_px) / stride
    sigma = 21 * size[0] / 368 / stride
    ys, xs = np.mgrid[: size[0] // stride, : size[1] // stride]
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))


# %% wrong: rounded
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    x, y = int(round(center_px[0])), int(round(center_px[1]))
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: rounded | cut to an int
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    x, y = center_px.astype(int)
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: half-pixel | pixel centres at 0.5, 1.5, ...
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width] + 0.5
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: peak-rescaled
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    cells = blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))
    return cells / cells.max()


# %% wrong: density
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    blob /= 2 * np.pi * sigma**2
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: scaled | divides by the stride once, not by its square
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).sum(axis=(1, 3)) / stride


# %% wrong: elsewhere | upside down
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob[::-1].reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: wrong-shape | columns first
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    return blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3)).T


# %% wrong: returns-nothing
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    ys, xs = np.mgrid[:height, :width]
    blob = np.exp(-((xs - center_px[0]) ** 2 + (ys - center_px[1]) ** 2) / (2 * sigma**2))
    blob.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))


# %% wrong: delegates
import torch
import torch.nn.functional as F

from cpm_edu.targets import center_map as finished


def center_map(center_px, size, stride):
    return F.avg_pool2d(finished(torch.as_tensor(center_px)[None], size), stride)[0, 0].numpy()


# %% wrong: one-pixel-per-cell | the one in the middle
import numpy as np


def center_map(center_px, size, stride):
    height, width = size
    sigma = 21 * height / 368
    r, c = np.mgrid[:height, :width]
    pixels = np.exp(-((c - center_px[0]) ** 2 + (r - center_px[1]) ** 2) / (2 * sigma**2))
    return pixels[stride // 2 :: stride, stride // 2 :: stride]
