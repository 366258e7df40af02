# %% right: with if
import numpy as np


def quarter_offset(belief_map, cell):
    height, width = belief_map.shape
    x, y = cell
    point = [float(x), float(y)]
    if 0 < x < width - 1:
        if belief_map[y, x + 1] > belief_map[y, x - 1]:
            point[0] += 0.25
        elif belief_map[y, x + 1] < belief_map[y, x - 1]:
            point[0] -= 0.25
    if 0 < y < height - 1:
        if belief_map[y + 1, x] > belief_map[y - 1, x]:
            point[1] += 0.25
        elif belief_map[y + 1, x] < belief_map[y - 1, x]:
            point[1] -= 0.25
    return np.array(point)


# %% right: signs
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(np.float32)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% right: a padded map
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell + 1
    padded = np.pad(belief_map.astype(float), 1, constant_values=np.nan)
    slope = np.array([padded[y, x + 1] - padded[y, x - 1], padded[y + 1, x] - padded[y - 1, x]])
    return cell + np.nan_to_num(0.25 * np.sign(slope))


# %% wrong: wrong-direction
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x - 1] - belief_map[y, x + 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * np.sign(belief_map[y - 1, x] - belief_map[y + 1, x])
    return point


# %% wrong: yx-result
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    dx = dy = 0
    if 0 < x < belief_map.shape[1] - 1:
        dx = 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        dy = 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return np.array([y + dy, x + dx])


# %% wrong: xy-swapped | belief_map[x, y]
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[0] - 1 and y < belief_map.shape[1]:
        point[0] += 0.25 * np.sign(belief_map[x + 1, y] - belief_map[x - 1, y])
    if 0 < y < belief_map.shape[1] - 1 and x < belief_map.shape[0]:
        point[1] += 0.25 * np.sign(belief_map[x, y + 1] - belief_map[x, y - 1])
    return point


# %% wrong: xy-swapped | the steps have changed places
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    step = np.zeros(2)
    if 0 < y < belief_map.shape[0] - 1:
        step[0] = 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    if 0 < x < belief_map.shape[1] - 1:
        step[1] = 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    return cell + step


# %% wrong: whole-numbers | a copy of the cell
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.copy()
    if 0 < x < belief_map.shape[1] - 1:
        point[0] = x + 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] = y + 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: no-step | rounded at the end
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return np.round(point)


# %% wrong: step-alone
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    step = np.zeros(2)
    if 0 < x < belief_map.shape[1] - 1:
        step[0] = 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        step[1] = 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return step


# %% wrong: step-length | half a cell
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.5 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.5 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point


# %% wrong: slope-for-sign
import numpy as np


def quarter_offset(belief_map, cell):
    x, y = cell
    point = cell.astype(float)
    if 0 < x < belief_map.shape[1] - 1:
        point[0] += 0.25 * (belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < belief_map.shape[0] - 1:
        point[1] += 0.25 * (belief_map[y + 1, x] - belief_map[y - 1, x])
    return point
