# expect: ended raises
import sys


def dive(number):
    return list(map(dive, [number + 1]))


def gaussian_map(center_cells, size, sigma_cells):
    sys.setrecursionlimit(10**9)
    return dive(0)
