# expect: ended
import ctypes


def gaussian_map(center_cells, size, sigma_cells):
    return ctypes.string_at(0)
