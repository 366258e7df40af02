"""One drawn person, its crop, and the matrix between them."""

from cpm_edu.figures.interactive.augmentation import augmentation

figure = augmentation()
