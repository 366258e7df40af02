# expect: raises
def gaussian_map(center_cells, size, sigma_cells):
    for k in range(100):
        with open(f"/dev/shm/{k}", "wb") as file:
            file.write(bytes(10_000_000))
