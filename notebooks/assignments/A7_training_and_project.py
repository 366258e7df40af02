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
# # A7 · Train on people or things of your own
#
# **Afterwards you can** write a training loop and test it in a second, read the curves of a run that went wrong, and say
# how good your own pose machine is, on pictures of which it has learned nothing.
#
# **Time:** 360 minutes. **Points:** 31. **Builds on:** notebooks 04, 05, 07, 08 and 11.
#
# One exercise is checked by the computer, two questions and the project are read by a person. The project takes most
# of the time, a good part of it waiting for training: begin it early. `hint("ex25")` in a cell of your own helps in three
# steps. Checks and hints cost no points. Run the next cell first.

# %% tags=["setup"]
import torch
from matplotlib.figure import Figure

from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.figures.start_here import show
from cpm_edu.targets import gaussian_targets

# %% [markdown]
# ## ex25 · One batch by heart (40 minutes, 5 points)
#
# Before a long training, let the network learn *one* batch by heart. If it cannot do that, it will not learn anything
# else. Write `overfit(network, images, targets, steps, learning_rate)`: the training loop of that test.
#
# * `network`: a `torch.nn.Sequential` of convolutions. `network(images)` is an array of the shape of `targets`.
# * `images`: a tensor (N, 3, H, W). `targets`: their belief maps, a tensor (N, J, H, W). All of them are one batch: every
#   step uses them all.
# * `steps`: how many steps to make. `learning_rate`: of the optimizer.
#
# The loss is the mean of the squared differences over all images, maps and cells. Each step computes the loss, its
# gradient, **of this step alone**, and lets the optimizer `torch.optim.Adam` change every weight of the network. After
# the last step return the network. It may be the one that was given, changed, or a trained copy.
#
# It is right when in *every* image the mean squared difference has fallen to a tenth of that of silence, or less.
# (Silence is an answer of zeros: its loss is the mean of the squared targets.) A right loop gets there with the
# steps and the rate that are given.
#
# **By hand.** One weight w = 0, image 1, target 1, so the loss is (w · 1 - 1)². Its gradient is 2 (w - 1) = -2. Adam's
# first step is as long as the learning rate, against the gradient: with a rate of 0.02, w becomes 0.02. The next
# gradient is 2 (0.02 - 1) = -1.96. If the first one is still there, the optimizer is told -3.96 instead; and when w has
# come to 1, where it should stop, it is told something like -100, and goes on.


# %%
def overfit(network, images, targets, steps, learning_rate):
    """The network after `steps` steps of Adam on this one batch."""
    ### BEGIN SOLUTION
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network
    ### END SOLUTION


# %%
check("ex25", overfit)


# %%
def four_by_heart():
    """What a small network says after 0, 10, 30 and 100 of your steps, of discs that it has to find."""
    torch.manual_seed(0)
    joints = torch.tensor([[[3.0, 4.0]], [[8.2, 3.1]], [[5.5, 8.6]], [[8.8, 8.0]]])
    targets = gaussian_targets(joints, (12, 12), 1.2)
    images = 0.4 * torch.rand(4, 3, 12, 12)
    images[:, :1] += 0.6 * (targets > 0.3)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 5, padding=2), torch.nn.LeakyReLU(0.1), torch.nn.Conv2d(12, 1, 5, padding=2)
    )
    figure = Figure(figsize=(7.4, 6), layout="constrained")
    axes = figure.subplots(4, 5)
    for column, (done, steps) in enumerate(((0, 0), (10, 10), (30, 20), (100, 70), (None, 0))):
        if steps:
            network = overfit(network, images, targets, steps, 0.02)
        maps = targets if done is None else network(images).detach()
        for n, ax in enumerate(axes[:, column]):
            ax.imshow(maps[n, 0], vmin=0, vmax=1, cmap="cividis")
            ax.axis("off")
        axes[0, column].set_title("target" if done is None else f"after {done} steps", fontsize=10)
    show(figure, alt="Belief maps of four images by the steps that your loop has made, and their targets.")


come_alive(four_by_heart)

# %% [markdown]
# ## a7q1 · Debug: three runs (10 minutes, 3 points)
#
# Three students train on the same people, with 20 x 20 cells and σ = 1.2. The loss of silence is 0.0113. *By heart* is the
# test of ex25 with the student's own loop and data: PCK@0.2 on one batch after 100 steps. The other numbers are from the
# whole training; *val* are people that were kept out.
#
# | | by heart | loss, epoch 1 | loss, epoch 20 | PCK train | PCK val, epoch 5 | PCK val, epoch 20 |
# |---|---|---|---|---|---|---|
# | run A | 2 % | 0.0131 | 0.0112 | 2 % | 2 % | 2 % |
# | run B | 96 % | 0.0109 | 0.0031 | 88 % | 11 % | 14 % |
# | run C | 97 % | 0.0105 | 0.0012 | 98 % | 61 % | 52 % |
#
# 1. Run A: what does this network answer? How can you tell? Where do you look next?
# 2. Run B learns its own people and almost nothing about others, from the first epochs on. Name a mistake in the *data*
#    that does this. Why did the test by heart not find it, and what would?
# 3. Run C: which weights would you keep, and what would you change before the next run?

