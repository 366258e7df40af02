"""The flip test of the shipped model on a few drawn people."""

from cpm_edu.figures.interactive.flip_test import drawn_passes, flip_test

figure = flip_test(passes=drawn_passes(drawn=range(48, 56)), person=1)
