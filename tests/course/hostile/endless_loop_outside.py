# expect: too-slow
import numpy as np

while (ready := 0) == 0:
    pass


def gaussian_map(center_cells, size, sigma_cells):
    return np.zeros(size) + ready
