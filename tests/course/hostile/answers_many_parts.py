# expect: too-large
def gaussian_map(center_cells, size, sigma_cells):
    return [[None] * 1000] * 1000
