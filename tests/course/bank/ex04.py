# %% right: one number at a time
import math


def crop_matrix(center_px, width_px, size, turn_deg):
    height, width = size
    zoom = width / width_px
    angle = math.pi * turn_deg / 180
    a, b = zoom * math.cos(angle), zoom * math.sin(angle)
    x, y = center_px
    return [[a, b, (width - 1) / 2 - a * x - b * y], [-b, a, (height - 1) / 2 + b * x - a * y]]


# %% right: vectorised
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = (np.array(size[::-1]) - 1) / 2
    return np.column_stack([turn, middle - turn @ center_px])


# %% right: three matrices one after the other, in float32
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    def move(x, y):
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float32)

    turn = np.exp(-1j * np.radians(turn_deg)) * size[1] / width_px
    zoom = np.array([[turn.real, -turn.imag, 0], [turn.imag, turn.real, 0], [0, 0, 1]], np.float32)
    return (move((size[1] - 1) / 2, (size[0] - 1) / 2) @ zoom @ move(-center_px[0], -center_px[1]))[:2]


# %% right: from where three points go
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    height, width = size
    zoom, angle = width / width_px, np.deg2rad(turn_deg)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    right = zoom * np.array([np.cos(angle), -np.sin(angle)])
    down = zoom * np.array([np.sin(angle), np.cos(angle)])
    crop = np.stack([middle, middle + right, middle + down], 1)
    x, y = center_px
    photo = np.array([[x, x + 1, x], [y, y, y + 1], [1, 1, 1]])
    return crop @ np.linalg.inv(photo)


# %% wrong: half-pixel
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([size[1] / 2, size[0] / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: one-pixel
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] + 1) / 2, (size[0] + 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: turns-the-other-way | the matrix of the mathematics books
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: degrees-as-radians
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(turn_deg), np.sin(turn_deg)
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: turn-forgotten
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    zoom = size[1] / width_px
    x, y = center_px
    return np.array([[zoom, 0, (size[1] - 1) / 2 - zoom * x], [0, zoom, (size[0] - 1) / 2 - zoom * y]])


# %% wrong: zoom-inverted
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = width_px / size[1] * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: zoom-by-height
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[0] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: zoom-forgotten
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: size-swapped | (width, height), the zoom with it
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    width, height = size
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = width / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: size-swapped | in the middle only
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = (np.array(size) - 1) / 2
    return np.column_stack([turn, middle - turn @ center_px])


# %% wrong: center-swapped
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    y, x = center_px
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ np.array([x, y])])


# %% wrong: center-not-zoomed | the shift is taken first
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle - center_px])


# %% wrong: center-not-turned
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    zoom = size[1] / width_px
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([zoom * np.array([[cos, sin], [-sin, cos]]), middle - zoom * center_px])


# %% wrong: middle-zoomed
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, turn @ (middle - center_px)])


# %% wrong: person-at-the-corner
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, -turn @ center_px])


# %% wrong: center-forgotten
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, [(size[1] - 1) / 2, (size[0] - 1) / 2]])


# %% wrong: sign
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([turn, middle + turn @ center_px])


# %% wrong: inverse
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    back = width_px / size[1] * np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([back, center_px - back @ middle])


# %% wrong: three-rows
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = size[1] / width_px * np.array([[cos, sin], [-sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]) - turn @ center_px
    return matrix


# %% wrong: wrong-shape | only turn and zoom
import numpy as np


def crop_matrix(center_px, width_px, size, turn_deg):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return size[1] / width_px * np.array([[cos, sin], [-sin, cos]])


# %% wrong: delegates
from cpm_edu.coords import person_matrix


def crop_matrix(center_px, width_px, size, turn_deg):
    return person_matrix(center_px, (width_px, 0.0), size, rotation_deg=turn_deg)
