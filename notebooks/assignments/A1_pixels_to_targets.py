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
# # A1 · From pixels to cells, and the Gaussian target
#
# **Afterwards you can** write everything that stands between a labelled photo and the maps that a network is trained
# toward: the crop, the cells, the hills, the background, and which of the maps count.
#
# **Time:** 155 minutes. **Points:** 26. **Builds on:** notebooks 00 and 01.
#
# Write the functions below. Under each a cell checks it and says whether it is right, or what is wrong.
# `hint("ex02")` in a cell of your own helps in three steps. Checks and hints cost no points. No exercise needs
# another one: begin where you like, and run the next cell first.
#
# Points are (x, y), sizes (height, width), and arrays are read [row, column], which is [y, x]. Use Python and numpy.
# The functions of `cpm_edu` that hold an answer are locked while your function is checked.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.coords import warp_images
from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.figures.interactive.belief_map import belief_map
from cpm_edu.figures.start_here import show
from cpm_edu.images import load_image
from cpm_edu.photos import PHOTOS
from cpm_edu.targets import gaussian_targets

# %% [markdown]
# ## ex01 · From pixels to cells (20 minutes, 3 points)
#
# Write `cells_from_px(points_px, stride, convention)`: where points of a crop lie on its map.
#
# * `points_px`: an array of shape (n, 2), every row a point (x, y) in crop pixels. The middle of pixel 0 is 0, so the
#   picture begins at -0.5.
# * `stride`: s, how many pixels make one cell along x, and along y; a whole number, such as 8.
# * `convention`: `"center"` or `"msra"`, the two rules in print.
#     * `"center"`: cell 0 covers the pixels 0 to s - 1, cell 1 the next s, and so on. A point in the middle of the
#       pixels of cell c lies at c.
#     * `"msra"`: pixel 0 lies at 0, pixel s at 1, pixel 2 s at 2, and so on.
#
# Return an array of shape (n, 2): the same points in cells, not rounded.
#
# **By hand**, with a stride of 4. By `"center"` cell 0 covers the pixels 0, 1, 2, 3 and so has its middle at 1.5:
# pixel 1.5 lies at 0 cells. Cell 1 has its middle at 5.5: pixel 5.5 lies at 1. Pixel 0 lies 1.5 pixels left of the
# first middle: -1.5 / 4 = -0.375 cells. By `"msra"` pixel 0 lies at 0, pixel 4 at 1, and pixel 1.5 at 0.375.

# %%
figure, ax = plt.subplots(figsize=(8, 2.1), layout="constrained")
for pixel in range(12):
    ax.add_patch(plt.Rectangle((pixel - 0.5, 0), 1, 0.8, fc="#eeeeee", ec="#999999"))
    ax.text(pixel, 0.4, pixel, ha="center", va="center", fontsize=10)
for edge in (-0.5, 3.5, 7.5, 11.5):
    ax.plot([edge, edge], [-1.7, 1], color="black", lw=2)
rules = (('"center"', 1.5, "o", "#0072B2"), ('"msra"', 0, "s", "#D55E00"))
for line, (rule, first, marker, color) in enumerate(rules):
    height = -0.5 - 0.75 * line
    ax.plot([first, first + 4, first + 8], [height] * 3, marker, color=color, ms=9)
    ax.text(-1, height, rule, ha="right", va="center", color=color)
    for cell in range(3):
        ax.text(first + 4 * cell + 0.4, height, f"cell {cell}", va="center", color=color)
ax.set(xlim=(-3, 12), ylim=(-1.7, 1.1), title="twelve pixels of a crop, stride 4")
ax.axis("off")
show(
    figure,
    alt="Twelve pixels in a row with a thick line around every four. By the rule center the cells 0, 1 and 2 stand in the "
    "middle of their four pixels, at 1.5, 5.5 and 9.5; by the rule msra on the first of them, at 0, 4 and 8.",
)
plt.close(figure)


# %%
def cells_from_px(points_px, stride, convention):
    """(n, 2) points (x, y) in cells, of points in crop pixels."""
    ### BEGIN SOLUTION
    half = 0.5 if convention == "center" else 0.0
    return (points_px + half) / stride - half
    ### END SOLUTION


