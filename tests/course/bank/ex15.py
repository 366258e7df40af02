# %% right: one axis after the other
import math

import numpy as np


def log_parabola(belief_map, cell):
    height, width = belief_map.shape
    x, y = int(cell[0]), int(cell[1])

    def step(before, best, after):
        if before <= 0 or best <= 0 or after <= 0:
            return 0.0
        l0, l1, l2 = math.log(before), math.log(best), math.log(after)
        return (l0 - l2) / (2 * (l0 - 2 * l1 + l2))

    dx = dy = 0.0
    if 0 < x < width - 1:
        dx = step(belief_map[y, x - 1], belief_map[y, x], belief_map[y, x + 1])
    if 0 < y < height - 1:
        dy = step(belief_map[y - 1, x], belief_map[y, x], belief_map[y + 1, x])
    return x + dx, y + dy


# %% right: slices
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% right: polyfit of logarithms to base 2, a padded map
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell + 1
    padded = np.pad(belief_map, 1)
    point = cell.astype(np.float64)
    for axis, three in enumerate((padded[y, x - 1 : x + 2], padded[y - 1 : y + 2, x])):
        if (three > 0).all():
            a, b, _ = np.polyfit([-1, 0, 1], np.log2(three.astype(np.float64)), 2)
            point[axis] -= b / (2 * a)
    return point


# %% wrong: no-logarithm
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            b0, b1, b2 = three
            point[axis] += (b0 - b2) / (2 * (b0 - 2 * b1 + b2))
    return point


# %% wrong: log-of-one-more
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3:
            l0, l1, l2 = np.log1p(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: wrong-direction
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l2 - l0) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: factor-two | the 2 below the line is missing
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (l0 - 2 * l1 + l2)
    return point


# %% wrong: factor-two | no brackets around the whole divisor
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / 2 * (1 / (l0 - 2 * l1 + l2)) / 2
    return point


# %% wrong: xy-swapped | belief_map[x, y]
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[max(x - 1, 0) : x + 2, min(y, belief_map.shape[1] - 1)], None
    lines = lines[0], belief_map[min(x, belief_map.shape[0] - 1), max(y - 1, 0) : y + 2]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: xy-swapped | the steps have changed places
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[max(y - 1, 0) : y + 2, x], belief_map[y, max(x - 1, 0) : x + 2]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: yx-result
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell[::-1].astype(float)
    lines = belief_map[max(y - 1, 0) : y + 2, x], belief_map[y, max(x - 1, 0) : x + 2]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: whole-numbers
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.copy()
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] = point[axis] + (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point


# %% wrong: step-alone
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    step = np.zeros(2)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            step[axis] = (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return step


# %% wrong: no-step | rounded to the nearest cell
import numpy as np


def log_parabola(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    lines = belief_map[y, max(x - 1, 0) : x + 2], belief_map[max(y - 1, 0) : y + 2, x]
    for axis, three in enumerate(lines):
        if len(three) == 3 and three.min() > 0:
            l0, l1, l2 = np.log(three)
            point[axis] += round((l0 - l2) / (2 * (l0 - 2 * l1 + l2)) * 0.99)
    return point
