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
# # 08 · Training: what the loss does not tell you
#
# Training a pose machine is ten lines of code. Knowing whether it *works* is the hard part: a loss can fall far
# while the network only learns to say nothing. Here you watch that happen, and learn the few tests that
# tell a training from a descent into silence.
#
# **Afterwards you can** say what loss an empty answer has, write the training loop, test it by making it learn eight
# people by heart, choose a learning rate by trying, and stop a run and go on with it.
#
# **Time:** 45 minutes, of which the computer needs one. **Needs:** the package `cpm_edu`, nothing else. **Before
# this:** notebooks 00 and 01 (belief maps, PCK), 04 (stages).
#
# There are four parts. Each runs on its own after the first code cell, so you can stop after any of them.

# %%
from functools import cache
from inspect import getsource
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.datasets.augment import Augmentation, training_crop
from cpm_edu.decoding import decode_argmax
from cpm_edu.figures.interactive import live_training as live
from cpm_edu.figures.interactive.training_monitor import training_monitor
from cpm_edu.figures.panels import draw_pose
from cpm_edu.figures.start_here import show
from cpm_edu.metrics import Table
from cpm_edu.targets import gaussian_targets
from cpm_edu.training.batches import crop_loader, stage_targets
from cpm_edu.training.loop import train
from cpm_edu.training.run import TrainingConfig

people = live.drawn_people()  # 4,096 drawn people, each made when it is asked for
batch = next(iter(crop_loader(people, live.tiny_cpm(), batch_size=8)))  # the first 8

# %% [markdown]
# ## Part 1 · What an empty answer costs
#
# The loss of a stage is the mean squared difference between its belief maps and the targets: over all people, maps
# and cells. (Wei and others, equation 4. They sum where we take the mean; that only rescales it.)
#
# **By hand.** A target is a Gaussian with sigma 1.2 cells. Squared, it is a Gaussian too, and its values add up to
# about pi x sigma x sigma = 3.14 x 1.44 = 4.52. Say a map has 20 x 20 = 400 cells, and the network answers *zero
# everywhere*. Then the error of every cell is the target itself: the loss is 4.52 / 400 = **0.0113**. One hundredth,
# for an answer that knows nothing.
#
# **Predict** which of two answers has the lower loss: none at all, or a perfect hill that lies 3 cells (24 pixels)
# beside the joint. Which would you rather have?


# %%
def answers():
    """Name -> (1, 1, 20, 20) map: some answers to a target in the middle."""
    joint = torch.tensor([[[9.0, 9.0]]])
    target = gaussian_targets(joint, (20, 20), 1.2)
    found = {"the target itself": target, "zero everywhere": torch.zeros_like(target)}
    found["the right place, half as high"] = 0.5 * target
    for off, name in ((1, "1 cell"), (2, "2 cells"), (3, "3 cells")):
        beside = gaussian_targets(joint + torch.tensor([off, 0]), (20, 20), 1.2)
        found[f"a perfect hill, {name} beside"] = beside
    return found


figure, axes = plt.subplots(1, 6, figsize=(11, 2.4), layout="constrained")
for ax, (name, answer) in zip(axes, answers().items(), strict=True):
    ax.imshow(answer[0, 0], vmin=0, vmax=1)
    ax.plot(9, 9, "o", ms=9, mfc="none", mec="white")
    ax.set_title(name.replace(", ", ",\n"), fontsize=9)
    ax.axis("off")
show(
    figure,
    alt="Six belief maps of one joint, which a white ring marks: the target; zero everywhere; the target at half its "
    "height; and the whole hill moved to the right by 1, 2 and 3 cells.",
)
plt.close(figure)


# %%
def answers_table():
    """Loss, and error of the brightest cell, of those answers."""
    target, rows = answers()["the target itself"], []
    for name, answer in answers().items():
        error = 8 * (decode_argmax(answer)[0] - decode_argmax(target)[0]).norm().item()
        rows.append([name, (answer - target).square().mean().item(), error])
    formats = {"loss": ".4f", "error in pixels": ".0f"}
    return Table(["answer", "loss", "error in pixels"], rows, formats=formats)


