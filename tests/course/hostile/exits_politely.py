# expect: ended
def gaussian_map(center_cells, size, sigma_cells):
    exit()
