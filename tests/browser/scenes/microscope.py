"""Four kernels under the microscope, from a compiler or from the recordings."""

from cpm_edu.figures.interactive.microscope import microscope

figure = microscope()
