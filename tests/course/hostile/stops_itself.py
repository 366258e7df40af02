# expect: too-slow
import os
import signal


def gaussian_map(center_cells, size, sigma_cells):
    os.kill(os.getppid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
