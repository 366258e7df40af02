# expect: too-slow
def gaussian_map(center_cells, size, sigma_cells):
    while True:
        pass
