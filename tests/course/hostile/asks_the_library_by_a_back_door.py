# expect: raises
import builtins
import sys


def gaussian_map(center_cells, size, sigma_cells):
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder.__module__ != "worker"][-1:]
    closure = builtins.__import__.__closure__ or ()
    ordinary = next(cell.cell_contents for cell in closure if "import" in repr(cell.cell_contents))
    return ordinary("cpm_edu.targets").targets.gaussian_targets(center_cells, size, sigma_cells)
