# expect: wrong-type
def gaussian_map(center_cells, size, sigma_cells):
    answer = []
    answer.append(answer)
    return answer
