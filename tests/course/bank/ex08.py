# %% right: loops
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% right: vectorised
import numpy as np


def receptive_fields(layers):
    kernel, stride, padding, dilation = np.array(layers, float).T
    after = np.cumprod(stride)
    before = after / stride
    reach = (kernel - 1) * dilation
    return np.stack([1 + np.cumsum(reach * before), after, np.cumsum((reach / 2 - padding) * before)], axis=1)


# %% right: first and last pixel are followed
import numpy as np


def receptive_fields(layers):
    first, last, step, table = 0, 0, 1, np.zeros((len(layers), 3))
    for k, (kernel, stride, padding, dilation) in enumerate(layers):
        first -= padding * step
        last += ((kernel - 1) * dilation - padding) * step
        step *= stride
        table[k] = last - first + 1, step, (first + last) / 2
    return table


# %% wrong: stride-first | the step is updated too early
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        step *= stride
        size += reach * step
        middle += (reach / 2 - padding) * step
        table.append((size, step, middle))
    return table


# %% wrong: step-ignored
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach
        middle += reach / 2 - padding
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: own-stride
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * stride
        middle += (reach / 2 - padding) * stride
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: kernel-not-minus-one
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = kernel * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: kernel-not-minus-one | with the right middle
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += kernel * dilation * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: dilation-ignored
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = kernel - 1
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: dilation-times-kernel
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = kernel * dilation - 1
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: dilation-as-gap
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * (dilation + 1)
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: padding-in-size | padding taken off
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += (reach - 2 * padding) * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: size-starts-at-zero
def receptive_fields(layers):
    size, step, middle = 0, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table


# %% wrong: strides-added
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step += stride
        table.append((size, step, middle))
    return table


# %% wrong: strides-added | stride 1 adds nothing
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step += stride - 1
        table.append((size, step, middle))
    return table


# %% wrong: step-forgets
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step = stride
        table.append((size, step, middle))
    return table


# %% wrong: step-wrong | the step of the input, not of the output
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step // stride, middle))
    return table


# %% wrong: size-wrong | every layer counts twice
def receptive_fields(layers):
    size, step, middle = 1, 1, 0.0
    table = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation
        size += 2 * reach * step
        middle += (reach / 2 - padding) * step
        step *= stride
        table.append((size, step, middle))
    return table
