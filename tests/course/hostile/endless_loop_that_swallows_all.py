# expect: too-slow
import contextlib
import signal


def gaussian_map(center_cells, size, sigma_cells):
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
