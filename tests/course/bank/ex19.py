# %% right: vectorised
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    width, height = head_boxes[:, 2] - head_boxes[:, 0], head_boxes[:, 3] - head_boxes[:, 1]
    size = 0.6 * np.hypot(width, height)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error / size[:, None] <= threshold)[counts].mean()


# %% right: loops
import math


def pckh(pred, truth, labelled, head_boxes, threshold):
    right = counted = 0
    for n, (x1, y1, x2, y2) in enumerate(head_boxes):
        size = 0.6 * math.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)
        for j in range(16):
            if j in (6, 7) or not labelled[n, j]:
                continue
            counted += 1
            dx, dy = pred[n, j] - truth[n, j]
            if math.sqrt(dx**2 + dy**2) <= threshold * size:
                right += 1
    return right / counted


# %% right: joints deleted
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    pred, truth, labelled = (np.delete(a, [6, 7], axis=1) for a in (pred, truth, labelled))
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1, keepdims=True)
    error = np.where(labelled, np.linalg.norm(pred - truth, axis=2), np.inf)
    return np.count_nonzero(error <= threshold * size) / labelled.sum()


# %% wrong: pelvis-and-thorax
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[labelled].mean()


# %% wrong: counted-from-one
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [7, 8]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: wrong-subset | the neck is left out too
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, 6:9] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: wrong-subset | the slice 6:7 holds one joint
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, 6:7] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: strict
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error < threshold * size[:, None])[counts].mean()


# %% wrong: percent
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return 100 * (error <= threshold * size[:, None])[counts].mean()


# %% wrong: count-for-share
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return np.count_nonzero((error <= threshold * size[:, None]) & counts)


# %% wrong: share-of-misses
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error > threshold * size[:, None])[counts].mean()


# %% wrong: no-root
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = ((pred - truth) ** 2).sum(-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: mean-of-joints
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    right = np.linalg.norm(pred - truth, axis=-1) <= threshold * size[:, None]
    scored = [j for j in range(16) if j not in (6, 7) and labelled[:, j].any()]
    return np.mean([right[labelled[:, j], j].mean() for j in scored])


# %% wrong: mean-of-people
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    shares = []
    for p, t, known, box in zip(pred, truth, labelled, head_boxes):
        size = 0.6 * np.linalg.norm(box[2:] - box[:2])
        scored = [j for j in range(16) if known[j] and j not in (6, 7)]
        shares.append((np.linalg.norm(p - t, axis=-1)[scored] <= threshold * size).mean())
    return np.mean(shares)


# %% wrong: mean-of-groups | the seven columns of the table
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    right = np.linalg.norm(pred - truth, axis=-1) <= threshold * size[:, None]

    def share(j):
        return right[labelled[:, j], j].mean() if labelled[:, j].any() else np.nan

    groups = [(9,), (12, 13), (11, 14), (10, 15), (2, 3), (1, 4), (0, 5)]
    return np.nanmean([np.nanmean([share(j) for j in group]) for group in groups])


# %% wrong: whole-diagonal
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: side-for-diagonal | the height
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * (head_boxes[:, 3] - head_boxes[:, 1])
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: side-for-diagonal | the longer side
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * (head_boxes[:, 2:] - head_boxes[:, :2]).max(1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: head-of-pose
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = np.linalg.norm(truth[:, 9] - truth[:, 8], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: unlabelled-counted
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    error = np.linalg.norm(pred - truth, axis=-1)
    right = error <= threshold * size[:, None]
    return np.delete(right, [6, 7], axis=1).mean()


# %% wrong: unlabelled-counted | divided by all
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    error = np.linalg.norm(pred - truth, axis=-1)
    right = (error <= threshold * size[:, None]) & labelled
    return np.delete(right, [6, 7], axis=1).sum() / (len(pred) * 14)


# %% wrong: one-head-for-all
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1).mean()
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    return (np.linalg.norm(pred - truth, axis=-1) <= threshold * size)[counts].mean()


# %% wrong: one-axis-only | along x
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.abs(pred[..., 0] - truth[..., 0])
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: sum-of-differences
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.abs(pred - truth).sum(-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: larger-difference
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    error = np.abs(pred - truth).max(-1)
    return (error <= threshold * size[:, None])[counts].mean()


# %% wrong: not-one-number | a share for every joint
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    right = (np.linalg.norm(pred - truth, axis=-1) <= threshold * size[:, None]) & labelled
    return right.sum(0) / labelled.sum(0)


# %% wrong: changes-input | labelled is overwritten
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)
    labelled[:, [6, 7]] = False
    error = np.linalg.norm(pred - truth, axis=-1)
    return (error <= threshold * size[:, None])[labelled].mean()


# %% wrong: delegates
from cpm_edu.metrics import head_sizes_mpii, pckh_mpii


def pckh(pred, truth, labelled, head_boxes, threshold):
    sizes = head_sizes_mpii(head_boxes)
    return pckh_mpii(pred, truth, labelled, head_sizes=sizes, threshold=threshold).mean


# %% wrong: box-as-size
import numpy as np


def pckh(pred, truth, labelled, head_boxes, threshold):
    size = 0.6 * np.hypot(head_boxes[:, 2], head_boxes[:, 3])
    error = np.linalg.norm(pred - truth, axis=-1)
    counts = labelled.copy()
    counts[:, [6, 7]] = False
    return (error <= threshold * size[:, None])[counts].mean()
