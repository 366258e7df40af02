"""The OKS figure as it is."""

from cpm_edu.figures.interactive.oks import oks_figure

figure = oks_figure()
