# expect: pass
import os
import sys

import numpy as np


def gaussian_map(center_cells, size, sigma_cells):
    for stream in (sys.stdout, sys.stderr):
        for _ in range(10):
            stream.write("answer " * 1_000_000)
    os.write(1, b"x" * 10_000_000)
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
