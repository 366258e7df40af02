# %% right: a loop over the stages
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% right: vectorised
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    stages = len(belief_maps)
    aims = np.broadcast_to(targets, belief_maps.shape).copy()
    aims[0] = everybody
    squares = np.square(belief_maps - aims).mean(axis=(-2, -1))
    return (squares * weights).reshape(stages, -1).mean(axis=1)


# %% right: einsum
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    difference = belief_maps - targets
    difference[0] = belief_maps[0] - everybody
    people, joints, height, width = targets.shape
    return np.einsum("tnchw,tnchw,nc->t", difference, difference, weights) / (
        people * joints * height * width
    )


# %% right: numbers one by one, a list
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t in range(len(belief_maps)):
        target = targets if t else everybody
        total = count = 0
        for place in np.ndindex(target.shape):
            total += weights[place[:2]] * (belief_maps[t][place] - target[place]) ** 2
            count += 1
        losses.append(total / count)
    return losses


# %% wrong: summed-over-stages
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return sum(losses)


# %% wrong: averaged-over-stages
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.mean(losses)


# %% wrong: last-stage-only
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return losses[-1]


# %% wrong: last-stage-only | zeros for the others
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean() * (t == len(belief_maps) - 1))
    return np.array(losses)


# %% wrong: stage-1-like-the-others
def stage_loss(belief_maps, targets, everybody, weights):
    squares = (belief_maps - targets) ** 2
    return (squares * weights[:, :, None, None]).mean(axis=(1, 2, 3, 4))


# %% wrong: everybody-at-all-stages
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: targets-exchanged
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = targets if t == 0 else everybody
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: only-the-last-is-told
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = targets if t == len(belief_maps) - 1 else everybody
        losses.append((weights[:, :, None, None] * (maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: weights-ignored
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append(((maps - target) ** 2).mean())
    return np.array(losses)


# %% wrong: weights-squared
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append(((weights[:, :, None, None] * (maps - target)) ** 2).mean())
    return np.array(losses)


# %% wrong: weights-as-a-mask
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append(np.where(weights[:, :, None, None] > 0, (maps - target) ** 2, 0).mean())
    return np.array(losses)


# %% wrong: divided-by-weights | by their sum
import numpy as np


def stage_loss(belief_maps, targets, everybody, weights):
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        losses.append((weights * ((maps - target) ** 2).mean((2, 3))).sum() / weights.sum())
    return np.array(losses)
