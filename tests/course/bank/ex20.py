# %% right: vectorised
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    similarity = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    return similarity[visibility > 0].mean()


# %% right: loops
import math


def oks(pred, truth, visibility, area, sigmas):
    total, count = 0.0, 0
    for (px, py), (tx, ty), seen, sigma in zip(pred, truth, visibility, sigmas):
        if seen == 0:
            continue
        k = 2 * sigma
        total += math.exp(-((px - tx) ** 2 + (py - ty) ** 2) / (2 * area * k**2))
        count += 1
    return total / count


# %% right: only the labelled joints, with s
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    known = visibility != 0
    distance = np.linalg.norm(pred[known] - truth[known], axis=1)
    size, tolerance = np.sqrt(area), 2 * sigmas[known]
    return float(np.mean(np.exp(-0.5 * (distance / (size * tolerance)) ** 2)))


# %% wrong: hidden-left-out
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    similarity = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    visible = visibility > 1
    return similarity[visible].sum() / visible.sum() if visible.any() else np.nan


# %% wrong: unlabelled-counted
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * (2 * sigmas) ** 2)).mean()


# %% wrong: divided-by-all
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    similarity = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    return similarity[visibility > 0].sum() / len(similarity)


# %% wrong: sum-for-mean
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * (2 * sigmas) ** 2))[visibility > 0].sum()


# %% wrong: weighted-by-visibility
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.average(np.exp(-squared / (2 * area * (2 * sigmas) ** 2)), weights=visibility)


# %% wrong: sigma-for-k
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * sigmas**2))[visibility > 0].mean()


# %% wrong: area-for-size
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area**2 * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: root-of-area
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * np.sqrt(area) * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: no-two-below
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (area * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: k-not-squared
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * (2 * sigmas)))[visibility > 0].mean()


# %% wrong: distance-not-squared
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    distance = np.linalg.norm(pred - truth, axis=-1)
    return np.exp(-distance / (2 * area * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: mean-inside
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    exponent = squared / (2 * area * (2 * sigmas) ** 2)
    return np.exp(-exponent[visibility > 0].mean())


# %% wrong: similarity-a-joint
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * (2 * sigmas) ** 2))[visibility > 0]


# %% wrong: one-sigma-for-all
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / (2 * area * (2 * sigmas.mean()) ** 2))[visibility > 0].mean()


# %% wrong: grows | the minus is missing
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(squared / (2 * area * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: divides-first | no brackets below the line
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    return np.exp(-squared / 2 * area * (2 * sigmas) ** 2)[visibility > 0].mean()


# %% wrong: raises | one joint too many
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    total = 0
    for j in range(1, len(pred) + 1):
        total += np.exp(-((pred[j] - truth[j]) ** 2).sum() / (2 * area * (2 * sigmas[j]) ** 2))
    return total / len(pred)


# %% wrong: returns-nothing
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(-1)
    answer = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))[visibility > 0].mean()


# %% wrong: delegates
import cpm_edu.metrics as metrics


def oks(pred, truth, visibility, area, sigmas):
    return metrics.oks(pred[None], truth[None], visibility[None], areas=[area], sigmas=sigmas)[0]


# %% wrong: marks-as-indices
import numpy as np


def oks(pred, truth, visibility, area, sigmas):
    squared = ((pred - truth) ** 2).sum(1)
    return np.exp(-squared / (2 * area * (2 * sigmas) ** 2))[visibility].mean()
