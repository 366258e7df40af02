# expect: ended
import os
import struct
import sys


def gaussian_map(center_cells, size, sigma_cells):
    frame = sys._getframe()
    while "number" not in frame.f_locals:
        frame = frame.f_back
    for door in range(3, 64):
        try:
            os.write(door, struct.pack("<8scI", frame.f_locals["number"], b"R", 0xFFFFFFFF))
        except OSError:
            continue
    while True:
        pass
