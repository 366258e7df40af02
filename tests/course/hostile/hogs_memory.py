# expect: raises
def gaussian_map(center_cells, size, sigma_cells):
    kept = []
    while True:
        kept.append(bytearray(50_000_000))
