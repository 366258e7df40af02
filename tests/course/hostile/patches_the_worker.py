# expect: ended raises wrong-value wrong-shape wrong-type
import gc

import numpy as np
import wire


def gaussian_map(center_cells, size, sigma_cells):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Student":
            thing._outcome = lambda *_: {"value": np.zeros(size), "error": "", "message": "", "line": 0}
    wire.encode = lambda *_: b"T"
    np.allclose = lambda *_, **__: True
    return np.zeros(size)
