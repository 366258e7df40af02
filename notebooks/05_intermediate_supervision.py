# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Intermediate supervision: a loss for every stage
#
# Only the last stage's belief maps are used. Still every stage is trained with a loss of its own. Why pay for answers
# that nobody reads? The paper's reason is the *vanishing gradient*. You will see it in the paper's network, see it
# *not* happen in ours, and find out what the intermediate losses do there.
#
# **Afterwards you can** write the loss of a pose machine, estimate with a pencil what a gradient has left after a
# stage, measure it layer by layer, and say what an intermediate loss gives that a larger learning rate cannot.
#
# **Time:** 40 minutes, of which the computer needs one. **Needs:** the package `cpm_edu`; no GPU, no download.
# **Before:** notebooks 00 and 04. **Stop points** after parts 1 and 2: run the next cell, then go on where you like.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.figures.interactive.example_networks import drawn_batch, he_weights, narrow_paper_network
from cpm_edu.figures.interactive.gradient_record import gradients_at_start, gradients_while_training
from cpm_edu.figures.interactive.supervision import supervision
from cpm_edu.figures.panels import stage_figure
from cpm_edu.inference import crop_joints
from cpm_edu.losses import stage_loss
from cpm_edu.metrics import Table
from cpm_edu.models import CPM
from cpm_edu.skeletons import LSP
from cpm_edu.training.batches import model_inputs, stage_targets

torch.manual_seed(0)
paper = CPM.paper(LSP, input_size=(96, 96)).eval()  # all 31 million weights, but a small crop: seconds
at_start = gradients_at_start(paper, drawn_batch(paper, 1), name="the paper's network before training")
ALL, LAST = (True, True, True), (False, False, True)  # losses on: stage 1, the stages between, the last

# %% [markdown]
# ## 1 · What is left of a gradient after five stages?
#
# **The loss by hand.** A stage's belief map is compared with its target cell by cell: difference, squared, averaged.
# One joint, a map of 2 x 2 cells. The target is 1.0 and 0.6 in the upper row, 0.6 and 0.4 in the lower. Stage 1 believes
# 0.5 everywhere, stage 2 exactly the target. The squares of stage 1 are 0.25, 0.01, 0.01, 0.01: mean 0.07. Stage 2: 0.
#
# The loss of the machine is the **sum over its stages**: 0.07 + 0. Every stage counts the same, and all stages from 2
# on have the same target. (Stage 1 does not know whom we mean, see notebook 02: its target holds everybody's joints.)

# %%
target = torch.tensor([[1.0, 0.6], [0.6, 0.4]])[None, None]  # (N, C, H, W) = (1, 1, 2, 2)
beliefs = torch.stack([torch.full_like(target, 0.5), target])  # (T, N, C, H, W): two stages
losses = stage_loss(beliefs, target)  # one number a stage
print(
    "by stage:", [round(v, 4) for v in losses.tolist()], " what is trained on:", round(float(losses.sum()), 4)
)

# %% [markdown]
# **The gradient by hand.** Leave only the last of six losses. Its gradient walks back through stage 6, 5, ... to
# stage 1. Every layer multiplies it. The authors draw all weights with deviation s = 0.01 around zero. Going back
# through a k x k layer that reads n maps, the gradient's norm is multiplied by about
#
# > s · k · √n, and by √½ more where a ReLU has switched off half of the inputs.
#
# | back through | k | n | ReLU before it | factor |
# |---|---|---|---|---|
# | 1 x 1 to the belief maps | 1 | 128 | yes | 0.01 · 11.3 · 0.71 = 0.08 |
# | 1 x 1 | 1 | 128 | yes | 0.08 |
# | 11 x 11 | 11 | 128 | yes | 0.88 |
# | 11 x 11 | 11 | 128 | yes | 0.88 |
# | 11 x 11, to the 15 earlier belief maps | 11 | 15 | no | 0.01 · 11 · 3.9 = 0.43 |
#
# Multiply the last column: **0.002 a stage**. The two harmless-looking 1 x 1 layers do most of it. (That is the gradient
# that *arrives* at a layer; the gradient of the layer's own weights shrinks with it.)

# %%
figure = supervision(at_start)
last_only = at_start.by_part(LAST)

