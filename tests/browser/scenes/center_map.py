"""Two drawn people: the center is dragged from one to the other, the later stages follow."""

from cpm_edu.figures.interactive.center_map import center_map

figure = center_map()
