# expect: ended
import os

import numpy as np

done = os._exit(3)


def gaussian_map(center_cells, size, sigma_cells):
    return np.full(size, done)
