# %% right: loops
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    cells = []
    for x, y in points_px:
        cells.append([(x + half) / stride - half, (y + half) / stride - half])
    return cells


# %% right: vectorised
import numpy as np


def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return (np.asarray(points_px) + 0.5) / stride - 0.5
    return points_px / stride


# %% right: from the middle of the first cell, in float32
import numpy as np


def cells_from_px(points_px, stride, convention):
    first = {"center": (stride - 1) / 2, "msra": 0}[convention]
    return (points_px.astype(np.float32) - np.float32(first)) / np.float32(stride)


# %% wrong: rules-swapped
def cells_from_px(points_px, stride, convention):
    half = 0.0 if convention == "center" else 0.5
    return (points_px + half) / stride - half


# %% wrong: half-forgotten
def cells_from_px(points_px, stride, convention):
    return points_px / stride


# %% wrong: convention-ignored
def cells_from_px(points_px, stride, convention):
    return (points_px + 0.5) / stride - 0.5


# %% wrong: half-cell-missing
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return (points_px + 0.5) / stride
    return points_px / stride


# %% wrong: half-pixel-missing
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return points_px / stride - 0.5
    return points_px / stride


# %% wrong: half-pixel-missing | half a stride taken off
def cells_from_px(points_px, stride, convention):
    offset = stride / 2 if convention == "center" else 0
    return (points_px - offset) / stride


# %% wrong: halves-reversed
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    return (points_px - half) / stride + half


# %% wrong: brackets
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    return points_px + half / stride - half


# %% wrong: brackets | in one branch only
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return points_px + 0.5 / stride - 0.5
    return points_px / stride


# %% wrong: always-stride-8
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return (points_px + 0.5) / 8 - 0.5
    return points_px / 8


# %% wrong: always-stride-8 | the middle of 8 pixels
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return (points_px - 3.5) / stride
    return points_px / stride


# %% wrong: wrong-way
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    return (points_px + half) * stride - half


# %% wrong: rounded
import numpy as np


def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    return np.round((points_px + half) / stride - half)


# %% wrong: rounded | the cell that a pixel falls into
def cells_from_px(points_px, stride, convention):
    return points_px // stride


# %% wrong: rounded | // in both branches
def cells_from_px(points_px, stride, convention):
    if convention == "center":
        return (points_px + 0.5) // stride - 0.5
    return points_px // stride


# %% wrong: one-coordinate | y is left in pixels
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    cells = points_px.copy()
    cells[:, 0] = (cells[:, 0] + half) / stride - half
    return cells


# %% wrong: columns-swapped
import numpy as np


def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    y, x = points_px.T
    return (np.stack([x, y], 1) + half) / stride - half


# %% wrong: changes-input
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    points_px += half
    points_px /= stride
    points_px -= half
    return points_px


# %% wrong: wrong-shape | one point only
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    x, y = points_px[0]
    return [(x + half) / stride - half, (y + half) / stride - half]


# %% wrong: raises | a list has no stride
def cells_from_px(points_px, stride, convention):
    half = 0.5 if convention == "center" else 0.0
    return (points_px.tolist() + half) / stride - half


# %% wrong: returns-nothing
def cells_from_px(points_px, stride, convention):
    if convention == "centre":
        return (points_px + 0.5) / stride - 0.5
    if convention == "mmpose":
        return points_px / stride


# %% wrong: delegates
from cpm_edu import coords


def cells_from_px(points_px, stride, convention):
    return coords.cells_from_px(points_px, stride, convention).numpy()
