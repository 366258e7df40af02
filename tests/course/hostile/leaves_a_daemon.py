# expect: pass
import contextlib
import os
import signal
import time

import numpy as np


def stay():
    """A process that survives its parent, its session and most signals."""
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in range(1, 65):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_IGN)
        time.sleep(1000)
        os._exit(0)
    os.wait()


def gaussian_map(center_cells, size, sigma_cells):
    if size == (1, 1):
        stay()
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
