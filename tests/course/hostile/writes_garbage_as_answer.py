# expect: ended
import contextlib
import os


def gaussian_map(center_cells, size, sigma_cells):
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, b"\x00garbage\xff" * 100)
    return 0