# %%
predict_first(
    "05-powers-of-ten",
    "Six stages, a loss on the last only. By how many powers of ten is the gradient of a stage 1 layer smaller than "
    "that of a stage 6 layer? (3 means a thousand times smaller.)",
    answer=lambda: round(float(np.log10(last_only["stage 6"] / last_only["stage 1"])), 1),
    unit="powers of ten",
    show=lambda: figure,
    because="Five stages back, each worth about three powers of ten: our pencil said 2.7. On a crop of the full 368 px "
    "it is 14.1 (measured once, 23 November 2026, four minutes); on this small one many taps of an 11 x 11 kernel hang "
    "over the edge of a map of 12 x 12 cells.",
    close=2,
)

# %% [markdown]
# A bar is one layer, from the image on the left to the last maps on the right, on a scale of powers of ten. **Switch
# the three losses** on and off one by one and watch which bars stand up.
#
# * *Last only:* a staircase. Each stage back is worth three powers of ten; *within* a stage the bars are level.
# * *Stage 1 only:* everything but stage 1 gets crosses. No loss lies behind it, so it gets nothing at all.
# * *All:* level. No layer is farther from a loss than the end of its own stage.
# * With a loss on *any* later stage the *image features* do well. Why? (Look at the drawing of the network in notebook 04: who reads them?)
#
# With numbers of 10⁻¹⁹ a step of any reasonable size moves nothing. Stage 1 would stay as it was drawn.

# %% [markdown]
# **Stop point** 1 of 2. You have seen the gradient vanish, and the losses bring it back; next: is there another cure?
#
# ## 2 · Two other cures?
#
# **Cure one: a larger learning rate.** A step is *learning rate x gradient*. Six losses add up to about six times
# the loss; so is the whole trick not the same as one loss and six times the rate?

# %%
ratio = at_start.norms[ALL][0] / at_start.norms[LAST][0]  # (40,): what five more losses multiply a layer by


def ratio_figure():
    figure, ax = plt.subplots(figsize=(8.5, 3), dpi=110, layout="constrained")
    ax.bar(range(len(ratio)), ratio, color="#0072B2", label="five more losses")
    ax.axhline(6, color="#D55E00", ls="--", lw=2, label="a learning rate of 6 x")
    parts = list(at_start.parts)
    middles = [np.mean([i for i, p in enumerate(parts) if p == name]) for name in dict.fromkeys(parts)]
    ax.set(yscale="log", ylabel="the step is larger by", title="What multiplies the step of every layer?")
    ax.set_xticks(
        middles, [name.replace("image features", "image\nfeatures") for name in dict.fromkeys(parts)]
    )
    ax.legend()
    plt.close(figure)
    return figure


# %%
predict_first(
    "intermediate-lr",
    "One loss, on the last stage, but a learning rate six times as large. By how many powers of ten is the step of "
    "the very first layer still smaller than with six losses and the plain rate?",
    answer=lambda: round(float(np.log10(ratio[0] / 6)), 1),
    unit="powers of ten",
    show=lambda: picture(
        ratio_figure(),
        alt="Bars by layer on a logarithmic scale: five more losses multiply the step of a layer of stage 1 by about "
        "10 to the 15, of stage 3 by 10 to the 9, of stage 6 by 1. A dashed line: a rate of 6 multiplies all by 6.",
    ),
    because="A learning rate multiplies every layer's step by the same 6. The other losses multiply stage 1's by "
    "10¹⁵ and stage 6's by 1. A rate that would lift stage 1 would tear stage 6 apart.",
    close=2,
)

# %% [markdown]
# **Cure two: better weights.** The staircase comes from factors that are not 1. Draw the weights so that each factor
# is about 1 (*He's* rule: s = √(2 / (k² n)); put it into the formula above), or let *batch norm* rescale every layer, as our lite model does. Both
# ideas are of 2015; the released network uses neither.
#
# **Predict:** with a loss on the last stage only, what happens to the staircase?

# %%
networks = {
    "the paper's layers and weights, narrow": narrow_paper_network(width=16, num_stages=6, size=96),
    "the same layers, He's weights": he_weights(narrow_paper_network(width=16, num_stages=6, size=96)),
    "lite: batch norm": CPM.lite(LSP, num_stages=6, input_size=(96, 96)).train(),
}
columns = ["loss on the last of 6 stages only", "stage 1", "stage 6", "stage 6 / stage 1"]
lines = []
for name, network in networks.items():
    parts = gradients_at_start(network, drawn_batch(network, 4)).by_part(LAST)
    lines.append([name, parts["stage 1"], parts["stage 6"], parts["stage 6"] / parts["stage 1"]])
