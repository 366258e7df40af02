# %% right: loops
import math


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    right = counted = 0
    for n in range(len(pred)):
        if not (labelled[n][a] and labelled[n][b]):
            continue
        length = math.dist(truth[n][a], truth[n][b])
        for j in range(len(pred[n])):
            if labelled[n][j]:
                counted += 1
                right += math.dist(pred[n][j], truth[n][j]) <= threshold * length
    return right / counted


# %% right: vectorised
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% right: people first, quotients
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    known = labelled[:, list(yardstick)].all(axis=1)
    pred, truth, labelled = pred[known], truth[known], labelled[known]
    length = np.hypot(*(truth[:, yardstick[0]] - truth[:, yardstick[1]]).T)
    quotient = np.hypot(*np.moveaxis(pred - truth, -1, 0)) / length[:, None]
    return float(np.sum((quotient <= threshold) & labelled) / np.sum(labelled))


# %% wrong: strict
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error < threshold * length[:, None])[counts].mean()


# %% wrong: percent
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return 100 * (error <= threshold * length[:, None])[counts].mean()


# %% wrong: count-for-share
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].sum()


# %% wrong: share-of-misses
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error > threshold * length[:, None])[counts].mean()


# %% wrong: sum-of-differences
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.abs(pred - truth).sum(-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: larger-difference
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.abs(pred - truth).max(-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: one-axis-only | along y
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.abs(pred - truth)[..., 1]
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: no-root
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = ((pred - truth) ** 2).sum(-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: mean-of-joints
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    right = (error <= threshold * length[:, None]) & counts
    return np.mean(
        [right[:, j].sum() / counts[:, j].sum() for j in range(right.shape[1]) if counts[:, j].any()]
    )


# %% wrong: mean-of-people
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    shares = []
    for p, t, known in zip(pred, truth, labelled):
        if known[a] and known[b]:
            limit = threshold * np.linalg.norm(t[a] - t[b])
            shares.append((np.linalg.norm(p - t, axis=-1)[known] <= limit).mean())
    return np.mean(shares)


# %% wrong: not-one-number
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    right = (error <= threshold * length[:, None]) & counts
    return right.sum(0) / counts.sum(0)


# %% wrong: no-yardstick
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    counts = labelled & labelled[:, list(yardstick)].all(1, keepdims=True)
    return (np.linalg.norm(pred - truth, axis=-1) <= threshold)[counts].mean()


# %% wrong: yardstick-of-prediction
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(pred[:, a] - pred[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: one-yardstick | the mean one
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    known = labelled[:, a] & labelled[:, b]
    error = np.linalg.norm(pred - truth, axis=-1)[known]
    length = np.linalg.norm(truth[known, a] - truth[known, b], axis=-1).mean()
    return (error <= threshold * length)[labelled[known]].mean()


# %% wrong: unlabelled-counted | labelled is never read
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    return (error <= threshold * length[:, None]).mean()


# %% wrong: unlabelled-counted | divided by all
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    return ((error <= threshold * length[:, None]) & counts).mean()


# %% wrong: person-without-yardstick
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    return (error <= threshold * length[:, None])[labelled].mean()


# %% wrong: person-without-yardstick | one end is enough
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & (labelled[:, [a]] | labelled[:, [b]])
    return (error <= threshold * length[:, None])[counts].mean()


# %% wrong: changes-input | the truth of unlabelled joints is cleaned
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    labelled &= labelled[:, [a]] & labelled[:, [b]]
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    return (error <= threshold * length[:, None])[labelled].mean()


# %% wrong: raises | lengths of people against joints
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, a] & labelled[:, b]
    return (error <= threshold * length)[counts].mean()


# %% wrong: delegates
import numpy as np

from cpm_edu.metrics import pck as library_pck


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]
    length = np.where(np.isfinite(length), length, 1)
    return library_pck(pred, truth, counts, normalizer=length, threshold=threshold, comparison="<=").mean


# %% wrong: unlabelled-counted | the mean over the whole array
import numpy as np


def pck(pred, truth, labelled, yardstick, threshold):
    a, b = yardstick
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    length[~(labelled[:, a] & labelled[:, b])] = np.nan
    error = np.linalg.norm(pred - truth, axis=-1)
    return ((error <= threshold * length[:, None]) & labelled).mean()