def cheaper():
    """Which of silence and a hill 3 cells beside has the lower loss."""
    losses = {row[0]: row[1] for row in answers_table().rows}
    return min("zero everywhere", "a perfect hill, 3 cells beside", key=losses.get)


# %%
predict_first(
    "low-mse",
    "Which answer has the lower loss?",
    choices=["zero everywhere", "a perfect hill, 3 cells beside", "both the same"],
    answer=cheaper,
    show=answers_table,
    because="A hill in the wrong place pays twice: for what is missing and for what is too much. From 2 cells on it is "
    "no cheaper than saying nothing. For an unsure network silence is cheap, and its loss looks excellent. (Silence has its "
    "peak in cell 0, so its pixel error is that of a guess.)",
)
hinge(
    "low-mse",
    "A training on 20 x 20 cells has reached a loss of 0.010 and hardly moves. What do you look at first?",
    choices={
        "nothing, a hundredth is low enough": "0.0113 is what an empty map gets. This network may be saying nothing.",
        "the height of the peaks, and PCK": "Peaks near zero or a PCK near zero tell silence from knowledge.",
        "the learning rate, it must be lowered": "Perhaps later. First find out whether there is anything to refine.",
    },
    right="the height of the peaks, and PCK",
)  # fmt: skip

# %% [markdown]
# That was one map. Now the real thing. `tiny_cpm` is a pose machine of 3 stages and 0.3 million weights for crops of
# 96 x 96 pixels, so 12 x 12 cells. This is how it learns; there is no more to it:

# %%
print(getsource(live.learn))

# %% [markdown]
# `targets` and `weights` are what notebook 01 made: hills, and 0 for a joint without a label. Our eight people have 14
# joints and the background map each. *Silence* is here: zero on every joint map, one on the background ("no joint
# here"). On 144 cells a hill costs 4.52 / 144 = 0.031 instead of 0.0113; the background map adds
# its part. We train for 14 steps and compare.

# %%
young = live.tiny_cpm()
targets, weights = stage_targets(batch, young, 1.2)  # (T, N, 15, 12, 12), (T, N, 15); sigma 1.2 cells
silence = float(live.blank_loss(targets, weights)[-1])
losses = live.learn(young, batch, targets, weights, steps=14)[:, -1]
found = live.people_pck(young, batch)
print(f"{sum(p.numel() for p in young.parameters()):,} weights")
print(f"loss of silence {silence:.3f}")
print(f"loss of the last stage: {losses[0]:.3f} at the first step, {losses[-1]:.3f} at step 14")
print(f"PCK@0.2 of that stage: {found:.0f} %")

# %% [markdown]
# The loss has fallen to about a tenth and is *lower than that of silence*: the network has already found out that
# people stand in the middle of the crop. And it finds next to no joint.

# %% [markdown]
# **Stop point** 1 of 4. You know the number that a loss must be compared with.
#
# ## Part 2 · Eight people by heart
#
# A loop can be wrong in many ways and still run: labels of other pictures, a mirrored crop without swapped names, a
# weight of zero, a learning rate that is off by a hundred. There is one test that costs seconds and finds many of
# them: **let it learn one batch by heart**. Without augmentation, the same eight people at every step. A network with
# 300,000 weights must manage that. If it does not, do not start the big run.
#
# **Do:** press *train* and watch until about step 150. Then choose *new ones each step* and go on for a while. *Reset*
# forgets everything. **Notice** three things: where the loss crosses the dashed level and what the PCK is at that
# moment; in the pictures, that first a cloud appears where people usually are, and only then joints; and what the
# dashed curve, people never seen, makes of the blue one's success.

