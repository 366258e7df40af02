# expect: ended
import os


def gaussian_map(center_cells, size, sigma_cells):
    os._exit(0)