# %%
check("ex01", cells_from_px)

# %% [markdown]
# ## ex02 · A Gaussian belief map (25 minutes, 4 points)
#
# Write `gaussian_map(center_cells, size, sigma_cells)`: the map that a network is trained toward for one joint, a hill
# of height 1. With the joint at (x, y), the cell in row r and column c gets
#
#     b = exp(-((c - x)² + (r - y)²) / (2 σ²))
#
# * `center_cells`: the joint (x, y) in cells, an array of two numbers. It may lie between cells, or outside the map.
# * `size`: (height, width), how many rows and columns the map has; whole numbers.
# * `sigma_cells`: σ, the standard deviation in cells, above 0.
#
# Return an array of shape (height, width). The joint is not rounded, and the hill is neither cut off nor scaled.
#
# **By hand.** The joint (x, y) = (2, 3), 5 rows and 7 columns, σ = 1. The cell in row 3, column 2 is the joint's own:
# exp(0) = 1. Its right neighbour, row 3, column 3: exp(-1 / 2) = 0.61. Row 2, column 3, diagonally: exp(-2 / 2) = 0.37.
# A joint at (1.5, 0) lies half a cell from column 1 and from column 2, so both get the same, and no cell gets 1.

# %%
figure, ax = plt.subplots(figsize=(5.6, 3.7), layout="constrained")
for r in range(5):
    for c in range(7):
        ax.add_patch(plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#ffffff", ec="#999999"))
        ax.text(c, r + 0.02, (c - 2) ** 2 + (r - 3) ** 2, ha="center", va="center", fontsize=11)
ax.plot(2, 3, "o", ms=24, mfc="none", mec="#D55E00", mew=2.5)
ax.set(xlim=(-0.5, 6.5), ylim=(4.5, -0.5), aspect="equal")
ax.set(xlabel="column c, along x", ylabel="row r, along y")
ax.set_title("squared distance of every cell from the joint (2, 3)", fontsize=10)
show(
    figure,
    alt="A grid of 5 rows and 7 columns. Every cell holds its squared distance from the joint in row 3, column 2: 0 there, "
    "1 beside it, 2 diagonally, 25 in row 0, column 6.",
)
plt.close(figure)


# %%
def gaussian_map(center_cells, size, sigma_cells):
    """(height, width) belief map of one joint (x, y), both in cells."""
    ### BEGIN SOLUTION
    rows, columns = np.mgrid[: size[0], : size[1]]  # y and x of every cell
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
    ### END SOLUTION


# %%
check("ex02", gaussian_map)

# %% [markdown]
# The next cell draws with your function. Drag the joint from cell to cell, then make sigma small. Without a mouse:
# focus the ring and use the arrow keys.


# %%
def hill_to_drag():
    gaussian_map(np.array([1.0, 1.0]), (3, 3), 1.0)  # is it written?
    return belief_map(gaussian_map)


come_alive(hill_to_drag)

# %% [markdown]
# ## ex03 · The background map (15 minutes, 2 points)
#
# A network with J joints gives J + 1 maps. The last says where **no** joint is. Write `background_map(belief_maps)`:
# the background that belongs to the maps of the joints.
#
# * `belief_maps`: an array of shape (J, height, width), one map a joint, J at least 1. Values are 0 or more. Those of a
#   network may be a little above 1.
#
# Return an array of shape (height, width). A cell gets 1 less the largest of its J beliefs, and 0 where that would be
# below 0.
#
# **By hand.** J = 2, and one row of four cells:
#
# | cell | 0 | 1 | 2 | 3 |
# |---|---|---|---|---|
# | belief in the neck | 1 | 0.5 | 0 | 0.25 |
# | belief in the head | 0.25 | 0.75 | 0 | 0.25 |
# | **background** | **0** | **0.25** | **1** | **0.75** |
#
# If the neck's belief in cell 0 were 1.25, the background there would be 0, not -0.25.


# %%
def background_map(belief_maps):
    """(height, width) belief that no joint is here, of (J, height, width) beliefs in the joints."""
    ### BEGIN SOLUTION
    return np.maximum(0, 1 - belief_maps.max(axis=0))
    ### END SOLUTION


# %%
check("ex03", background_map)


# %%
def background_of_three():
    places = torch.tensor([[5, 6], [9, 6.5], [14, 13]])  # x, y in cells
    hills = gaussian_targets(places, (20, 20), 2.0).numpy()
    maps = [*hills, background_map(hills)]
    names = ["neck", "head", "wrist", "background"]
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.5), layout="constrained")
    for ax, beliefs, name in zip(axes, maps, names, strict=True):
        drawn = ax.imshow(beliefs, vmin=0, vmax=1)
        ax.set(title=name, xticks=[], yticks=[])
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="belief")
    show(figure, alt="Three belief maps with one hill each, and the background by your function.")
    plt.close(figure)


