# %% right: loops
import numpy as np


def argmax_joints(belief_maps):
    joints = []
    for belief_map in belief_maps:
        best, place = -np.inf, (0, 0)
        for y in range(belief_map.shape[0]):
            for x in range(belief_map.shape[1]):
                if belief_map[y, x] > best:
                    best, place = belief_map[y, x], (x, y)
        joints.append(place)
    return joints


# %% right: vectorised
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    return np.stack((flat % belief_maps.shape[2], flat // belief_maps.shape[2]), -1)


# %% right: unravel_index, floats
import numpy as np


def argmax_joints(belief_maps):
    joints = np.zeros((len(belief_maps), 2), np.float32)
    for j, belief_map in enumerate(belief_maps):
        y, x = np.unravel_index(np.argmax(belief_map), belief_map.shape)
        joints[j] = x, y
    return joints


# %% right: the first of all maxima
import numpy as np


def argmax_joints(belief_maps):
    return np.array([np.argwhere(m == m.max())[0][::-1] for m in belief_maps])


# %% wrong: xy-swapped | unravel_index as it comes
import numpy as np


def argmax_joints(belief_maps):
    return np.array([np.unravel_index(m.argmax(), m.shape) for m in belief_maps])


# %% wrong: xy-swapped | loops
import numpy as np


def argmax_joints(belief_maps):
    joints = []
    for m in belief_maps:
        best, place = -np.inf, None
        for y in range(m.shape[0]):
            for x in range(m.shape[1]):
                if m[y, x] > best:
                    best, place = m[y, x], (y, x)
        joints.append(place)
    return np.array(joints)


# %% wrong: flat-index
import numpy as np


def argmax_joints(belief_maps):
    return belief_maps.reshape(len(belief_maps), -1).argmax(axis=1)


# %% wrong: height-for-width | divmod by the height
import numpy as np


def argmax_joints(belief_maps):
    joints, height, width = belief_maps.shape
    flat = belief_maps.reshape(joints, -1).argmax(1)
    return np.stack((flat % height, flat // height), 1)


# %% wrong: height-for-width | remainder by the width, quotient by the height
import numpy as np


def argmax_joints(belief_maps):
    joints, height, width = belief_maps.shape
    flat = belief_maps.reshape(joints, -1).argmax(1)
    return np.stack((flat % width, flat // height), 1)


# %% wrong: joints-in-columns
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    return np.array([flat % belief_maps.shape[2], flat // belief_maps.shape[2]])


# %% wrong: all-maps-at-once | np.argmax without an axis
import numpy as np


def argmax_joints(belief_maps):
    joint, y, x = np.unravel_index(np.argmax(belief_maps), belief_maps.shape)
    return np.array([x, y])


# %% wrong: all-maps-at-once | and the same for all
import numpy as np


def argmax_joints(belief_maps):
    joint, y, x = np.unravel_index(np.argmax(belief_maps), belief_maps.shape)
    return np.tile([x, y], (len(belief_maps), 1))


# %% wrong: wrong-axis | the best joint of every cell
import numpy as np


def argmax_joints(belief_maps):
    return np.argmax(belief_maps, axis=0)


# %% wrong: wrong-axis | the best column of every row
import numpy as np


def argmax_joints(belief_maps):
    return np.argmax(belief_maps, axis=-1)


# %% wrong: sums-of-lines
import numpy as np


def argmax_joints(belief_maps):
    x = belief_maps.sum(axis=1).argmax(axis=1)
    y = belief_maps.sum(axis=2).argmax(axis=1)
    return np.stack((x, y), axis=-1)


# %% wrong: axes-apart
import numpy as np


def argmax_joints(belief_maps):
    x = belief_maps.max(axis=1).argmax(axis=1)
    y = belief_maps.max(axis=2).argmax(axis=1)
    return np.stack((x, y), axis=-1)


# %% wrong: tie-by-column | the columns in the outer loop
import numpy as np


def argmax_joints(belief_maps):
    joints = []
    for m in belief_maps:
        best, place = -np.inf, (0, 0)
        for x in range(m.shape[1]):
            for y in range(m.shape[0]):
                if m[y, x] > best:
                    best, place = m[y, x], (x, y)
        joints.append(place)
    return np.array(joints)


# %% wrong: last-of-equals | >= for >
import numpy as np


def argmax_joints(belief_maps):
    joints = []
    for m in belief_maps:
        best, place = -np.inf, (0, 0)
        for y in range(m.shape[0]):
            for x in range(m.shape[1]):
                if m[y, x] >= best:
                    best, place = m[y, x], (x, y)
        joints.append(place)
    return np.array(joints)


# %% wrong: last-of-equals | argsort
import numpy as np


def argmax_joints(belief_maps):
    last = np.argsort(belief_maps.reshape(len(belief_maps), -1), axis=1, kind="stable")[:, -1]
    return np.stack((last % belief_maps.shape[2], last // belief_maps.shape[2]), -1)


# %% wrong: starts-at-zero
import numpy as np


def argmax_joints(belief_maps):
    joints = np.zeros((len(belief_maps), 2), int)
    for j, m in enumerate(belief_maps):
        best = 0
        for y in range(m.shape[0]):
            for x in range(m.shape[1]):
                if m[y, x] > best:
                    best, joints[j] = m[y, x], (x, y)
    return joints


# %% wrong: starts-at-zero | -1 for a map without a positive belief
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1)
    joints = np.stack((flat.argmax(1) % belief_maps.shape[2], flat.argmax(1) // belief_maps.shape[2]), -1)
    joints[flat.max(1) <= 0] = -1
    return joints


# %% wrong: counts-from-one
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    return np.stack((flat % belief_maps.shape[2], flat // belief_maps.shape[2]), -1) + 1


# %% wrong: half-cell
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    return np.stack((flat % belief_maps.shape[2], flat // belief_maps.shape[2]), -1) + 0.5


# %% wrong: wrong-shape | the wrong axis of stack
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    return np.stack((flat % belief_maps.shape[2], flat // belief_maps.shape[2], flat), -1)


# %% wrong: returns-nothing
import numpy as np


def argmax_joints(belief_maps):
    flat = belief_maps.reshape(len(belief_maps), -1).argmax(1)
    np.stack((flat % belief_maps.shape[2], flat // belief_maps.shape[2]), -1)


# %% wrong: raises | argmax of a map is one number
import numpy as np


def argmax_joints(belief_maps):
    return np.array([(x, y) for y, x in (np.argmax(m) for m in belief_maps)])


# %% wrong: changes-input | each best cell is struck out
import numpy as np


def argmax_joints(belief_maps):
    joints = []
    for m in belief_maps:
        y, x = np.unravel_index(m.argmax(), m.shape)
        m[y, x] = -1e9
        joints.append((x, y))
    return np.array(joints)


# %% wrong: delegates
import torch

from cpm_edu.decoding import decode_argmax


def argmax_joints(belief_maps):
    joints, _ = decode_argmax(torch.from_numpy(belief_maps)[None])
    return joints[0].numpy()


# %% wrong: delegates | by another door
import torch

import cpm_edu.decoding_reference as reference


def argmax_joints(belief_maps):
    return reference.decode_reference(torch.tensor(belief_maps)[None], "argmax")[0][0]
