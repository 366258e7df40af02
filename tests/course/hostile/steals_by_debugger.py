# expect: pass
import ctypes
import os

import numpy as np

ATTACH = 16


def stolen():
    """Ways into another process: attach, read or write its memory, take its files."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for process in (1, os.getppid()):
        if libc.ptrace(ATTACH, process, 0, 0) == 0:
            found.append(f"attached to {process}")
        buffer = ctypes.create_string_buffer(8)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
        if libc.process_vm_readv(process, vector, 1, vector, 1, 0) > 0:
            found.append(f"read the memory of {process}")
    for name in ("/proc/1/mem", "/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/sysrq-trigger"):
        try:
            open(name, "r+b").close()
            found.append(name)
        except OSError:
            pass
    return found


def gaussian_map(center_cells, size, sigma_cells):
    if stolen():
        raise RuntimeError(f"found {stolen()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
