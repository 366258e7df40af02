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
# # 03 · Receptive fields: what can a belief see, and what does it look at?
#
# One cell of a belief map is one number. Which pixels of the crop can change it? And which of those really do? The
# two answers differ more than most people think, and both are needed to understand why a pose machine has stages.
#
# **Afterwards you can** compute the field of any chain of layers with a pencil, get the paper's 160 and 400 pixels
# and say why the released network has 167 and 407, measure what a cell *really* listens to, and say what the later
# stages use it for.
#
# **Time:** 40 minutes, of which the computer needs one. **Needs:** the package `cpm_edu`; no GPU, no download.
# **Before:** notebook 00. **Stop points** after parts 1, 2 and 3: run the next cell, then go on wherever you like.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.coords import cells_from_px
from cpm_edu.course import hinge, predict_first
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.interactive.example_networks import example_networks
from cpm_edu.figures.interactive.listening import listening_sides
from cpm_edu.figures.interactive.receptive_field import receptive_field
from cpm_edu.figures.start_here import show
from cpm_edu.metrics import Table
from cpm_edu.models import CPM
from cpm_edu.receptive_field import paper_paths, paper_stage_1, trace
from cpm_edu.targets import center_map
from cpm_edu.weights import load_lite

model = load_lite()  # 4 stages, 160 x 160 px crops, 20 x 20 cells
JOINTS = ("left_ankle", "right_wrist", "head_top")
SCENE, SEED = 232, 4
scene = synthetic_scene(SCENE, seed=SEED, size=model.input_size, people=2)
crop = torch.from_numpy(scene.image.copy()).permute(2, 0, 1)[None].float()  # (1, 3, 160, 160)
centers = center_map(torch.from_numpy(scene.center_px)[None], model.input_size)  # (1, 1, 160, 160)
STAGES = [f"stage {t + 1}" for t in range(model.num_stages)]
BLUE, RED = "#0072B2", "#D55E00"

# %% [markdown]
# ## 1 · How far *can* a cell see?
#
# **By hand.** A convolution with a 3 x 3 kernel: each output cell sees 3 pixels along x. Put a second one behind
# it: its output sees 3 cells of the first output, which see pixels 1-3, 2-4 and 3-5, so 5 pixels. Every further layer
# adds *kernel - 1*.
#
# Now a pooling of 2 x 2 with stride 2 in between: from then on neighbouring cells are *2 pixels* apart, and every
# kernel reaches twice as far. So
#
# > new size = size + (kernel - 1) x step, and then step = step x stride.
#
# Stage 1 of the paper's network is conv 9, pool, conv 9, pool, conv 9, pool, conv 5, conv 9, conv 1, conv 1; each pool
# is 2 x 2 with stride 2. Do the first four layers on paper (start with size 1, step 1). Then run the cell.


# %%
def fields(layers):
    """Pixels seen along one axis after every (kernel, stride)."""
    size, step = 1, 1
    for kernel, stride in layers:
        size += (kernel - 1) * step
        step *= stride
        yield size


stage_1 = [(9, 1), (2, 2), (9, 1), (2, 2), (9, 1), (2, 2), (5, 1), (9, 1), (1, 1), (1, 1)]
print("ours:       ", list(fields(stage_1)))
print("the library:", [field.size_px for field in trace(paper_stage_1(pool_kernel=2))])

# %% [markdown]
# 160 pixels: the number that the paper prints under its figure 2. (The paper calls it the *effective* receptive field.
# Today that word means what part 3 measures.) The crop has 368, and a person fills most of it. So stage 1 sees a bit
# less than half a person: enough for a knee, not enough for *whose* knee or *which* knee.
#
# The network that the authors released pools with **3 x 3**, still with stride 2. Three poolings, and each adds one
# more `step` than before.

