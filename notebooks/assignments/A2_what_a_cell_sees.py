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
# # A2 · The center map, and what a layer can see
#
# **Afterwards you can** make the map that tells a pose machine whom to look at, follow a receptive field through any
# chain of layers, and measure what one cell really listens to.
#
# **Time:** 105 minutes. **Points:** 20. **Builds on:** notebooks 00, 02 and 03.
#
# Write the functions below. Under each a cell checks it and says whether it is right, or what is wrong.
# `hint("ex07")` in a cell of your own helps in three steps. Checks and hints cost no points. No exercise needs
# another one: begin where you like, and run the next cell first.
#
# Points are (x, y), sizes (height, width), and arrays are read [row, column], which is [y, x]. Pixel centres are whole
# numbers. Use Python, numpy and, in ex09, torch. The functions of `cpm_edu` that hold an answer are locked while your
# function is checked.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.coords import cells_from_px
from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.panels import stage_figure
from cpm_edu.figures.start_here import influence_box, show
from cpm_edu.inference import crop_joints
from cpm_edu.receptive_field import paper_paths
from cpm_edu.weights import load_lite

BLUE, RED = "#0072B2", "#D55E00"
model = load_lite()  # 4 stages, crops of 160 x 160 px, cells of 8 px
pair = synthetic_scene(195, seed=4, size=model.input_size, people=2)
crop = torch.from_numpy(pair.image.copy()).permute(2, 0, 1)[None]  # (1, 3, 160, 160), two people

