# expect: ended
import os
import signal


def gaussian_map(center_cells, size, sigma_cells):
    os.kill(os.getppid(), signal.SIGKILL)
    while True:
        pass