Table(
    columns,
    lines,
    formats=dict.fromkeys(columns[1:], ".1e"),
    caption="Gradient norm of a layer, geometric mean",
)

# %% [markdown]
# <details><summary><b>Open after predicting</b></summary>
#
# It is gone. With He's weights and with batch norm the gradient loses less than two powers of ten over five stages,
# not thirteen. (The first row has 16 channels instead of 128, and weights enlarged to make up for it.)
#
# So "deep networks have vanishing gradients" is not a law. It is a matter of the factors. For *these* weights the
# intermediate losses were a necessity; for a network with batch norm we have to look for another reason.
#
# </details>

# %%
hinge(
    "intermediate-lr",
    "In the paper's network, with the last loss only: what would let stage 1 learn without harming stage 6?",
    choices={
        "A learning rate of 10¹⁵": "It multiplies stage 6's step by 10¹⁵ too.",
        "A loss close to stage 1": "It adds gradient where there was none and leaves stage 6's as it was: "
        "something no single factor can do.",
        "More training steps": "At 10⁻¹⁹ a step, 10¹⁵ times as many. Does it heal by itself? Next part.",
    },
    right="A loss close to stage 1",
)

# %% [markdown]
# **Stop point** 2 of 2. You know what an intermediate loss does to the gradients; next: what it does to the result.
#
# ## 3 · Does it heal? And who needs the early stages anyway?
#
# A gradient before the first step is one thing. Weights grow while training; perhaps the gradient comes back by itself.
# The next cell trains three narrow stages of the paper's network on four people, from the same start with each of the
# seven choices of losses, and looks at the gradients every third step (Adam, learning rate 0.001).


# %%
def narrow():
    """Three stages of the paper's network with 8 channels: fast, with nearly the wide network's factors."""
    return narrow_paper_network(width=8, num_stages=3, size=64)


record = gradients_while_training(
    narrow, drawn_batch(narrow(), 4), steps=30, every=3, name="three narrow stages"
)
training_figure = supervision(record)
after = record.by_part(LAST, moment=-1)  # 30 steps with the last loss only

# %%
predict_first(
    "05-heal",
    "A loss on stage 3 only. After 30 steps stage 3's loss has fallen. By how many powers of ten is stage 1's gradient "
    "still below stage 3's?",
    answer=lambda: round(float(np.log10(after["stage 3"] / max(after["stage 1"], 1e-30))), 1),
    unit="powers of ten",
    close=1,
    show=lambda: training_figure,
    because="Before the first step it was 5.1 too: nothing has healed. Stage 3 reads the image features itself, so its "
    "loss falls without its predecessors.",
)

# %% [markdown]
# Drag the triangle along the training and switch losses. Watch the right panel: with the last loss only, the loss of
# *stage 1* (solid) stays where it was, while stage 3's falls. And compare stage 3's own line in both cases: the last
# stage does **not** learn worse alone. In this small network, over these few steps, intermediate supervision makes the
# early stages; it does not make the last one better. The paper trains a large network for long and reports that it does.

# %% [markdown]
# ### Without vanishing: what an intermediate loss still does
#
# Now a small lite network with batch norm, in which nothing vanishes. It learns four people by heart, once with every
# loss and once with the last only. That is the whole difference between the two runs: one line.


