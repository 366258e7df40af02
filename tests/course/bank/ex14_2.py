"""ex14, wrong answers, continued."""

# %% wrong: one-axis-only | toward the best of the four
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    best, step = -np.inf, (0, 0)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        if 0 <= x + dx < width and 0 <= y + dy < height and belief_map[y + dy, x + dx] > best:
            best, step = belief_map[y + dy, x + dx], (dx, dy)
    return cell + 0.25 * np.array(step)


# %% wrong: equal-neighbours | else means left
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 if belief_map[y, x + 1] > belief_map[y, x - 1] else -0.25
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 if belief_map[y + 1, x] > belief_map[y - 1, x] else -0.25
    return point


# %% wrong: equal-neighbours | >=
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 if belief_map[y, x + 1] >= belief_map[y, x - 1] else -0.25
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 if belief_map[y + 1, x] >= belief_map[y - 1, x] else -0.25
    return point


# %% wrong: both-axes-stop
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    if not (0 < x < width - 1 and 0 < y < height - 1):
        return cell.astype(float)
    dx = np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    dy = np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return cell + 0.25 * np.array([dx, dy])


# %% wrong: border-too-wide | mmpose's 1 < x
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    if 1 < x < width - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 1 < y < height - 1:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: border-too-wide | off by one at W - 1
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    if 0 < x < width - 2:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < height - 2:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: border | nobody asks
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    dx = np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    dy = np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return cell + 0.25 * np.array([dx, dy])


# %% wrong: border | off by one at the last column: an IndexError
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = cell.astype(float)
    if 0 < x < width:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < height:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: border | the nearest cell inside stands in
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell + 1
    padded = np.pad(belief_map, 1, mode="edge")
    slope = np.array([padded[y, x + 1] - padded[y, x - 1], padded[y + 1, x] - padded[y - 1, x]])
    return cell + 0.25 * np.sign(slope)


# %% wrong: border | zeros stand in
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell + 1
    padded = np.pad(belief_map, 1)
    slope = np.array([padded[y, x + 1] - padded[y, x - 1], padded[y + 1, x] - padded[y - 1, x]])
    return cell + 0.25 * np.sign(slope)


# %% wrong: changes-input
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    belief_map -= belief_map.min()
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: raises | the map is asked for its width
def quarter_offset(belief_map, cell):
    x, y = cell
    if 0 < x < belief_map.width - 1:
        x = x + 0.25
    return x, y


# %% wrong: delegates
import torch

from cpm_edu.decoding import decode_quarter


def quarter_offset(belief_map, cell):
    return decode_quarter(torch.tensor(belief_map)[None, None])[0][0, 0].numpy()


# %% wrong: y-upwards
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * np.sign(belief_map[y - 1, x] - belief_map[y + 1, x])
    return point
