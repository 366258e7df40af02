"""ex12, wrong answers, continued."""

# %% wrong: divided-by-weights | by how many are not 0
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        squares = weights[:, :, None, None] * (maps - target) ** 2
        losses.append(squares[weights > 0].mean())
    return np.array(losses)


# %% wrong: not-averaged
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).sum())
    return np.array(losses)


# %% wrong: wrong-divisor | half the sum over the people, as in Caffe
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).sum() / (2 * len(maps)))
    return np.array(losses)


# %% wrong: wrong-divisor | the maps of a person added up
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).sum(1).mean())
    return np.array(losses)


# %% wrong: wrong-divisor | the cells added up
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).sum((2, 3)).mean())
    return np.array(losses)


# %% wrong: halved
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append(0.5 * (weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: not-squared
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * np.abs(maps - target)).mean())
    return np.array(losses)


# %% wrong: root-taken
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append(np.sqrt((weights[:, :, None, None] * (maps - target) ** 2).mean()))
    return np.array(losses)


# %% wrong: scaled | divided by the number of columns twice
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean() / maps.shape[-1])
    return np.array(losses)


# %% wrong: first-stage-wrong | counts less than the others
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean() * (0.3 if t == 0 else 1))
    return np.array(losses)


# %% wrong: later-stages-wrong | compared with the stage before
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else belief_maps[t - 1]
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: weights-at-the-cells
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: raises | people are no stages
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[t][:, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: returns-nothing
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    np.array(losses)


# %% wrong: changes-input
def stage_loss(belief_maps, targets, everybody, weights):
    belief_maps[0] -= everybody
    belief_maps[1:] -= targets
    return (weights[:, :, None, None] * belief_maps**2).mean(axis=(1, 2, 3, 4))


# %% wrong: delegates
import numpy as np
import torch

from cpm_edu.losses import stage_loss as finished


def stage_loss(belief_maps, targets, everybody, weights):
    aims = np.stack([everybody] + [targets] * (len(belief_maps) - 1))
    return finished(*(torch.as_tensor(a) for a in (belief_maps, aims, weights))).numpy()