# %%
figure = training_monitor(live.tiny_cpm(), people, bursts=15)
figure


# %%
@cache
def by_heart(swapped=False):
    """A fresh model after 100 steps on the batch, and that batch; swapped: x and y of every label exchanged."""
    pupil, lesson = live.tiny_cpm(), batch.to(torch.device("cpu"))
    if swapped:
        lesson.joints_px = batch.joints_px.flip(-1)
    live.learn(pupil, lesson, *stage_targets(lesson, pupil, 1.2), steps=100)
    return pupil, lesson


@cache
def strangers():
    """8 people whom nobody will learn from."""
    return next(iter(crop_loader(live.drawn_people(8, seed=99), live.tiny_cpm(), batch_size=8)))


def heart_table():
    pupil, lesson = by_heart()
    rows = [["the 8 people it learned", live.people_pck(pupil, lesson)]]
    rows += [["8 people it never saw", live.people_pck(pupil, strangers())]]
    return Table(["after 100 steps", "PCK@0.2"], rows, formats={"PCK@0.2": ".0f"})


# %%
predict_first(
    "08-never-seen",
    "After 100 steps the model finds about nine of ten joints of its eight people. How many percent of the joints of "
    "people it has never seen?",
    answer=lambda: round(live.people_pck(by_heart()[0], strangers()), 1),
    unit="%",
    close=5,
    show=heart_table,
    because="It has learned eight pictures, not people. That is fine: this test asks whether the loop can learn at all. "
    "What makes it learn people is many of them, and augmentation (part 4).",
)

# %% [markdown]
# ### What the test cannot find
#
# **Predict.** Somebody exchanged x and y of every label: a bug that ruins any real training. Will the model fail to
# learn the eight people by heart?


# %%
def score_of_nonsense():
    return live.people_pck(*by_heart(swapped=True))


# %%
predict_first(
    "08-swapped-labels",
    "Labels with x and y exchanged: does learning by heart fail?",
    choices=["yes, the loss stays high", "no, it learns them too"],
    answer=lambda: "no, it learns them too" if score_of_nonsense() > 50 else "yes, the loss stays high",
    show=lambda: f"PCK@0.2 against the exchanged labels: {score_of_nonsense():.0f} %",
    because="Whoever learns by heart can learn nonsense by heart. The test finds a loop that cannot learn; that the "
    "*lesson* is right, only your eyes can tell. So draw what the network is given, after every transformation:",
)

# %%
figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
for k, ax in enumerate(axes):
    lesson, n = by_heart(swapped=k >= 2)[1], 7 * (k % 2)
    shown = batch.images[n].round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    joints, center = lesson.joints_px[n, 0].numpy(), batch.center_px[n].numpy()
    draw_pose(ax, shown, joints, people.skeleton, center=center)
    ax.set_title("as labelled" if k < 2 else "x and y exchanged", fontsize=10)
show(
    figure,
    alt="Two drawn people, each twice: with their joints on the body, and with x and y exchanged, where the skeleton lies "
    "across the picture beside the body.",
)
plt.close(figure)

# %% [markdown]
# **Stop point** 2 of 4. You have a test that every new training loop, data set and network should pass, and you know
# what it leaves out.
#
# ## Part 3 · The learning rate
#
# The *learning rate* scales every step. Too small, and nothing happens in your lifetime. Too large, and a step leaps
# over what it was aiming at. Between the two lies a range of perhaps a factor of ten, and it has to be found by trying:
# it depends on the optimizer, the loss's scale and the network.
#
# **Do:** four models with the same first weights, 30 steps each on the same batch.


# %%
@cache
def rates(steps=30):
    """Learning rate -> ((steps,) loss of the last stage, PCK@0.2 on the batch); and the loss of silence."""
    found = {}
    for lr in (0.0001, 0.003, 0.03, 0.3):
        pupil = live.tiny_cpm()
        lesson = stage_targets(batch, pupil, 1.2)
        losses = live.learn(pupil, batch, *lesson, steps=steps, lr=lr)
        found[lr] = losses[:, -1].numpy(), live.people_pck(pupil, batch)
    return found, float(live.blank_loss(*lesson)[-1])


