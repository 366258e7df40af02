"""ex08, wrong answers, continued."""


# %% wrong: padding-ignored
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += reach / 2 * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: padding-in-pixels
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += reach / 2 * step - padding
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: middle-in-cells
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += reach / 2 - padding
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: middle-stride-first
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        step *= stride
        middle += (reach / 2 - padding) * step
        table.append((size, step, middle))
    return table


# %% wrong: middle-rounded | whole division
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach // 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: middle-half-off | kernel / 2
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (dilation * kernel / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: middle-half-off | pixels begin at 0.5
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.5
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: middle-without-dilation
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += ((kernel - 1) / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: edge-not-middle | the first pixel
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle - (size - 1) / 2))
    return table


# %% wrong: middle-wrong | padding on both sides
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - 2 * padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: backwards
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers[::-1]:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: last-layer-only
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return size, step, middle


# %% wrong: input-as-a-layer
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    table.append((size, step, middle))
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: sizes-only | as in the notebook on receptive fields
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append(size)
    return table


# %% wrong: other-order | step before size
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((step, size, middle))
    return table


# %% wrong: other-order | one row a number
import numpy as np


def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return np.array(table).T


# %% wrong: returns-nothing
import numpy as np


def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    np.array(table)


# %% wrong: raises | layers are no objects with names
def receptive_fields(layers):
    size, step, table = 1, 1, []
    for layer in layers:
        size += (layer.kernel - 1) * step
        step *= layer.stride
        table.append((size, step, 0))
    return table


# %% wrong: delegates
from cpm_edu.receptive_field import Layer, rows


def receptive_fields(layers):
    return [row[-3:] for row in rows(Layer("", *numbers) for numbers in layers)]
