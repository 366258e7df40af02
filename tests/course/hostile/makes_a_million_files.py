# expect: ended
def gaussian_map(center_cells, size, sigma_cells):
    k = 0
    while True:
        open(f"/tmp/{k}", "w").close()
        k += 1