# %% [markdown]
# ## ex07 · The center map, as a stage reads it (25 minutes, 4 points)
#
# Write `center_map(center_px, size, stride)`: the map that says who is meant, with one number a cell. It is made in two
# steps.
#
# 1. **On the pixels**: a hill of height 1 around the center (x, y). The pixel in row r and column c gets
#    exp(-((c - x)² + (r - y)²) / (2 σ²)). The paper's σ is 21 px in a crop 368 px high. In a crop of another **height**
#    σ is larger or smaller in the same ratio.
# 2. **On the cells**: the mean of every block of stride x stride pixels. Cell (0, 0) is the block in the upper left
#    corner. (Our small model does it so. The paper's network averages 9 x 9 pixels; you meet that in ex11.)
#
# * `center_px`: the center (x, y) in pixels, an array of two numbers. It may lie between pixels, or outside the crop.
# * `size`: (height, width) of the crop in pixels, both multiples of the stride.
# * `stride`: the side of a cell in pixels, a whole number.
#
# Return an array of shape (height / stride, width / stride).
#
# **By hand.** A crop 160 px high has σ = 21 · 160 / 368 = 9.13 px. A tiny crop of 2 x 4 pixels has σ = 0.11 px: so
# narrow that of all pixels only the center's own gets a number that is not 0. With the center in column 3, row 0, and a
# stride of 2 there are two cells. The right one holds 0, 1, 0, 0, and the mean of these is 1/4: [[0, 0.25]].

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 2.3), layout="constrained", width_ratios=(2, 1))
panels = ((axes[0], [["0", "0", "0", "1"], ["0"] * 4]), (axes[1], [["0", "1/4"]]))
for ax, rows in panels:
    for r, row in enumerate(rows):
        for c, number in enumerate(row):
            ax.add_patch(plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#ffffff", ec="#999999"))
            ax.text(c, r, number, ha="center", va="center", fontsize=12)
    ax.set(xlim=(-0.6, len(rows[0]) - 0.4), ylim=(len(rows) - 0.4, -0.6), aspect="equal", xlabel="column")
    ax.set(xticks=range(len(rows[0])), yticks=range(len(rows)), ylabel="row")
axes[0].plot([1.5, 1.5], [-0.6, 1.6], color=BLUE, lw=3)
axes[0].set_title("the pixels, in two blocks of 2 x 2", fontsize=10)
axes[1].set_title("the cells", fontsize=10)
show(
    figure,
    alt="Left: 2 rows of 4 pixels, all 0 but the one in row 0, column 3, which is 1; a line parts two blocks of 2 x 2. "
    "Right: one row of two cells, 0 and 1/4.",
)
plt.close(figure)


# %%
def center_map(center_px, size, stride):
    """(height / stride, width / stride) center map of a crop, one number a cell."""
    ### BEGIN SOLUTION
    height, width = size
    sigma_px = 21 * height / 368
    rows, columns = np.mgrid[:height, :width]  # y and x of every pixel
    squared = (columns - center_px[0]) ** 2 + (rows - center_px[1]) ** 2
    pixels = np.exp(-squared / (2 * sigma_px**2))
    blocks = pixels.reshape(height // stride, stride, width // stride, stride)
    return blocks.mean(axis=(1, 3))
    ### END SOLUTION


# %%
check("ex07", center_map)

# %% [markdown]
# With your map the machine can be asked. The next cell shows one crop twice, with the center on the one person and on
# the other. Stage 1 does not see your map; stages 2 to 4 do.


# %%
def ask_for_both():
    rows = []
    for person in (0, 1):
        center_px = pair.person(person).center_px
        cells = torch.as_tensor(np.asarray(center_map(center_px, model.input_size, 8))).float()
        pixels = cells.repeat_interleave(8, 0).repeat_interleave(8, 1)[
            None, None
        ]  # the model averages it back
        with torch.no_grad():
            maps = model(model.preprocess(crop), pixels)
        joints, scores = crop_joints(model, maps)
        rows.append({
            "image": pair.image, "belief_maps": model.joint_maps(maps)[:, 0].numpy(), "center_px": center_px,
            "joints_px": joints[-1, 0].numpy(), "scores": scores[-1, 0].numpy(), "label": f"center on {'AB'[person]}",
        })  # fmt: skip
    show(
        stage_figure(rows, model.skeleton, stride=8),
        alt="One crop of two people in two rows, asked with your center map: belief maps of four stages and the pose. "
        "With a right map the later stages light up on person A above and on person B below.",
    )


come_alive(ask_for_both)

# %% [markdown]
# ## ex08 · Theoretical receptive fields (30 minutes, 5 points)
#
# Write `receptive_fields(layers)`: how far the cells of every layer can see, along one axis. (Both axes are alike.)
#
# * `layers`: a list with one tuple (kernel, stride, padding, dilation) for every convolution or pooling, from the image
#   on; all are whole numbers.
#     * `kernel`: how many cells of its input the layer reads, its **taps**; `dilation`: how far apart these are. With dilation 2 a
#       kernel of 3 reads every other cell, and from its first to its last it reaches over 5. Dilation 1 is the usual kernel.
#     * `stride`: how many cells of its input lie between two neighbouring cells of its output.
#     * `padding`: how many cells are put in front of its input. With padding 0 the first cell of the output begins to
#       read at the first cell of the input.
#
# Return one row for every layer, as an array of shape (number of layers, 3) or a list of tuples. The three numbers of
# a row, all in pixels of the image:
#
# 1. **size**: how many pixels wide the field of one cell is, as if the image had no end;
# 2. **step**: by how many pixels the fields of two neighbouring cells of this layer's output are apart;
# 3. **middle**: where the middle of the field of cell 0 is. Pixel 0 has its middle at 0; the number may be negative or
#    end in .5.
#
# **By hand.** Before the first layer a cell is a pixel: size 1, step 1, middle 0. Take a kernel of 3, then a pooling of
# 2 with stride 2, then a kernel of 3; padding 0, dilation 1. The picture shows what cell 0 of the last layer reads:
#
# | layer | size | step | middle |
# |---|---|---|---|
# | (3, 1, 0, 1) | 3: pixels 0 to 2 | 1 | 1 |
# | (2, 2, 0, 1) | 4: pixels 0 to 3 | 2 | 1.5 |
# | (3, 1, 0, 1) | 8: pixels 0 to 7 | 2 | 3.5 |
#
# With padding 1 the first layer would read one cell farther left: cell 0 would see "pixel -1" (a padded zero) to pixel 1,
# and its middle would be 0.

# %%
figure, ax = plt.subplots(figsize=(7.6, 2.9), layout="constrained")
levels = [("pixels", 0, 1, 10), ("kernel 3", 1, 1, 8), ("pool 2, stride 2", 1.5, 2, 4), ("kernel 3", 3.5, 2, 2)]  # fmt: skip
reads = [(3, 1), (2, 2), (3, 1)]  # kernel, stride
read = {0}
for level in (3, 2, 1, 0):
    name, middle, step, count = levels[level]
    for cell in range(count):
        ax.plot(middle + step * cell, level, "o", ms=9, mfc=BLUE if cell in read else "#ffffff", mec=BLUE)
    ax.text(-0.7, level, name, ha="right", va="center")
    if level:
        kernel, stride = reads[level - 1]
        _, below, apart, _ = levels[level - 1]
        pairs = [(cell, stride * cell + tap) for cell in sorted(read) for tap in range(kernel)]
        for cell, source in pairs:
            ax.plot([middle + step * cell, below + apart * source], [level, level - 1], color=BLUE, lw=0.8)
        read = {source for _, source in pairs}
ax.set(xlim=(-3.4, 9.6), ylim=(-0.5, 3.5), yticks=[], xticks=range(10), xlabel="x in pixels")
show(
    figure,
    alt="Four rows of dots: ten pixels, eight cells of a kernel of 3, four cells of a pooling, two cells of a kernel of 3. "
    "Lines lead from the last layer's first cell, at x = 3.5, down to the pixels 0 to 7, which are filled.",
)
plt.close(figure)


# %%
def receptive_fields(layers):
    """One row (size, step, middle) a layer, in pixels; layers are (kernel, stride, padding, dilation)."""
    ### BEGIN SOLUTION
    size, step, middle = 1, 1, 0.0
    rows = []
    for kernel, stride, padding, dilation in layers:
        reach = (kernel - 1) * dilation  # cells of the input, from the first tap to the last
        size += reach * step
        middle += (reach / 2 - padding) * step
        step *= stride  # only now: the kernel reads cells that are the old step apart
        rows.append((size, step, middle))
    return rows
    ### END SOLUTION


# %%
check("ex08", receptive_fields)

# %% [markdown]
# Now the paper's network by your function: stages 1 and 2, with the pooling that the paper draws (2 x 2) and with the one
# that its authors released (3 x 3). Every bar is the field of the cell next to the middle of the crop.


# %%
def paper_fields():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
    for ax, pool in zip(axes, (2, 3), strict=True):
        chain = paper_paths(2, pool)["belief maps"]
        numbers = [(layer.kernel, layer.stride, layer.padding, layer.dilation) for layer in chain]
        table = np.asarray(receptive_fields(numbers), float)
        for k, (size, step, middle) in enumerate(table, start=1):
            at = middle + step * round((183.5 - middle) / step)
            ax.plot([k, k], [at - size / 2, at + size / 2], color=BLUE if k <= 10 else RED, lw=6,
                    solid_capstyle="butt")  # fmt: skip
        for edge in (-0.5, 367.5):
            ax.axhline(edge, color="0.5", ls=":")
        ax.axvline(10.5, color="0.8")
        ax.set(title=f"pool {pool} x {pool}: {table[9, 0]:.0f} and {table[-1, 0]:.0f} px", xlabel="layer")
        ax.text(1, 350, "blue: stage 1, orange: stage 2\ndotted: the crop, 368 px", fontsize=8, va="top")
    axes[0].set(ylabel="pixels", ylim=(-50, 418))
    show(
        figure,
        alt="Fields of the fifteen layers of the paper's stages 1 and 2 as bars, by your function, for pooling of 2 x 2 and of "
        "3 x 3. They grow faster and faster, to 160 or 167 pixels after stage 1 and 400 or 407 after stage 2.",
    )
    plt.close(figure)


come_alive(paper_fields)

# %% [markdown]
# ## ex09 · The effective receptive field (30 minutes, 5 points)
#
# Write `effective_field(network, images, cell)`: how much one cell listens to every pixel.
#
# * `network`: a torch network; `network(images)` gives its output maps (N, C_out, H, W). Leave it as it is.
# * `images`: a tensor (N, C, H_in, W_in), N images with C colours.
# * `cell`: (x, y), a cell of the output maps.
#
# Call p the number of the cell in all output maps of one image, added up. Nudge one colour of one pixel of that image a
# little: p changes in proportion, and the factor is the **gradient** of p with respect to that colour. It may be
# negative; its *size* (absolute value) says how much the cell listens. For one image, a pixel counts with the sizes of its
# C gradients, **added up**. Average that over the N images.
#
# Nudging the pixels one by one takes too long. torch finds all gradients of one number in one pass backward
# (`requires_grad_`, `backward`).
#
# Return a tensor or array of shape (H_in, W_in).
#
# **By hand.** The network is one convolution without bias, its kernel 1, 2, 3 / 4, 5, 6 / 7, 8, -9, with padding 1. The
# output cell (x, y) = (3, 1) adds up nine pixels, each times its weight. Nudge a pixel: p changes by the weight. So
# around (3, 1) the field is the kernel itself, with 9 in place of -9, and 0 elsewhere, whatever the image shows.
#
# And with a ReLU: the network is "times 2, then ReLU". In one image the pixel is 1, so p = 2 and the gradient is 2. In
# another it is -1: the ReLU is shut, p stays 0, the gradient is 0. The mean of the two images is 1.

# %%
kernel = [[1, 2, 3], [4, 5, 6], [7, 8, -9]]
figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
for r in range(4):
    for c in range(5):
        inside = 0 <= r <= 2 and 2 <= c <= 4
        weight = kernel[r][c - 2] if inside else 0
        ax.add_patch(
            plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#dceaf4" if inside else "#ffffff", ec="#999999")
        )
        ax.text(c, r, abs(weight), ha="center", va="center", fontsize=12)
ax.plot(3, 1, "s", ms=32, mfc="none", mec=RED, mew=2.5)
ax.set(xlim=(-0.6, 4.6), ylim=(3.6, -0.6), aspect="equal", xticks=range(5), yticks=range(4))
ax.set(xlabel="column, x", ylabel="row, y")
ax.set_title("field of the output cell (3, 1), framed", fontsize=10)
show(
    figure,
    alt="A grid of 4 rows and 5 columns. The rows 0 to 2 of the columns 2 to 4 hold 1 2 3, 4 5 6, 7 8 9; all else is 0. The "
    "5, in row 1 and column 3, is framed.",
)
plt.close(figure)


# %%
def effective_field(network, images, cell):
    """(H_in, W_in): how much the output cell (x, y) listens to every pixel, mean over the images."""
    ### BEGIN SOLUTION
    x, y = cell
    followed = images.detach().clone().requires_grad_(True)
    maps = network(followed)
    maps[:, :, y, x].sum().backward()  # images do not disturb each other: one sum serves all
    return followed.grad.abs().sum(dim=1).mean(dim=0)
    ### END SOLUTION


# %%
check("ex09", effective_field)

# %% [markdown]
# Stage 1 of the trained model, and the cell at an ankle. In theory the cell sees the dashed square, 150 px wide (the
# crop ends before it does). The orange one holds 90 % of what your function finds. Change `joint` and run the cell again: does it always listen to the same
# side of the joint?


# %%
def cell_of(joint):
    joint_px = torch.from_numpy(pair.joints_px[0][model.skeleton.index(joint)])
    return tuple(cells_from_px(joint_px, 8).round().long().clamp(0, 19).tolist())


def ankle_listens(joint="left_ankle"):
    cell = cell_of(joint)
    network = torch.nn.Sequential(model.trunk, model.stage1)
    field = torch.as_tensor(effective_field(network, model.preprocess(crop), cell))
    draw_field(joint, cell, field)


# %%
def draw_field(joint, cell, field):
    middle = [8 * c + 3.5 for c in cell]
    left, top, right, _ = influence_box(field, middle)
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 4.1), layout="constrained")
    axes[0].imshow(pair.image)
    axes[1].imshow(field.sqrt(), cmap="viridis")
    for ax in axes:
        ax.plot(*middle, "o", ms=12, mfc="none", mec="#ffffff", mew=2)
        for x, y, side, color, dash in (
            (middle[0] - 75, middle[1] - 75, 150, "#ffffff", "--"), (left - 0.5, top - 0.5, right - left + 1, "#E69F00", "-")
        ):  # fmt: skip
            ax.add_patch(plt.Rectangle((x, y), side, side, fc="none", ec=color, ls=dash, lw=2))
        ax.set(xlim=(-0.5, 159.5), ylim=(159.5, -0.5))
    axes[0].set_title(f"{joint.replace('_', ' ')}, cell {cell}", fontsize=10)
    axes[1].set_title(f"what it listens to (root): 90 % within {right - left + 1} px", fontsize=10)
    show(
        figure,
        alt="Left the crop, right the square root of the gradient's size by your function. The field is brightest near the "
        "joint and fades long before the dashed square of 150 pixels; an orange square holds 90 percent.",
    )
    plt.close(figure)


