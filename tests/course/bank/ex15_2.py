"""ex15, wrong answers, continued."""

# %% wrong: mean-place
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            point[axis] += (three[2] - three[0]) / three.sum()
    return point


# %% wrong: quarter-again
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            point[axis] += 0.25 * np.sign(three[2] - three[0])
    return point


# %% wrong: both-axes-stop
import numpy as np


def log_parabola(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    if not (0 < x < width - 1 and 0 < y < height - 1):
        return point
    for axis, three in enumerate((belief_map[y, x - 1 : x + 2], belief_map[y - 1 : y + 2, x])):
        if three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: both-axes-stop | for a zero too
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell + 1
    padded = np.pad(belief_map, 1)
    step = np.zeros(2)
    for axis, three in enumerate((padded[y, x - 1 : x + 2], padded[y - 1 : y + 2, x])):
        if three.min() <= 0:
            return cell.astype(float)
        l0, l1, l2 = np.log(three)
        step[axis] = (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return cell + step


# %% wrong: border-too-wide
import numpy as np


def log_parabola(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    if 1 < x < width - 1 and belief_map[y, x - 1 : x + 2].min() > 0:
        l0, l1, l2 = np.log(belief_map[y, x - 1 : x + 2])
        point[0] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    if 1 < y < height - 1 and belief_map[y - 1 : y + 2, x].min() > 0:
        l0, l1, l2 = np.log(belief_map[y - 1 : y + 2, x])
        point[1] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: no-logarithm-there | NaN
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: no-logarithm-there | a floor
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            l0, l1, l2 = np.log(np.maximum(three, 1e-10))
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2) - 1e-12)
    return point


# %% wrong: no-logarithm-there | math.log raises
import math

import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            l0, l1, l2 = (math.log(b) for b in three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: no-logarithm-there | negative is asked for, zero is not
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() >= 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: border | the other end of the map
import numpy as np


def log_parabola(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    lines = (
        belief_map[y].take([x - 1, x, x + 1], mode="wrap"),
        belief_map[:, x].take([y - 1, y, y + 1], mode="wrap"),
    )
    for axis, three in enumerate(lines):
        if three.min() > 0:
            l0, l1, l2 = np.log(three)
            down = 2 * (l0 - 2 * l1 + l2)
            point[axis] += (l0 - l2) / down if down else 0
    return point


# %% wrong: no-three-values | asks for nothing
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    logs = np.log(belief_map)
    dx = (logs[y, x - 1] - logs[y, x + 1]) / (2 * (logs[y, x - 1] - 2 * logs[y, x] + logs[y, x + 1]))
    dy = (logs[y - 1, x] - logs[y + 1, x]) / (2 * (logs[y - 1, x] - 2 * logs[y, x] + logs[y + 1, x]))
    return np.array([x + dx, y + dy])


# %% wrong: delegates
import torch

from cpm_edu.decoding import decode


def log_parabola(belief_map, cell):
    return decode(torch.tensor(belief_map)[None, None], "log_parabola")[0][0, 0].numpy()


# %% wrong: y-upwards
import numpy as np


def step(b):
    if len(b) < 3 or min(b) <= 0:
        return 0.0
    logs = np.log(b)
    return (logs[0] - logs[2]) / (2 * (logs[0] - 2 * logs[1] + logs[2]))


def log_parabola(belief_map, cell):
    x, y = cell
    along_x = belief_map[y, x - 1 : x + 2] if x > 0 else []
    along_y = belief_map[y - 1 : y + 2, x] if y > 0 else []
    return x + step(along_x), y - step(along_y)


# %% wrong: brackets | the divisor has none of its own
import numpy as np


def step(b):
    if len(b) < 3 or min(b) <= 0:
        return 0.0
    logs = np.log(b)
    return (logs[0] - logs[2]) / 2 * (logs[0] - 2 * logs[1] + logs[2])


def log_parabola(belief_map, cell):
    x, y = cell
    along_x = belief_map[y, x - 1 : x + 2] if x > 0 else []
    along_y = belief_map[y - 1 : y + 2, x] if y > 0 else []
    return x + step(along_x), y + step(along_y)
