# expect: raises
import os


def gaussian_map(center_cells, size, sigma_cells):
    for k in range(100):
        with open(f"/tmp/{k}", "wb") as file:
            file.write(os.urandom(10_000_000))