# %%
predict_first(
    "03-pooling",
    "With 2 x 2 pooling the field of stage 1 is 160 px. How large is it with 3 x 3 pooling, all else the same?",
    answer=lambda: trace(paper_stage_1(pool_kernel=3))[-1].size_px,
    unit="px",
    because="The three poolings stand at steps 1, 2 and 4: 1 + 2 + 4 = 7 pixels more. A field of 167 is what the "
    "released weights have; 160 is what the paper's figure draws.",
)

# %% [markdown]
# From stage 2 on a stage reads the *previous belief maps* with three 11 x 11 layers. On cells that are 8 px apart
# each adds (11 - 1) x 8 = 80 px: 240 px a stage. (Last column: half of a corner cell's field lies outside the crop, so
# it needs about twice 368 px to see all.)

# %%
rows = []
for stage in range(1, 7):
    sizes = [trace(paper_paths(stage, pool)["belief maps"])[-1].size_px for pool in (2, 3)]
    rows.append([f"stage {stage}", *sizes, "yes" if sizes[1] >= 2 * 368 else "no"])
Table(
    ["", "pool 2 x 2, px", "pool 3 x 3, px", "every cell sees all of the 368 px crop"],
    rows,
    caption="The paper's network: what theory allows",
)

# %%
figure, ax = plt.subplots(figsize=(8, 3.2), dpi=110, layout="constrained")
for pool, color, style in ((2, BLUE, "--"), (3, RED, "-")):
    chain = trace(paper_paths(3, pool)["belief maps"])
    sizes = [field.size_px for field in chain]
    ax.plot(range(1, len(sizes) + 1), sizes, style, color=color, marker=".", label=f"pool {pool}/2")
ax.axhline(368, color="0.5", ls=":")
ax.text(0.6, 378, "crop, 368 px", color="0.35")
for last, name in ((10, "stage 1"), (15, "stage 2"), (20, "stage 3")):
    ax.axvline(last + 0.5, color="0.8", zorder=0)
    ax.text(last + 0.3, 8, name, ha="right", color="0.35")
ax.set(
    xlabel="layer", ylabel="field in pixels", xlim=(0.4, 20.6), title="The paper's network: field by layer"
)
ax.set_xticks(range(2, 21, 2))
ax.legend(loc="upper left")
plt.close(figure)
show(
    figure,
    alt="Two nearly equal curves of the theoretical field by layer: 160 or 167 pixels after stage 1, 400 or 407 after "
    "stage 2, 640 or 647 after stage 3; a line at the crop's 368 pixels is crossed within stage 2.",
)

# %% [markdown]
# Notice where it grows. The first nine-pixel kernel adds 8 px, the last one, behind three poolings, 64. **Large kernels
# are cheap late**: that is why pose machines put 9 x 9 and 11 x 11 on small maps.
#
# Careful with one word: a later stage does not get a larger *image*. Every stage reads the same crop. What grows
# is the part of it that can reach one cell.

# %% [markdown]
# **Stop point** 1 of 3. You can compute a theoretical field; next: is the theory right?
#
# ## 2 · Is it true? Try to break it
#
# A statement of theory is worth a test. Our small model's stage 1 has a field of 150 px. Its cell (2, 2) has the middle
# 8 x 2 + 3.5 = 19.5, so it can see the pixels from 19.5 - 74.5 = -55 to 19.5 + 74.5 = 94. The crop goes on to pixel 159.
#
# The next cell replaces **everything from pixel 95 on, along x or y, by noise**, and compares that cell's 15 numbers.
#
# **Predict**, for each of the four stages: do they change a lot, a little, or not at all?

# %%
noisy = crop.clone()
noise = 255 * torch.rand(crop.shape, generator=torch.Generator().manual_seed(0))
noisy[..., 95:, :], noisy[..., :, 95:] = noise[..., 95:, :], noise[..., :, 95:]
at_edge = crop.clone()
at_edge[..., :95, 85:95] = noise[..., :95, 85:95]  # the last ten columns in sight

with torch.no_grad():
    before, after, nudged = (
        model(model.preprocess(x), centers)[:, 0, :, 2, 2] for x in (crop, noisy, at_edge)
    )
