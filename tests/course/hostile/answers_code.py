# expect: wrong-type
import os

import numpy as np


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/bomb",)


def gaussian_map(center_cells, size, sigma_cells):
    return np.array([Bomb()], dtype=object)
