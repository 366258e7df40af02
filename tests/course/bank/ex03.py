# %% right: loops
def background_map(belief_maps):
    joints, height, width = belief_maps.shape
    background = [[0.0] * width for _ in range(height)]
    for row in range(height):
        for column in range(width):
            largest = max(belief_maps[joint, row, column] for joint in range(joints))
            background[row][column] = max(0.0, 1.0 - largest)
    return background


# %% right: vectorised
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps.max(axis=0))


# %% right: the smallest of what every joint leaves, in float32
import numpy as np


def background_map(belief_maps):
    return np.clip(1 - belief_maps.astype(np.float32), 0, 1).min(0)


# %% wrong: not-cut-at-0
def background_map(belief_maps):
    return 1 - belief_maps.max(axis=0)


# %% wrong: mirrored-at-0
def background_map(belief_maps):
    return abs(1 - belief_maps.max(axis=0))


# %% wrong: sum-for-largest
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps.sum(axis=0))


# %% wrong: sum-for-largest | not cut either
def background_map(belief_maps):
    return 1 - sum(belief_maps)


# %% wrong: mean-for-largest
def background_map(belief_maps):
    return (1 - belief_maps.mean(axis=0)).clip(0)


# %% wrong: product
import numpy as np


def background_map(belief_maps):
    return np.prod(1 - belief_maps, axis=0).clip(0)


# %% wrong: smallest
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps.min(axis=0))


# %% wrong: smallest | the largest of what every joint leaves
import numpy as np


def background_map(belief_maps):
    return np.clip(1 - belief_maps, 0, 1).max(axis=0)


# %% wrong: not-inverted
def background_map(belief_maps):
    return belief_maps.max(axis=0).clip(0, 1)


# %% wrong: one-joint-only | the loop keeps the last
import numpy as np


def background_map(belief_maps):
    for beliefs in belief_maps:
        background = np.maximum(0, 1 - beliefs)
    return background


# %% wrong: one-number
def background_map(belief_maps):
    return max(0, 1 - belief_maps.max())


# %% wrong: one-number | spread over the map
import numpy as np


def background_map(belief_maps):
    return np.full(belief_maps.shape[1:], 1.0 - np.max(belief_maps))


# %% wrong: wrong-axis | the last
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps.max(axis=-1))


# %% wrong: joint-by-joint
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps)


# %% wrong: yes-or-no
def background_map(belief_maps):
    return belief_maps.max(axis=0) < 0.5


# %% wrong: extra-axis
import numpy as np


def background_map(belief_maps):
    return np.maximum(0, 1 - belief_maps.max(axis=0, keepdims=True))


# %% wrong: raises | Python's max of two arrays
def background_map(belief_maps):
    return max(0, 1 - belief_maps.max(axis=0))


# %% wrong: changes-input
import numpy as np


def background_map(belief_maps):
    np.subtract(1, belief_maps, out=belief_maps)
    return belief_maps.min(axis=0).clip(0)


# %% wrong: delegates
import torch

import cpm_edu.targets as targets


def background_map(belief_maps):
    return targets.background_map(torch.from_numpy(belief_maps))[0]