largest = [
    (changed - before).abs().amax(1).tolist() for changed in (after, nudged)
]  # at each of the 4 stages
Table(
    ["largest change of cell (2, 2)", *STAGES],
    [["noise out of stage 1's sight", *largest[0]], ["noise in the last ten columns in sight", *largest[1]]],
    formats=dict.fromkeys(STAGES, ".6f"),
)

# %% [markdown]
# <details><summary><b>Open after predicting</b></summary>
#
# Stage 1 does not change *in the last digit*: 65 % of the crop is noise, and it cannot know. From stage 2 on the field
# is 294 px and more, so the noise can get through, by the beliefs of other cells. Noise in the last ten
# columns *inside* the field does reach stage 1, but look how little it matters. That is the next question.
#
# </details>

# %% [markdown]
# **Stop point** 2 of 3. The theory is exact about what *cannot* matter; next: what does matter?
#
# ## 3 · What does a cell really listen to?
#
# **By hand.** Ten layers, each averages three neighbours, on one axis: the field is 1 + 10 x 2 = 21 pixels. But how
# many *ways* lead from a pixel to the output? After two layers the five pixels are reached in 1, 2, 3, 2, 1 ways: the
# middle one counts three times as much as the ends. After ten layers the end pixels have 1 way each, of 3^10 = 59,049.
#
# The sum of many small steps is a bell curve. Its width grows with the *square root* of the number of layers,
# while the field grows with the number itself. So the deeper, the smaller the used share of the field.

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.3), dpi=110, layout="constrained", sharey=True)
for ax, layers in zip(axes, (1, 2, 10, 40), strict=True):
    ways = np.ones(1)
    for _ in range(layers):
        ways = np.convolve(ways, [1, 1, 1])
    inside = [ways[layers - reach : layers + reach + 1].sum() / ways.sum() for reach in range(layers + 1)]
    ninety = 2 * int(np.searchsorted(inside, 0.9)) + 1
    ax.axvspan(-layers - 0.5, layers + 0.5, color=RED, alpha=0.15)
    ax.bar(np.arange(len(ways)) - layers, ways / ways.max(), width=1, color=BLUE)
    ax.set(
        title=f"{layers} layer{'s' * (layers > 1)}: {2 * layers + 1} px\n90 % within {ninety}",
        xlabel="pixel",
        yticks=[],
    )
plt.close(figure)
show(
    figure,
    alt="Four plots of how many ways lead from a pixel to the output: flat for one layer, a triangle for two, bell curves "
    "for ten and forty layers, which fill less and less of the shaded field.",
)

# %% [markdown]
# Real layers have trained weights, so we measure. The *gradient* says by how much a cell would move if a pixel changed
# a little. Its size, pixel by pixel, is the cell's **effective receptive field**. We ask for the side of the square
# around the cell that holds **90 %** of all gradient, and we give the model 320 px pictures, so that the edge of a
# 160 px crop cuts nothing off.
# `listening_sides` does that for several joints and scenes.


# %%
def field_table():
    lines = [
        [n, theory, side, 100 * (side / theory) ** 2]
        for n, (theory, side) in zip(STAGES, trained, strict=True)
    ]
    columns = ["", "theory, px", "90 % square, px", "its share of the field's area, %"]
    return Table(columns, lines, formats=dict.fromkeys(columns[2:], ".0f"))


trained = listening_sides(model, JOINTS)  # (theory, side) of every stage

# %%
predict_first(
    "field-effective",
    "The theoretical field of stage 4 of our trained model is 582 px wide. How wide is the square that holds 90 % of "
    "what a cell of stage 4 listens to?",
    answer=lambda: round(trained[-1][1]),
    unit="px",
    show=field_table,
    because="A cell listens to a fraction of what it can see. And stages 3 and 4, with 144 px more of theory each, "
    "listen hardly farther than stage 2.",
)