# %%
def picture_of_rates():
    figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    styles = zip(("-", "--", "-.", ":"), ("#0072B2", "#D55E00", "#009E73", "#7A4FA3"), strict=True)
    found, level = rates()
    for (lr, (losses, score)), (dash, color) in zip(found.items(), styles, strict=True):
        ax.plot(losses, dash, color=color, lw=2, label=f"rate {lr:g}: PCK {score:.0f} %")
    ax.plot([0, 29], [level, level], color="#595959", lw=1, ls=(0, (8, 4)))
    ax.text(29.5, level, "no joint anywhere", va="center", color="#595959")
    ax.set(yscale="log", xlim=(-1, 37), xlabel="step", ylabel="loss of the last stage")
    ax.legend(frameon=False, loc="upper right")
    plt.close(figure)
    return picture(
        figure,
        alt="Loss over 30 steps for four learning rates on a logarithmic scale. 0.0001 falls slowly, 0.003 falls "
        "fastest, 0.03 comes down to the level of maps without any joint, 0.3 leaps far up first.",
    )


# %%
predict_first(
    "08-learning-rate",
    "Which learning rate has the lowest loss after 30 steps?",
    choices=[0.0001, 0.003, 0.03, 0.3],
    answer=lambda: min(rates()[0], key=lambda lr: rates()[0][lr][0][-5:].mean()),
    show=picture_of_rates,
    because="0.0001 goes the right way, but slowly. 0.03 ends near the level of silence and finds no joint: a rate "
    "that is too large need not explode, it may make a network that says nothing. 0.3 first leaps up "
    "several hundredfold.",
)

# %% [markdown]
# Try it in the figure of part 2 as well: train to step 100, then move the rate to 10 to the power of -0.5 and press
# play for a second. The dotted line marks the change. Then move it back: is what was known still there?
#
# Two more things that real runs do, both in `cpm_edu/training/run.py`: a *warm-up* (the rate grows over the first
# steps, while the gradients are still wild), and a *schedule* (it falls toward the end, so that the weights come to
# rest). The authors' rate of 8e-5 means nothing without their loss, which sums over cells and joints instead of
# taking the mean: rate and scale of the loss belong together.

# %% [markdown]
# **Stop point** 3 of 4. You can find a learning rate, and you know what too large a one looks like.
#
# ## Part 4 · Many people, and a run that can be stopped
#
# To learn people and not pictures, a network must never see the same picture twice. *Augmentation* makes a new crop of
# the same person at every epoch: turned, zoomed, moved, mirrored, sometimes half of the body, sometimes with a second
# person beside it, so that the center map has something to decide. Every crop below is person 41.


# %%
def somebody(rng):
    return people[int(rng.integers(50))]


augmentation, rng = Augmentation(), np.random.default_rng(3)
figure, axes = plt.subplots(2, 5, figsize=(10, 4.2), layout="constrained")
for ax in axes.flat:
    crop = training_crop(people[41], people.skeleton, (160, 160), rng, augmentation, another=somebody)
    shown = crop.image.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    joints = torch.where(crop.labelled[0, :, None], crop.joints_px[0], torch.nan).numpy()
    draw_pose(ax, shown, joints, people.skeleton, center=crop.center_px.numpy(), linewidth=1.6)
show(
    figure,
    alt="Ten crops of the same drawn person: turned, zoomed, mirrored, shifted, some with a second person beside the "
    "first; the skeleton lies on the first person each time, and a plus marks it.",
)
plt.close(figure)