come_alive(background_of_three)

# %% [markdown]
# ## ex04 · The matrix from the photo to the crop (35 minutes, 5 points)
#
# Write `crop_matrix(center_px, width_px, size, turn_deg)`: the 2 x 3 numbers A that take a point of the photo to the
# crop around a person,
#
#     x in the crop = A[0, 0] x + A[0, 1] y + A[0, 2]
#     y in the crop = A[1, 0] x + A[1, 1] y + A[1, 2]
#
# * `center_px`: the point (x, y) of the photo, in pixels, that comes to the middle of the crop; an array.
# * `width_px`: so many photo pixels fill the width of the crop (along x and along y the zoom is the same).
# * `size`: (height, width) of the crop in pixels. Pixels are counted from 0 and their middles are whole numbers.
# * `turn_deg`: degrees by which the picture is turned counter-clockwise as seen on the screen, around `center_px`.
#
# Return an array of shape (2, 3).
#
# **By hand.** The person stands at (10, 20), 40 photo pixels fill a crop of 60 x 80 (height x width). Zoom: 80 / 40 =
# 2. The middle of the crop: ((80 - 1) / 2, (60 - 1) / 2) = (39.5, 29.5). Without a turn x = 2 (x - 10) + 39.5 =
# 2 x + 19.5, and y = 2 (y - 20) + 29.5 = 2 y - 10.5, so A = [[2, 0, 19.5], [0, 2, -10.5]].
#
# Now turned by 90 degrees. The point (11, 20), one pixel *right* of the person, must come out *above* the middle, by
# two crop pixels: (39.5, 27.5), for y grows downwards. And (10, 21), *below* the person, comes out *right*:
# (41.5, 29.5). Both together: A = [[0, 2, -0.5], [-2, 0, 49.5]]. Check it with the three points.
#
# A turn by any angle takes a step of one pixel to the right, (1, 0), to (cos, -sin), and a step down, (0, 1), to
# (sin, cos), before the zoom.


# %%
def crop_matrix(center_px, width_px, size, turn_deg):
    """(2, 3) matrix from photo pixels to crop pixels."""
    ### BEGIN SOLUTION
    height, width = size
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turn = turn * width / width_px
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])
    ### END SOLUTION


# %%
check("ex04", crop_matrix)


# %%
def crops_of_the_photographer():
    photo = load_image(PHOTOS["photographer"].path)  # (512, 512, 3)
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float()
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), layout="constrained")
    for ax, (width_px, turn_deg) in zip(axes, ((490, 0), (490, 30), (245, 0)), strict=True):
        matrix = np.asarray(crop_matrix(np.array([239.5, 264.5]), width_px, (160, 160), turn_deg))
        crop = warp_images(pixels, torch.from_numpy(matrix), (160, 160), fill=128.0)[0]
        ax.imshow(crop.round().byte().permute(1, 2, 0))
        ax.plot(79.5, 79.5, "+", ms=16, mew=2, color="#E69F00")
        ax.set_title(f"width_px = {width_px}, turn_deg = {turn_deg}", fontsize=10)
    show(
        figure,
        alt="Three crops of a man behind a camera, cut by your matrix: straight, turned by 30 degrees, and twice as large. "
        "A plus marks the middle.",
    )
    plt.close(figure)