# %% [markdown]
# Now look at it. **Drag** the ring to ask another cell, **drag** the blue square on the curve until it holds 90 %, and
# step through the *layers* (arrow keys work: click the slider first). Watch the orange box run away from the yellow.
#
# * At stage 1 the left ankle listens to the shin and the ground. At stage 4 the same cell also listens to the rest
#   of *this* person, and hardly to the neighbour's.
# * Switch the *network* to the paper's layers with random weights. The bell curve is there before any training. Compare
#   pool 3/2 and 2/2: where is the difference, in theory and in the gradient?

# %%
figure = receptive_field(example_networks())
figure

# %% [markdown]
# Both answers are right, to different questions. *Theory*: what can never matter. *Gradient*: what matters here, for
# small changes. A gradient is not the whole truth either: it does not say what a *large* change would do, such as
# hiding half of the person. That is part 4.

# %%
hinge(
    "field-effective",
    "A colleague adds one more stage; the theoretical field grows from 582 to 726 px. What should she expect?",
    choices={
        "Each belief now uses about 726 px": "The box grew, but the gradient did not fill the last one either: in the "
        "table above two stages added 288 px of theory and hardly anything to the 90 % square.",
        "The field of what is used grows little, if at all; measure": "Yes. Theory is an upper bound. Whether a stage "
        "uses it is a question to the trained network.",
        "Nothing: the crop has only 160 px": "The crop does cut the field, but in 320 px pictures, where it does not, "
        "the 90 % square stays small as well. (In training the crops had 160 px: there was no more to listen to.)",
    },
    right="The field of what is used grows little, if at all; measure",
)

# %% [markdown]
# **Stop point** 3 of 3. You know what a cell can see and what it listens to; next: what for?
#
# ## 4 · What is far sight good for?
#
# First: where does it come from? An *untrained* lite model has the same layers, so the same theory. Its residual blocks
# start as "do nothing" (their last scale is 0), so at first only the three 4 x 4 layers reach out.

# %%
torch.manual_seed(0)
untrained = listening_sides(CPM.lite(model.skeleton), JOINTS)
trained = listening_sides(model, JOINTS)

# %%
predict_first(
    "03-training",
    "Does training change what stage 1 listens to? Its theoretical field is 150 px before and after.",
    choices=["It shrinks", "It stays about the same", "It grows"],
    answer=lambda: "It grows" if trained[0][1] > 1.2 * untrained[0][1] else "It stays about the same",
    show=lambda: Table(
        ["90 % square in pixels", *STAGES],
        [["untrained", *(s for _, s in untrained)], ["trained", *(s for _, s in trained)]],
        formats=dict.fromkeys(STAGES, ".0f"),
    ),
    because="Training makes use of the field where that lowers the loss, and leaves it where it does not.",
)

# %% [markdown]
# Then the experiment with large changes. We hide all of the crop except a **window** around a true joint, in plain
# grey, and ask two things at the joint's cell, for ankles and knees of 48 drawn people:
#
# * how high is the belief in this joint, and
# * is it higher than the belief in its *mirror partner*, the right ankle for a left one? Guessing gives 50 %.
#
# **Predict.** Which of the two needs the far sight, and at which stage?


# %%
def through_a_window(side, joints=(0, 5, 1, 4), count=48):
    """Mean belief in a joint at its place, and how often it beats its mirror partner's, by stage: two lists of T."""
    people = [synthetic_scene(i, seed=11, size=model.input_size, people=1) for i in range(count)]
    images = torch.from_numpy(np.stack([p.image for p in people])).permute(0, 3, 1, 2).float()
    marks = center_map(torch.from_numpy(np.stack([p.center_px for p in people])), model.input_size)
    ys, xs = torch.meshgrid(torch.arange(160), torch.arange(160), indexing="ij")
    own, wins = [], []
    for joint in joints:
        partner = model.skeleton.flip_permutation[joint]
        at = torch.from_numpy(np.stack([p.joints_px[0][joint] for p in people]))  # (N, 2)
        other = torch.from_numpy(np.stack([p.joints_px[0][partner] for p in people]))
        far = torch.maximum((xs - at[:, 0, None, None]).abs(), (ys - at[:, 1, None, None]).abs()) > side / 2
        seen = torch.where(far[:, None], torch.tensor(114.75), images)
        with torch.no_grad():
            maps = model(model.preprocess(seen), marks)  # (T, N, C, 20, 20)
        x, y = cells_from_px(at, model.stride).round().long().clamp(0, 19).T
        here = maps[:, torch.arange(count), :, y, x]  # (N, T, C): advanced indices come first
        apart = ((at - other).norm(dim=1) > 20) & torch.tensor([bool(p.inside[0][joint]) for p in people])
        own.append(here[apart][..., joint])
        wins.append(here[apart][..., joint] > here[apart][..., partner])
    return torch.cat(own).mean(0).tolist(), torch.cat(wins).float().mean(0).tolist()