# %% [markdown]
# **Notice** that the skeleton always lies on the person with the plus, and that the solid orange limbs are that
# person's *left* in every mirrored crop too. If you check one picture of a training by eye, check this one.
#
# ### A run
#
# `train` is the loop of part 1 with what a long run needs: augmentation, a validation with PCK now and then, the best
# weights kept, and a folder from which it goes on. Randomness depends on the seed, the epoch and the person only,
# never on the time or on how often it was stopped.
#
# **Predict.** One run does 3 epochs at a stretch. Another is stopped after 1 epoch and started again for 2 more. How
# much will their weights differ?


# %%
@cache
def two_runs():
    """Folders of a run at a stretch and of one that was stopped, and the largest difference of their weights."""
    place = Path(mkdtemp())
    options = {"batch_size": 8, "schedule": "step", "optimizer": "adamw", "lr": 0.003, "warmup_steps": 2}
    pupils = live.tiny_cpm(), live.tiny_cpm()
    for pupil, name, stops in zip(pupils, ("at_a_stretch", "stopped"), ((3,), (1, 3)), strict=True):
        for epochs in stops:
            config = TrainingConfig(epochs=epochs, ema_decay=0.9, **options)
            train(
                pupil,
                live.FewPeople(people, 40),
                live.FewPeople(people, 8),
                config,
                place / name,
                progress=False,
            )
    pairs = zip(*(pupil.parameters() for pupil in pupils), strict=True)
    return place, max((a - b).abs().max().item() for a, b in pairs)


# %%
predict_first(
    "08-resume",
    "The largest difference of any weight between the two runs?",
    choices=["none, to the last bit", "rounding, below 0.00001", "visible, they saw other crops"],
    answer=lambda: "none, to the last bit" if two_runs()[1] == 0 else "rounding, below 0.00001",
    show=lambda: "in the folder: " + ", ".join(sorted(p.name for p in (two_runs()[0] / "stopped").iterdir())),
    because="Weights, optimizer, average and step are saved; crops and dropout are drawn from (seed, epoch, person). So "
    "a run that was cut short costs minutes, not trust. (On the CPU with the same number of threads.)",
)

# %% [markdown]
# The figure follows a folder as well: `log.csv` has the loss of every step, `validation.csv` the PCK after every epoch.
# In a terminal you would start `cpm-edu train --data synthetic --epochs 1 --out runs/first`, which takes minutes, and
# look at it from here with `training_monitor(folder="runs/first")`.

# %%
figure = training_monitor(folder=two_runs()[0] / "stopped", people=live.FewPeople(people, 8))
figure

# %% [markdown]
# Fifteen steps teach nobody. **What hours do** (recorded, see the model card in `cpm_edu/weights`): the shipped model
# saw 186,624 augmented crops in 1 h 50 min on two CPU cores, and finds 58.6, 68.7, 71.2 and 73.0 % of the joints of
# Leeds Sports Pose's 1,000 test people at its four stages (PCK@0.2, `cpm-edu evaluate --data lsp --two-people`).

# %% [markdown]
# **Stop point** 4 of 4: the end. You can train a pose machine, and you can tell whether it learns.
#
# ## Questions to take along
#
# 1. With sigma 2 instead of 1.2 cells, what is the loss of silence on 20 x 20 cells? Does a lower loss at another
#    sigma mean a better model?
# 2. Set `weights` of `learn` to zero for the wrist maps. What will their peaks do, and what will the loss say?
# 3. In the figure, learn from *new ones each step* at two rates. Which curve would you trust to compare them, and after
#    how many steps?
#
# **Assignment:** A7: train on people or things of your own (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei and others, *Convolutional Pose Machines*, CVPR 2016, section 3.3: the loss of every stage,
# equations 4 and 5, and training end to end. Rotation to 40 degrees and scale 0.7 to 1.3 are those of the authors'
# released code; shift, half bodies and second people are ours (`cpm_edu/datasets/augment.py`). In the package:
# `losses.py`, `training/loop.py`, `training/run.py`, `weights/MODEL_CARD.md`.
