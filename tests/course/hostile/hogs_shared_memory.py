# expect: ended
import mmap
import time


def gaussian_map(center_cells, size, sigma_cells):
    kept = []
    while len(kept) < 40:
        kept.append(mmap.mmap(-1, 100_000_000))
        kept[-1][::4096] = b"x" * len(range(0, 100_000_000, 4096))
    time.sleep(1000)
