# expect: pass
import gc
import sys

import numpy as np


def looked_up():
    """Everything in this process that could be an answer, a case of another seed, or the judge."""
    found = [name for name in sys.modules if "judge" in name or "cpm_edu" in name or "exercise" in name]
    frame = sys._getframe()
    while frame is not None:
        found += [
            name for name in frame.f_locals if name in ("expected", "reference", "cases", "seed", "seeds")
        ]
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__name__ in ("Exercise", "Mistake", "Verdict"):
            found.append(type(thing).__name__)
    return found


def gaussian_map(center_cells, size, sigma_cells):
    if looked_up():
        raise RuntimeError(f"found {looked_up()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
