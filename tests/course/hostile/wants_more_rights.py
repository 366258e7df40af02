# expect: pass
import ctypes
import os

import numpy as np

NEW_USER, NEW_MOUNTS, KILL = 0x10000000, 0x00020000, 9


def gained():
    """Rights of root, namespaces of its own, mounts, keys."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for name, call in (
        ("setuid", lambda: libc.setuid(0)),
        ("setresuid", lambda: libc.setresuid(0, 0, 0)),
        ("setgid", lambda: libc.setgid(0)),
        ("unshare", lambda: libc.unshare(NEW_USER)),
        ("unshare of mounts", lambda: libc.unshare(NEW_MOUNTS)),
        ("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        ("unmount", lambda: libc.umount2(b"/room/worker.py", 2)),
        ("chroot", lambda: libc.chroot(b"/tmp")),
        ("clone", lambda: libc.syscall(56, NEW_USER | 17, 0, 0, 0, 0)),
        ("a higher limit", lambda: libc.setrlimit(7, (ctypes.c_ulong * 2)(100_000, 100_000))),
        ("a better place in the queue", lambda: libc.setpriority(0, 0, -10)),
        ("a device", lambda: libc.mknod(b"/tmp/device", 0o60666, 0x0800)),
    ):
        if call() >= 0:
            found.append(name)
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")) and int(
                line.split()[1], 16
            ):
                found.append(line)
    return found if os.getuid() else [*found, "root"]


def gaussian_map(center_cells, size, sigma_cells):
    if gained():
        raise RuntimeError(f"gained {gained()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
