"""The shipped model alone: one network, so no choice of networks."""

from cpm_edu.figures.interactive.receptive_field import receptive_field
from cpm_edu.weights import load_lite

figure = receptive_field({"lite, trained": load_lite()})
