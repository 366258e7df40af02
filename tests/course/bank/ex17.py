# %% right: vectorised
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[permutation][:, :, ::-1]) / 2


# %% right: loops
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    merged = np.zeros(maps.shape)
    joints, height, width = maps.shape
    for j in range(joints):
        for y in range(height):
            for x in range(width):
                merged[j, y, x] = (
                    0.5 * maps[j, y, x] + 0.5 * maps_of_mirrored[permutation[j], y, width - 1 - x]
                )
    return merged


# %% right: flip, take and mean
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    back = np.take(np.flip(maps_of_mirrored, axis=-1), permutation, axis=0)
    return np.mean([maps, back], axis=0)


# %% right: joint by joint
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return np.stack([(m + np.fliplr(maps_of_mirrored[p])) / 2 for m, p in zip(maps, permutation)])


# %% wrong: no-left-right-swap
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[:, :, ::-1]) / 2


# %% wrong: not-mirrored-back
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[permutation]) / 2


# %% wrong: not-mirrored-back | nothing at all is done
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored) / 2


# %% wrong: upside-down
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + np.flip(maps_of_mirrored[permutation], axis=1)) / 2


# %% wrong: turned-both-ways
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[permutation, ::-1, ::-1]) / 2


# %% wrong: turned-both-ways | np.flip without an axis
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + np.flip(maps_of_mirrored)) / 2


# %% wrong: joints-reversed | [::-1] for the swap
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[::-1, :, ::-1]) / 2


# %% wrong: joints-reversed | np.fliplr of three axes is not the trouble, np.flipud is
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + np.flipud(maps_of_mirrored)) / 2


# %% wrong: upside-down | np.fliplr of three axes
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + np.fliplr(maps_of_mirrored[permutation])) / 2


# %% wrong: wrong-pass-swapped
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps[permutation] + maps_of_mirrored[:, :, ::-1]) / 2


# %% wrong: wrong-pass-swapped | the mean is swapped
def merge_flipped(maps, maps_of_mirrored, permutation):
    return ((maps + maps_of_mirrored[:, :, ::-1]) / 2)[permutation]


# %% wrong: wrong-pass-mirrored
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps[:, :, ::-1] + maps_of_mirrored[permutation]) / 2


# %% wrong: wrong-pass-mirrored | the mean is mirrored
def merge_flipped(maps, maps_of_mirrored, permutation):
    return ((maps + maps_of_mirrored[permutation]) / 2)[:, :, ::-1]


# %% wrong: one-cell-shift | mmpose's shift
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    back = maps_of_mirrored[permutation][:, :, ::-1].copy()
    back[:, :, 1:] = back[:, :, :-1].copy()
    return (maps + back) / 2


# %% wrong: one-cell-shift | off by one: W - x instead of W - 1 - x
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    width = maps.shape[2]
    back = maps_of_mirrored[permutation][:, :, [(width - x) % width for x in range(width)]]
    return (maps + back) / 2


# %% wrong: sum-for-mean
def merge_flipped(maps, maps_of_mirrored, permutation):
    return maps + maps_of_mirrored[permutation][:, :, ::-1]


# %% wrong: largest-for-mean
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return np.maximum(maps, maps_of_mirrored[permutation][:, :, ::-1])


# %% wrong: second-pass-alone
def merge_flipped(maps, maps_of_mirrored, permutation):
    return maps_of_mirrored[permutation][:, :, ::-1]


# %% wrong: changes-input | +=
def merge_flipped(maps, maps_of_mirrored, permutation):
    maps += maps_of_mirrored[permutation][:, :, ::-1]
    maps /= 2
    return maps


# %% wrong: raises | too many axes
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + maps_of_mirrored[:, permutation, :, ::-1]) / 2


# %% wrong: delegates
import torch

from cpm_edu.decoding import merge_flip


def merge_flipped(maps, maps_of_mirrored, permutation):
    pair = torch.tensor(maps)[None], torch.tensor(maps_of_mirrored)[None]
    return merge_flip(*pair, permutation.tolist(), shift=False)[0].numpy()


# %% wrong: brackets | the second pass alone is halved
def merge_flipped(maps, maps_of_mirrored, permutation):
    return maps + maps_of_mirrored[permutation][:, :, ::-1] / 2


# %% wrong: turned-both-ways | np.flip without an axis, after the swap
import numpy as np


def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps + np.flip(maps_of_mirrored[permutation])) / 2


# %% wrong: wrong-pass-mirrored | the image's maps are brought to the mirror
def merge_flipped(maps, maps_of_mirrored, permutation):
    return (maps[permutation][:, :, ::-1] + maps_of_mirrored) / 2
