"""The target of a joint, drawn by a function of the reader's own."""

import numpy as np

from cpm_edu.figures.interactive.belief_map import belief_map


def my_target(joint_cells, size, sigma):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - joint_cells[0]) ** 2 + (rows - joint_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma**2))


figure = belief_map(my_target)