come_alive(ankle_listens)

# %% [markdown]
# ## a2q1 · Debug: the center that nobody hears (10 minutes, 3 points)
#
# A colleague trains a pose machine with center maps. Every training crop is cut around one person, who stands in its
# middle; some crops have other people at the border. The loss falls nicely, and on test crops that are cut in the same
# way the poses are good. Then she tries a crop with A in the middle and B beside her, and puts the center on B. She
# gets A's pose. She moves the center about: next to nothing changes.
#
# 1. The code is right. Why did the network learn to ignore the center map?
# 2. Name two changes of the *training crops* that make it listen, and say what each of them forces the network to do.
# 3. She has 500 photos without any labels. What can she measure on them that tells whether a network listens?

# %% [markdown]
# **Your answer (a2q1)**
#
# ### BEGIN SOLUTION
# 1. The center map was the same picture in every training crop, a blob in the middle. A constant input carries nothing:
#    whatever it could tell is known without it ("take whoever stands in the middle"), so no gradient ever rewarded
#    weights that react when it moves.
# 2. (a) Shift the person in the crop, with the center map moved along: now "the middle" is a wrong answer and the map a
#    right one. (b) Have a second whole person in many crops, and mean now the one, now the other: the same picture has
#    two targets, and only the center map tells which. (Shifting alone is not enough as long as one person fills the crop.)
# 3. Ask twice for every photo, with the center on one and on another place or person, and measure how much the belief maps
#    of stages 2, 3, ... change, or how many of the peaks move to the side of the crop that was named. No label is needed
#    for that.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a2q1**, 1 point each:
#
# * The input was constant, so it carried no information, or so nothing in training rewarded listening. Half a point for
#   "it has not seen other centers" without saying why that makes it *ignore* the map.
# * Two changes, each with what it forces: shift the person with the map; a second person, either of whom may be meant.
#   Half a point for two changes without reasons, or for one with its reason.
# * A change of the output when only the center changes (size of the change, share of the peaks that follow). Half a
#   point for an idea that needs labels, such as PCK with a right and a wrong center.
#
# Typical wrong answers: "sigma is too small"; "train longer"; "give the center map to stage 1 too" (a constant input stays
# constant); "the center map leaks the label".
#
# Follow-up: with these crops, what would a machine *without* any center map score on her test crops? (The same.) What would
# you do with the center map if the test crops were always cut so? (Leave it out.)

