# expect: ended
import contextlib
import os
import struct


def gaussian_map(center_cells, size, sigma_cells):
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, struct.pack("<8scI", bytes(8), b"R", 0xFFFFFFFF))
    while True:
        pass
