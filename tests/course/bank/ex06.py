# %% right: loops
def target_weights(visibility):
    weights = []
    for person in visibility:
        row = [1.0 if v > 0 else 0.0 for v in person]
        weights.append([*row, min(row)])
    return weights


# %% right: vectorised
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled, labelled.all(axis=1)]).astype(float)


# %% right: the product, in float32
import numpy as np


def target_weights(visibility):
    weights = np.ones((visibility.shape[0], visibility.shape[1] + 1), np.float32)
    weights[:, :-1] = np.minimum(visibility, 1)
    weights[:, -1] = weights[:, :-1].prod(axis=1)
    return weights


# %% right: True and False
import numpy as np


def target_weights(visibility):
    labelled = np.isin(visibility, (1, 2))
    return np.concatenate([labelled, ~(~labelled).any(1, keepdims=True)], axis=1)


# %% wrong: background-missing
def target_weights(visibility):
    return (visibility > 0).astype(float)


# %% wrong: background-first
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled.all(axis=1), labelled]).astype(float)


# %% wrong: background-always
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled, np.ones(len(labelled))])


# %% wrong: background-never
import numpy as np


def target_weights(visibility):
    people, joints = visibility.shape
    weights = np.zeros((people, joints + 1))
    weights[:, :joints] = visibility > 0
    return weights


# %% wrong: any-for-all
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled, labelled.any(axis=1)]).astype(float)


# %% wrong: share
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled, labelled.mean(axis=1)])


# %% wrong: background-reversed | 1 where something is missing
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.column_stack([labelled, (visibility == 0).any(axis=1)]).astype(float)


# %% wrong: whole-batch
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    weights = np.ones((len(labelled), labelled.shape[1] + 1))
    weights[:, :-1] = labelled
    weights[:, -1] = labelled.all()
    return weights


# %% wrong: hidden-dropped
import numpy as np


def target_weights(visibility):
    seen = visibility == 2
    return np.column_stack([seen, seen.all(axis=1)]).astype(float)


# %% wrong: hidden-dropped | the background knows better
import numpy as np


def target_weights(visibility):
    return np.column_stack([visibility > 1, (visibility > 0).all(axis=1)]).astype(float)


# %% wrong: background-asks-for-sight
import numpy as np


def target_weights(visibility):
    return np.column_stack([visibility > 0, (visibility == 2).all(axis=1)]).astype(float)


# %% wrong: code-as-weight
import numpy as np


def target_weights(visibility):
    return np.column_stack([visibility, visibility.all(axis=1)]).astype(float)


# %% wrong: code-as-weight | the smallest for the background
import numpy as np


def target_weights(visibility):
    return np.column_stack([visibility, visibility.min(axis=1)])


# %% wrong: hidden-half
import numpy as np


def target_weights(visibility):
    return np.column_stack([visibility / 2, (visibility > 0).all(axis=1)])


# %% wrong: hidden-only
import numpy as np


def target_weights(visibility):
    labelled = visibility == 1
    return np.column_stack([labelled, labelled.all(axis=1)]).astype(float)


# %% wrong: reversed
import numpy as np


def target_weights(visibility):
    missing = visibility == 0
    return np.column_stack([missing, missing.all(axis=1)]).astype(float)


# %% wrong: raises | all over the wrong axis
import numpy as np


def target_weights(visibility):
    labelled = visibility > 0
    return np.concatenate([labelled, labelled.all(axis=0)[:, None]], axis=1).astype(float)


# %% wrong: changes-input
import numpy as np


def target_weights(visibility):
    visibility[visibility == 2] = 1
    return np.column_stack([visibility, visibility.all(axis=1)]).astype(float)


# %% wrong: delegates
import torch

from cpm_edu.targets import background_weights


def target_weights(visibility):
    weights = torch.from_numpy(visibility > 0).float()
    return torch.cat([weights, background_weights(weights)], 1).numpy()
