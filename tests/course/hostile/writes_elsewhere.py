# expect: pass
import os
import sys

import numpy as np


def written():
    found = []
    folders = (
        "/",
        "/usr",
        "/usr/bin",
        "/room",
        "/dev",
        "/proc/sys/kernel",
        os.path.dirname(np.__file__),
        *sys.path,
    )
    for folder in folders:
        try:
            with open(f"{folder}/cpm_edu_was_here", "w"):
                found.append(folder)
        except OSError:
            pass
    for file in (
        "/room/worker.py",
        "/usr/bin/env",
        np.__file__,
        "/proc/sys/kernel/hostname",
        "/proc/1/oom_score_adj",
    ):
        try:
            with open(file, "r+"):
                found.append(file)
        except OSError:
            pass
    return found


def gaussian_map(center_cells, size, sigma_cells):
    if written():
        raise RuntimeError(f"wrote {written()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