# %%
windows = {"40 px": through_a_window(40), "100 px": through_a_window(100), "all": through_a_window(1000)}
figure, axes = plt.subplots(1, 2, figsize=(8, 3), dpi=110, layout="constrained")
for t, (style, color) in enumerate(
    zip(("o-", "s--", "^-.", "D:"), (BLUE, RED, "#009E73", "#CC79A7"), strict=True)
):
    for ax, values in zip(axes, zip(*windows.values(), strict=True), strict=True):
        ax.plot(list(windows), [value[t] for value in values], style, color=color, label=STAGES[t])
axes[0].set(title="belief in the joint at its place", xlabel="window", ylim=(0, 0.6))
axes[1].set(title="share that beats its mirror partner", xlabel="window", ylim=(0.4, 0.8))
axes[1].axhline(0.5, color="0.5", lw=1)
axes[1].text(0, 0.475, "a coin", color="0.35")
axes[0].legend()
plt.close(figure)
show(
    figure,
    alt="Two plots against the window: 40 px, 100 px, all. Left: the belief of all four stages rises up to 100 px; then "
    "stage 1's falls a little and the others' hardly change. Right: the share of joints that beat their mirror partner starts near one half and rises most for stages 3 and 4 that see all.",
)

# %% [markdown]
# <details><summary><b>Open after predicting</b></summary>
#
# *That* there is an ankle is seen from near: a window of 100 px gives stage 1 all the belief it will have. *Which*
# ankle is another matter: through 40 px every stage guesses, and the more of the crop there is, the better the later
# stages do. They are far from perfect: telling left from right is what this small model is bad at.
#
# 48 people are few for such percentages. With 160, `through_a_window(side, count=160)`, 23 November 2026: stage 1
# beats its partner in 49, 54 and 58 % (40 px, 100 px, all), stage 2 in 54, 61 and 62, stage 4 in 50, 53 and **67 %**. That bit of far
# sight is what the large field is for. The paper changed the field itself (figure 4, FLIC, crops of 304 px): accuracy
# grows with it up to about 250 px, roughly the size of a person there.
#
# </details>
#
# ## Questions to take along
#
# 1. Replace the three 11 x 11 layers of a stage by nine 3 x 3 layers: the field, the number of weights, and the
#    effective field (think of the square root)?
# 2. A *dilated* 3 x 3 kernel with gaps of 2 has a field of 5. What does it do to the number of ways in part 3?
# 3. The gradient at a cell far from any person: where does it listen to? Try it in the figure, and explain.

# %% [markdown]
# **Assignment:** A2: the center map, and what a layer can see (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei, V. Ramakrishna, T. Kanade, Y. Sheikh, *Convolutional Pose Machines*, CVPR 2016: figure 2 (the
# layers and the fields of 160 and 400 px), section 3.2 (why a large field). The pooling of 3 x 3: the authors' released
# network definition. W. Luo, Y. Li, R. Urtasun, R. Zemel, *Understanding the Effective Receptive Field in Deep
# Convolutional Neural Networks*, 2016, arXiv 1701.04128. In the package: `cpm_edu/receptive_field.py`,
# `cpm_edu/figures/interactive/listening.py`.
