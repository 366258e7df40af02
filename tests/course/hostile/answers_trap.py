# expect: raises
class Trap:
    def __array__(self, *_, **__):
        raise KeyboardInterrupt("not an array")

    def __repr__(self):
        raise SystemExit


def gaussian_map(center_cells, size, sigma_cells):
    return Trap()
