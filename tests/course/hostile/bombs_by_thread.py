# expect: ended raises
import threading
import time


def gaussian_map(center_cells, size, sigma_cells):
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