# %% [markdown]
# **Your answer (a7q1)**
#
# ### BEGIN SOLUTION
# 1. Silence, or nearly: its loss has come to 0.0112, that of an answer of zeros, and no joint is found, not even those of
#    one batch. It cannot learn at all, so the fault is in the loop or its settings: look at the height of the peaks, then
#    at the learning rate, at weights that are all 0, at an optimizer that does not hold the parameters.
# 2. The labels do not belong to the pictures: pictures sorted by name and labels by number, say, or x and y exchanged.
#    Every picture still has one fixed label, and the network only has to remember it, so nonsense is learned by heart as
#    well as sense. To see it, draw what the network is given: a few crops with their joints, after every transformation.
# 3. Those of about epoch 5, the best by the validation (the best in between is not known from the table). It learns by
#    heart after that: more people, more augmentation, an earlier end or a smaller network.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a7q1**, 1 point each:
#
# * Silence, told by 0.0112 against 0.0113 (or by PCK together with the loss), and a look at loop or learning rate, not
#   at the data. Half a point for "it does not learn".
# * Labels that do not fit the pictures (of another picture, x and y exchanged, ...), and: learning by heart also learns
#   nonsense, so look at the crops. Half a point for one of the two.
# * The weights of the best validation, and one change that fits overfitting. Half a point for one of the two.
#
# Typical wrong answers: A "needs more epochs"; B "overfitting" (run C is that; B is bad from the first epochs on); C "train
# on, the loss still falls".
#
# Follow-up: why 14 % in run B and not 0? (People stand in the middle of their crops; who guesses the usual place of a joint
# finds some.) Mirrored pictures whose left and right names were not swapped: would the training PCK be 88 %? (Hardly: the
# same person then teaches both answers.)

# %% [markdown]
# ## a7q2 · Explain: 97 percent (10 minutes, 3 points)
#
# A group filmed five people, two clips each, and labelled 60 frames of every clip: 600 frames. They drew 120 frames at
# random to validate on, trained on the other 480, and report a PCK of 97 %. A sixth person walks in: 61 %.
#
# 1. Why is 97 % too high? What does it measure?
# 2. How should the 600 frames have been divided? Say how many frames are kept out, and how often you would train.
# 3. They then try eight learning rates and report the best validation number. Is that number still a fair one? What would
#    you do?

# %% [markdown]
# **Your answer (a7q2)**
#
# ### BEGIN SOLUTION
# 1. Frames of one clip are almost the same picture: for nearly every frame kept out, a neighbour with the same person,
#    clothes and room was learned. It measures remembering those five people, not finding joints of somebody new.
# 2. By person: keep out all 120 frames of one person and train on the 480 of the other four. As one person is little, do
#    it five times, once for each, and report the five numbers and their mean.
# 3. No: the best of eight is chosen by luck as well, on the very frames that are reported. Choose on one group of people and
#    report on another one that was looked at only once (or choose within the four that are trained on).
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a7q2**, 1 point each:
#
# * Frames of a clip (or of a person) lie on both sides; it measures memory of these people. Half a point for
#   "overfitting" without saying what leaked.
# * Divided by person: 120 frames out, five trainings. Half a point for "by clip" (the same person in the same clothes is
#   still on both sides), or for the right division without numbers.
# * Not fair, since chosen on it; a third group or an inner division. Half a point for "use a test set" with no reason.
#
# Typical wrong answers: "too little data"; k-fold over frames.
#
# Follow-up: the five numbers are 48, 55, 61, 66 and 74. What would you print? (All five, and 61 as their mean; their spread
# says how little five people tell.)

