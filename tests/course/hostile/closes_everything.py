# expect: too-slow
import os


def gaussian_map(center_cells, size, sigma_cells):
    os.closerange(0, 1024)
    while True:
        pass
