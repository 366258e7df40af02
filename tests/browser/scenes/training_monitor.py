"""A tiny pose machine that trains while it is watched."""

from cpm_edu.figures.interactive.training_monitor import training_monitor

figure = training_monitor(batch_size=4, bursts=30)
