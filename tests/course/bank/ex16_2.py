"""ex16, wrong answers, continued."""

# %% wrong: xy-swapped | the gradient in the order y, x
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y + 1, x] - m[y - 1, x], m[y, x + 1] - m[y, x - 1]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: yx-result
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell[::-1].astype(float)
    g = np.array([m[y + 1, x] - m[y - 1, x], m[y, x + 1] - m[y, x - 1]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell[::-1] - np.linalg.solve(np.array([[hyy, hxy], [hxy, hxx]]), g)


# %% wrong: whole-numbers
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    point = cell.copy()
    if 1 < x < width - 2 and 1 < y < height - 2:
        g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
        hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
        hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
        hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
        point[:] = cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)
    return point


# %% wrong: border-too-wide
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (2 < x < width - 3 and 2 < y < height - 3):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: border | one cell is not enough
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (0 < x < width - 1 and 0 < y < height - 1):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: border | the nearest cell inside stands in
import numpy as np


def dark_step(log_map, cell):
    x, y = cell + 2
    m = np.pad(log_map, 2, mode="edge")
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.pinv(np.array([[hxx, hxy], [hxy, hyy]])) @ g


# %% wrong: step-alone
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return np.zeros(2)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return -np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: no-step
def dark_step(log_map, cell):
    return cell.astype(float)


# %% wrong: delegates
import numpy as np
import torch

from cpm_edu.decoding import decode_dark


def dark_step(log_map, cell):
    return decode_dark(torch.tensor(np.exp(log_map))[None, None], blur_kernel=1)[0][0, 0].numpy()


# %% wrong: y-upwards
import numpy as np


def dark_step(log_map, cell):
    x, y = cell
    height, width = log_map.shape
    if not (2 <= x <= width - 3 and 2 <= y <= height - 3):
        return cell.astype(float)

    def at(i, j):
        return log_map[y + j, x + i]

    g = [(at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2]
    hxx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    hyy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    hxy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    step = np.linalg.solve([[hxx, hxy], [hxy, hyy]], g)
    return x - step[0], y + step[1]


# %% wrong: read-as-xy
import numpy as np


def dark_step(log_map, cell):
    x, y = cell
    height, width = log_map.shape
    if not (2 <= x <= width - 3 and 2 <= y <= height - 3):
        return cell.astype(float)

    def at(i, j):
        return log_map[x + i, y + j]

    g = [(at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2]
    hxx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    hyy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    hxy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    return cell - np.linalg.solve([[hxx, hxy], [hxy, hyy]], g)