# %% [markdown]
# ## a7p · Project: a pose machine of your own (300 minutes, 20 points)
#
# Take something with at least four joints: people doing something, an animal, a tool, a robot, a toy. Label pictures of it,
# train, and answer **one question** about it by an experiment. One or two people a group; the questions of a talk are
# asked of each.
#
# **What you hand in:** the report below (about two pages with pictures), your labels (json), and the notebook or the
# commands that you ran. Pictures only if everybody in them agreed. Do not use pictures of people who were not asked, and
# none that show more than the project needs.
#
# **Milestones.** The times are yours; training runs meanwhile.
#
# | | what | minutes | done when |
# |---|---|---|---|
# | 1 | question and plan | 30 | one sentence that a number can answer, and how the pictures are divided |
# | 2 | pictures and labels | 110 | 60 pictures or more, and `cpm-edu data` has no complaint |
# | 3 | look | 20 | contact sheet seen; 10 pictures labelled a second time, the median distance known |
# | 4 | one batch by heart | 20 | PCK above 90 % on one batch, or the reason why not |
# | 5 | train | 30 | a run with `log.csv` and `validation.csv`, and its curves |
# | 6 | measure | 40 | PCK with its normaliser, by joint, on pictures kept out; the worst cases seen |
# | 7 | one experiment | 30 | one thing changed, everything else equal, at least two seeds |
# | 8 | report | 20 | the outline below filled in |
#
# **Tools.** Notebook 11, sections 2.2 to 2.4, does all of it on drawn birds: the json, `OwnPeople`, `contact_sheet`,
# `train`, `stage_pck`. Write *two* json files, one to learn from and one to keep out, so that no person, thing or clip is
# in both; open each with `OwnPeople`. (`cpm-edu train --data my.json` divides one file picture by picture. That is fair
# only if every picture shows somebody else.) By heart: the same with eight pictures as both, and
# `augmentation=None`.
#
# **Questions that fit:** One stage or three? 20 pictures or 60? With or without the shipped weights? A person or thing of
# another kind than those trained on? Larger or smaller σ? Turned pictures or none? A clear "it makes no difference" is a
# result.
#
# **How it is graded** (20 points). A low PCK costs nothing; a PCK that nobody can interpret does.
#
# | points | what |
# |---|---|
# | 3 | question: one, answerable by a number, with what you expected beforehand |
# | 4 | data: joints and names defined so that another person would label alike; ten labelled twice; divided by person, thing or clip |
# | 3 | training: by-heart test, curves, and what they say |
# | 4 | measurement: PCK with its threshold and normaliser, by joint, on pictures kept out, beside your own labelling error |
# | 4 | experiment: one change, all else equal, at least two seeds; the conclusion does not go beyond the numbers |
# | 2 | three failures shown, each with a cause that was looked at and not guessed |

# %% [markdown]
# **Your answer (a7p)**
#
# ### BEGIN SOLUTION
# *A sample outline, with invented numbers, of a report that gets full points.*
#
# **1. Question.** Desk lamps with six joints: does a third stage help where the lamp is bent double? Expected: yes, for the
# elbow, which looks like the shoulder.
#
# **2. Data.** 84 pictures of 7 lamps by phone. Joints: foot, shoulder, elbow, wrist, head, switch; elbow is the axis of
# the upper hinge, not the middle of the arm. Ten pictures were labelled twice, three days apart: median distance 1.8 px
# at a lamp of 210 px. Divided by lamp: five to train (61 pictures), two kept out (23). No left and right, so a mirror
# swaps nothing.
#
# **3. Training.** By heart: 97 % after 100 steps on 8 pictures. Then 60 epochs from the shipped weights, 22 minutes on a
# laptop. The validation is best at epoch 45 and falls a little; weights of epoch 45 are used.
#
# **4. Measurement.** PCK@0.2, normalised by the longer side of the box (a lamp has no torso), 23 pictures: 81 % over all
# joints; foot 96, head 91, elbow 64, switch 52. The labelling error is 0.9 % of that length, so it does not matter at 0.2.
#
# **5. Experiment.** One stage and three stages, everything else equal, seeds 0 and 1: 76 and 74 %, 81 and 80 %. The
# elbow alone: 49 and 52 %, 64 and 61 %. On the 9 pictures in which the lamp is bent: 33 and 36 %, 58 and 53 %. The third
# stage helps there; with two lamps kept out we cannot say for which lamps.
#
# **6. Failures.** (a) The switch is found on the cable: two training pictures had it labelled there. (b) A lamp before a
# bookshelf: the belief map of the arm has five peaks. (c) The head behind the arm: labelled as hidden by one of us, as
# unknown by the other.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a7p**, 20 points, in the parts that students see. What tells good from fair:
#
# * Question (3): 1 for one question, 1 for answerable by a number, 1 for the expectation written down before.
# * Data (4): 1 for definitions, 1 for the ten labelled twice with a distance in pixels, 2 for a division in which no
#   person, thing or clip is on both sides (0 of these 2 for frames at random; 1 if they name the leak themselves).
# * Training (3): 1 for the by-heart test with its number, 1 for curves, 1 for a sentence that follows from them.
# * Measurement (4): 1 for threshold and normaliser, 1 by joint, 1 on pictures kept out, 1 for the comparison with the
#   labelling error.
# * Experiment (4): 1 for one change only, 1 for two seeds or more, 2 for a conclusion within the numbers (1 if it
#   overlooks that the seeds differ by as much).
# * Failures (2): half a point each for three shown, half for causes that were looked at (a belief map, a label).
#
# Typical weaknesses: validation frames from the same clip; a PCK without normaliser; OKS with somebody else's sigmas; the
# best of many runs reported as the result; "more data would help" as the only conclusion.
#
# Follow-ups for a talk: open the json and say what v = 1 meant to you. Which of your joints would another person label
# elsewhere? What would you expect of a picture of the back? Which single label, if wrong, would change your conclusion?
#
# Data protection: pictures of people without their consent are not accepted; ask for the report without them.

# %%
progress("A7")
