# expect: ended
import os
import time


def gaussian_map(center_cells, size, sigma_cells):
    for _ in range(20):
        if os.fork() == 0:
            kept = bytearray(150_000_000)
            kept[::4096] = b"x" * len(kept[::4096])
            time.sleep(1000)
    time.sleep(1000)
