# expect: too-slow
import contextlib
import os
import signal


def gaussian_map(center_cells, size, sigma_cells):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if os.fork() == 0:
            for _ in range(10_000_000):
                pass
            os._exit(0)
        with contextlib.suppress(ChildProcessError):
            os.wait()