# %%
def learn_by_heart(stages, steps=60):
    """A small lite CPM after some steps of Adam with losses on `stages`, and its belief maps (T, N, C, H, W)."""
    torch.manual_seed(0)
    network = CPM.lite(LSP, num_stages=3, input_size=(96, 96), features=32, width=24, image_features=16)
    people = drawn_batch(network, 4)
    images, centers = model_inputs(people, network)
    targets, weights = stage_targets(people, network, sigma_cells=1.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(steps):
        loss = stage_loss(network(images, centers), targets, weights)[stages].sum()  # the one line
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return network.eval(), people, network(images, centers)


def pck_by_stage(network, people, beliefs):
    """PCK@0.2 in percent of the labelled joints, by stage."""
    found, _ = crop_joints(network, beliefs)  # (T, N, J, 2)
    truth, labelled = people.joints_px[:, 0], people.labelled[:, 0]
    left, right = network.skeleton.torso
    near = (found - truth).norm(dim=-1) <= 0.2 * (truth[:, left] - truth[:, right]).norm(dim=-1)[:, None]
    return [100 * float(stage[labelled].float().mean()) for stage in near]


# %%
runs = {
    "a loss on every stage": learn_by_heart([0, 1, 2]),
    "a loss on the last stage only": learn_by_heart([2]),
}
scores = {name: pck_by_stage(*run) for name, run in runs.items()}


def scores_table():
    columns = ["PCK@0.2 in percent, people it trained on", "stage 1", "stage 2", "stage 3"]
    return Table(columns, [[n, *s] for n, s in scores.items()], formats=dict.fromkeys(columns[1:], ".0f"))


# %%
def maps_figure(person=2):
    rows = []
    for name, (network, people, maps) in runs.items():
        found, heights = crop_joints(network, maps)  # (T, N, J, 2), (T, N, J)
        row = {"image": people.images[person].permute(1, 2, 0).byte().numpy(), "label": name}
        row["belief_maps"] = network.joint_maps(maps)[:, person].clamp(0, 1).numpy()
        row["joints_px"], row["scores"] = found[-1, person].numpy(), heights[-1, person].numpy()
        row["center_px"] = people.center_px[person].numpy()
        rows.append(row | {"pck": np.array(scores[name]) / 100})
    return stage_figure(
        rows, LSP, stride=8, title="Learned by heart: belief maps by stage (PCK of all four people)"
    )


# %%
predict_first(
    "05-early-stages",
    "Nothing vanishes in this network. Trained with the last loss only, what will the maps of stage 1 look like?",
    choices=["like belief maps, a little blurred", "like no belief maps at all", "all zero"],
    answer=lambda: (
        "like no belief maps at all" if scores["a loss on the last stage only"][0] < 15 else "all zero"
    ),
    show=lambda: [
        picture(
            maps_figure(),
            alt="Two rows: crop, belief maps of three stages, pose. With every loss all stages light up at the joints. "
            "With the last loss only, stages 1 and 2 show patterns unrelated to the person, stage 3 the joints.",
        ),
        scores_table(),
    ],
    because="Between its stages such a network may write whatever serves the last one. It is then one deep network, "
    "not a machine that believes, looks and believes again.",
)

# %% [markdown]
# Read the table with care. Early stages without a loss are useless as pose estimators, gradient or not. The **last**
# stage does about as well either way. (Is stage 2 behind stage 1 in the first row? After so few steps on four
# people a later stage need not be the better one.) So in a small network with batch norm, on four people learned by heart:
#
# * no gradient vanishes, and the last stage does not need the other losses;
# * what the losses buy is that *every* stage is a pose estimator: you can stop early, look at what it believes, and
#   find out at which stage it went wrong.
#
# In the paper's network they bought that, and that stage 1 learned at all.
#
# ## Questions to take along
#
# 1. Adam divides every gradient by its own recent size. Would Adam alone have saved stage 1 in the paper's network?
#    Look for its `eps`, 10⁻⁸ by default, and compare with 10⁻¹⁹.
# 2. In `stage_loss(...)[stages].sum()` every stage counts the same. What would you expect of weights 0.5, 0.7, 1?
# 3. Which parts of the network could you cut off after training with the last loss only, and how would you check?

# %% [markdown]
# **Assignment:** A3: a stage, and a loss on every one of them (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei, V. Ramakrishna, T. Kanade, Y. Sheikh, *Convolutional Pose Machines*, CVPR 2016: section 3.3
# (the loss of every stage, vanishing gradients), equations 4 and 5; section 4.1 (training with and without). The weights N(0, 0.01): the authors' released
# training files. K. He, X. Zhang, S. Ren, J. Sun, *Delving Deep into Rectifiers*, 2015 (the rule of s).
# S. Ioffe, C. Szegedy, *Batch Normalization*, 2015. In the package: `cpm_edu/losses.py`,
# `cpm_edu/figures/interactive/gradient_record.py`.
