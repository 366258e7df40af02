# %% right: solve
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    point = cell.astype(float)
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return point
    m = log_map.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return point - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% right: the inverse of two by two by hand
def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = int(cell[0]), int(cell[1])
    if x < 2 or y < 2 or x > width - 3 or y > height - 3:
        return [float(x), float(y)]

    def at(dx, dy):
        return float(log_map[y + dy, x + dx])

    gx, gy = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    hxx = 0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0))
    hyy = 0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2))
    hxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    det = hxx * hyy - hxy * hxy
    return [x - (hyy * gx - hxy * gy) / det, y - (hxx * gy - hxy * gx) / det]


# %% right: np.gradient twice
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    if not (2 <= x <= width - 3 and 2 <= y <= height - 3):
        return cell * 1.0
    patch = log_map[y - 2 : y + 3, x - 2 : x + 3]
    along_y, along_x = np.gradient(patch)
    xy, xx = np.gradient(along_x)
    yy, yx = np.gradient(along_y)
    hessian = np.array([[xx[2, 2], yx[2, 2]], [xy[2, 2], yy[2, 2]]])
    return cell - np.linalg.inv(hessian) @ np.array([along_x[2, 2], along_y[2, 2]])


# %% wrong: wrong-direction
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell + np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: no-mixed-derivative
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    gx, gy = (m[y, x + 1] - m[y, x - 1]) / 2, (m[y + 1, x] - m[y - 1, x]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    return np.array([x - gx / hxx, y - gy / hyy])


# %% wrong: mixed-sign
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y - 1, x + 1] + m[y + 1, x - 1] - m[y + 1, x + 1] - m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: slope-for-step
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    return cell + np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2


# %% wrong: next-cells-only
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = m[y, x + 1] - 2 * m[y, x] + m[y, x - 1]
    hyy = m[y + 1, x] - 2 * m[y, x] + m[y - 1, x]
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: slope-not-halved
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]])
    hxx = (m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]) / 4
    hyy = (m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]) / 4
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: no-quarter | in hxx and hyy
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]]) / 2
    hxx = m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]
    hyy = m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]
    hxy = (m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)


# %% wrong: no-factors
import numpy as np


def dark_step(log_map, cell):
    height, width = log_map.shape
    x, y = cell
    m = log_map
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return cell.astype(float)
    g = np.array([m[y, x + 1] - m[y, x - 1], m[y + 1, x] - m[y - 1, x]])
    hxx = m[y, x + 2] - 2 * m[y, x] + m[y, x - 2]
    hyy = m[y + 2, x] - 2 * m[y, x] + m[y - 2, x]
    hxy = m[y + 1, x + 1] - m[y - 1, x + 1] - m[y + 1, x - 1] + m[y - 1, x - 1]
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)
