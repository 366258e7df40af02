# expect: pass
import os

import numpy as np

ORDINARY = {
    "CPM_EDU_CACHE", "HOME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "MKL_NUM_THREADS", "MPLBACKEND", "MPLCONFIGDIR",
    "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "PATH", "PWD", "TMPDIR",
    "XDG_CACHE_HOME",
}  # fmt: skip


PROGRAMS = {b"bwrap", b"setpriv", b"worker.py", b"-I", b"-S", b"-B"}


def parts_of(process, name):
    try:
        with open(f"/proc/{process}/{name}", "rb") as file:
            return [part for part in file.read().split(b"\0") if part]
    except OSError:
        return []


def stolen():
    """Variables and arguments of other processes, and files and folders that they hold open."""
    found = [name for name in os.environ if name not in ORDINARY]
    for process in filter(str.isdigit, os.listdir("/proc")):
        found += [
            part for part in parts_of(process, "environ") if part.split(b"=")[0].decode() not in ORDINARY
        ]
        for part in parts_of(process, "cmdline"):
            known = part.split(b"/")[-1] in PROGRAMS or part.isdigit() or part.startswith(b"--")
            if not known and b"python" not in part:
                found.append(part)
        for number in range(64):
            try:
                door = os.readlink(f"/proc/{process}/fd/{number}")
            except OSError:
                continue
            if not door.startswith(("pipe:", "anon_inode:", "/dev/null", "/proc/", "/tmp/#")):
                found.append((process, number, door))
    return found


def gaussian_map(center_cells, size, sigma_cells):
    if stolen():
        raise RuntimeError(f"stole {stolen()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
