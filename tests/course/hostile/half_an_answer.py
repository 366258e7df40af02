# expect: too-slow ended
import contextlib
import os
import struct
import time


def gaussian_map(center_cells, size, sigma_cells):
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, struct.pack("<8scI", bytes(8), b"Z", 1000) + bytes(4))
    time.sleep(1000)
