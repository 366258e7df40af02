"""The shipped model on one of the package's photos; tests upload others."""

from cpm_edu.figures.interactive.your_photo import your_photo

figure = your_photo()
