"""Three narrow stages of the paper's network, trained for a few steps with every choice of losses."""

from cpm_edu.figures.interactive.example_networks import drawn_batch, narrow_paper_network
from cpm_edu.figures.interactive.gradient_record import gradients_while_training
from cpm_edu.figures.interactive.supervision import supervision

batch = drawn_batch(narrow_paper_network(), 2)
figure = supervision(gradients_while_training(narrow_paper_network, batch, steps=8, every=2))