# %% [markdown]
# ## a2q2 · Explain: 582 pixels, and far fewer (10 minutes, 3 points)
#
# Of stage 4 of our trained model two things are said. *Theory*: a cell sees 582 x 582 pixels. *Measured*, in pictures so
# large that their edge cuts nothing off: a square of about 160 x 160 pixels holds 90 % of the gradient's size. Three
# students have large pictures too, and discuss it.
#
# * **Ada**: "One of the two must be wrong. What a layer sees, it uses."
# * **Ben**: "I painted everything outside that small square grey, and the beliefs changed clearly. So the measurement is wrong."
# * **Cem**: "I put noise on every pixel outside the 582 px square, and not one digit changed. So the *theory* is too small."
#
# Answer each of them in two or three sentences: is the observation compatible with both numbers, and what does it show?

# %% [markdown]
# **Your answer (a2q2)**
#
# ### BEGIN SOLUTION
# * To Ada: both are right. Theory says which pixels *can* reach the cell by any way; the gradient how much they do.
#   From a middle pixel far more ways lead to the cell than from a border pixel, and trained weights weigh them further; the
#   sum of many small steps is a bell curve that fills a smaller share of the field the deeper the network is.
# * To Ben: compatible. The gradient is about *small* changes, pixel by pixel. Painting most of the crop grey is a large
#   change of very many pixels: their few percent add up, ReLUs switch, and the rest of the body is gone, which later stages
#   need to tell left from right. And 10 % of the gradient lay outside in any case.
# * To Cem: compatible, and it confirms the theory: what lies outside the field cannot matter, so not one digit may
#   change. A field that was stated too small would show as a change. Whether the 582 px are *used* to the end it does
#   not show.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a2q2**, 1 point each:
#
# * Ada: can reach versus does reach (an upper bound), with a reason: number of ways, bell curve, or trained weights. Half a
#   point without a reason.
# * Ben: gradients speak of small changes, grey is a large one (or: many small shares and switched ReLUs add up). Half a point
#   for "10 % were outside" alone.
# * Cem: no change is what theory predicts; a field that is too small would be refuted by a change. Half a point for "he is
#   wrong" without saying what would have shown an error.
#
# Typical wrong answers: "the gradient vanishes with depth" (that is about training, not about where a cell looks); "the crop
# has only 160 px" (true of the training crops, and a good reason why the network never learned to look farther: half a
# point with Ada; but the measurement was made in larger pictures).
#
# Follow-up: which experiment would show that some pixel inside the 582 px and outside the 160 px is used? (Change that
# part alone, and look at the belief, not at the gradient.)

# %%
progress("A2")