come_alive(crops_of_the_photographer)

# %% [markdown]
# ## ex05 · From the crop back to the photo (20 minutes, 3 points)
#
# The network points into the crop, people ask about the photo. Write `to_image(points_crop, matrix)`: the points of
# the photo that `matrix` takes to these points of the crop.
#
# * `points_crop`: an array of shape (n, 2), every row a point (x, y) in crop pixels.
# * `matrix`: the 2 x 3 numbers A from photo to crop, as in ex04: crop = A[:, :2] @ photo + A[:, 2] for one point.
#   Expect any that can be undone: it may turn, mirror, slant, or zoom x and y differently.
#
# Return an array of shape (n, 2), not rounded. `np.linalg` is allowed.
#
# **By hand.** A = [[2, 0, 19.5], [0, 2, -10.5]] says x in the crop = 2 x + 19.5. Solved for x: (x in the crop - 19.5)
# / 2. The middle of the crop, (39.5, 29.5), comes from ((39.5 - 19.5) / 2, (29.5 + 10.5) / 2) = (10, 20), the person.
# With a turn, x and y have to be solved for together.


# %%
def to_image(points_crop, matrix):
    """(n, 2) points (x, y) in photo pixels, of (n, 2) points in crop pixels."""
    ### BEGIN SOLUTION
    return (points_crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    ### END SOLUTION


# %%
check("ex05", to_image)

# %% [markdown]
# A crop is *made* the same way: for every pixel of the crop, ask where in the photo it comes from, and look there.
# This cell does so with your function, for a crop that turns and slants.


# %%
def crop_by_asking_back():
    photo = load_image(PHOTOS["photographer"].path)
    matrix = np.array([[0.28, 0.16, -30.0], [-0.10, 0.33, 17.0]])
    asked = np.array([(x, y) for y in range(160) for x in range(160)], float)
    x, y = np.asarray(to_image(asked, matrix)).round().astype(int).T
    inside = (x >= 0) & (x < photo.shape[1]) & (y >= 0) & (y < photo.shape[0])
    crop = np.full((160 * 160, 3), 128, np.uint8)
    crop[inside] = photo[y[inside], x[inside]]
    figure, ax = plt.subplots(figsize=(3.4, 3.4), layout="constrained")
    ax.imshow(crop.reshape(160, 160, 3))
    ax.set_title("every pixel fetched by your to_image", fontsize=10)
    show(figure, alt="A turned and slanted crop of a man behind a camera, fetched pixel by pixel.")
    plt.close(figure)


come_alive(crop_by_asking_back)

# %% [markdown]
# ## ex06 · Which maps count (20 minutes, 3 points)
#
# Data files give every joint a code: **0** not labelled, its place is unknown; **1** labelled but hidden, behind a
# table or the person's own back; **2** labelled and in sight. A map that is compared with the network's has a
# *weight*: 1 if it counts in the loss, 0 if not. Write `target_weights(visibility)`.
#
# * `visibility`: an array of whole numbers 0, 1 or 2 of shape (N, J): N people, J joints.
#
# Return an array of shape (N, J + 1) of 0 and 1:
#
# * the first J columns: 1 where the joint is labelled, hidden or not, else 0;
# * the last column, for the background map: 1 if **all** J joints of that person are labelled, else 0. An unlabelled
#   joint is somewhere, nobody knows where, so a background map drawn without it is wrong at an unknown place.
#
# **By hand.** Two people with three joints: [[2, 1, 0], [2, 1, 1]]. The third joint of the first is unlabelled, so her
# row is [1, 1, 0, 0]; all of the second are labelled, so his is [1, 1, 1, 1].


# %%
def target_weights(visibility):
    """(N, J + 1) of 0 and 1, which maps count, of (N, J) codes 0, 1 and 2; the last is the background's."""
    ### BEGIN SOLUTION
    labelled = visibility > 0
    return np.column_stack([labelled, labelled.all(axis=1)]).astype(float)
    ### END SOLUTION


# %%
check("ex06", target_weights)

# %% [markdown]
# ## a1q1 · Explain: all off the same way (10 minutes, 3 points)
#
# A network was trained toward maps drawn by the rule `"msra"` at a stride of 4. Its answers are perfect. A friend reads
# them by the rule `"center"`: pixel = 4 (cell + 0.5) - 0.5.
#
# 1. By how many crop pixels, and in which direction, is every joint off?
# 2. Would longer training make it smaller? Why?
# 3. You have 100 labelled photos and may not see the code. Which number would you compute to tell this bug from a
#    network that is merely not very good?

# %% [markdown]
# **Your answer (a1q1)**
#
# ### BEGIN SOLUTION
# 1. "msra" puts a joint at pixel p into cell p / 4. Read by "center" that is 4 (p / 4 + 0.5) - 0.5 = p + 1.5, so every
#    joint is 1.5 crop pixels too far right and 1.5 too far down.
# 2. No. The maps are right already; the error is made after the network, when they are read. (Training could only hide it
#    if the loss were computed on the pixels that were read.)
# 3. The mean of found minus true with its sign, along x and along y. For errors in all directions it is near 0; here it
#    is (+1.5, +1.5) for every joint and every photo, measured in crop pixels. The mean distance or PCK alone cannot tell:
#    a somewhat poor network has the same.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a1q1**, 1 point each:
#
# * 1.5 pixels, right and down (+x, +y). Half a point for the size without the direction, or for "half a cell" (2 px).
# * No, because reading comes after the network; what it learns is right.
# * A signed mean (bias), the same for all joints, in crop pixels. Half a point for "all errors point the same way" with
#   no number; none for PCK or mean distance.
#
# Typical wrong answers: 3.5 px (copied from notebook 01, where the stride is 8); left and up (the two rules swapped); "train
# longer".
#
# Follow-up: in pixels of a photo that was shrunk to the crop by 1 / 3, how large is the error? (4.5.) At stride 1?
# (None: both rules agree.)

# %% [markdown]
# ## a1q2 · Debug: the vanishing ankles (10 minutes, 3 points)
#
# In a data set of swimmers many ankles are not labelled. A student builds the targets like this:
#
# ```python
# maps[unlabelled] = 0                       # no hill where the place is unknown
# weights = (visibility > 0).astype(float)   # (N, J): these maps do not count
# background = np.maximum(0, 1 - maps.max(axis=1))
# background_weight = np.ones(len(maps))     # (N,)
# ```
#
# Nothing crashes. After training, beliefs in ankles are lower than those in knees, and the background map is bright on
# ankles, also in photos where they are in plain sight.
#
# 1. Which line is wrong, and what does it teach the network about a visible but unlabelled ankle?
# 2. The ankle's own map has weight 0 there. Why does that not save it?
# 3. What is the cure, and what does it cost?

# %% [markdown]
# **Your answer (a1q2)**
#
# ### BEGIN SOLUTION
# 1. The last: the background counts for every person. An unlabelled ankle leaves no hill, so the background target is 1
#    on it. The network sees an ankle and is told "no joint here".
# 2. Weight 0 only silences the ankle's map. The background is another map with its own weight, and both come from the
#    same features: to be sure of the background there, the network must stop noticing ankles. Later stages read the
#    background map too.
# 3. Weight 0 for the background of every person with an unlabelled joint. The cost: those people no longer teach the
#    background anything, also where it was right, so it learns from fewer people (perhaps few, if most lack a joint).
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a1q2**, 1 point each:
#
# * The background's weight, and that the target says "no joint" on a real ankle. Half a point for the line alone.
# * The background is another map with its own weight, out of shared features (or: fed to the next stage). Half a point for
#   "it is a different map".
# * Weight 0 for the background of those people, and that their background is lost as training data. Half a point without
#   the cost. Also right: hide only the region where the ankle may be (more work, needs a guess).
#
# Typical wrong answers: "give unlabelled joints weight 1 and zeros" (that is the same mistake once more); "sigma is too
# small"; "drop those photos" (works, costs all their other joints: half a point for the third part).
#
# Follow-up: is a *hidden* ankle (code 1) affected? (No: it is labelled and has its hill.)

# %%
progress("A1")
