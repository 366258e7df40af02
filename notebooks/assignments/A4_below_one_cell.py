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
# # A4 · Below one cell, and the flip test
#
# **Afterwards you can** write everything that turns belief maps into joints: the best cell, three ways to step below one
# cell, and the mean of two passes over an image and its mirror image.
#
# **Time:** 105 minutes, and 40 for the starred exercise. **Points:** 19, and 5. **Builds on:** notebook 06.
#
# Write the functions below. Under each a cell checks it and says whether it is right, or what is wrong.
# `hint("ex13")` in a cell of your own helps in three steps. Checks and hints cost no points. No exercise needs
# another one: begin where you like, and run the next cell first.
#
# Points and cells are (x, y), sizes (height, width), and arrays are read [row, column], which is [y, x]. Rows and columns
# are counted from 0. Use Python and numpy. The functions of `cpm_edu` that hold an answer are locked while your function
# is checked.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.coords import px_from_cells
from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.decoding import decode_argmax, decode_log_parabola
from cpm_edu.figures.interactive.flip_test import drawn_passes, flip_test
from cpm_edu.figures.interactive.subpixel import subpixel
from cpm_edu.figures.start_here import show
from cpm_edu.weights import load_lite

STRIDE = 8  # pixels per cell
model = load_lite()

# %% [markdown]
# ## ex13 · The best cell of every map (20 minutes, 3 points)
#
# Write `argmax_joints(belief_maps)`: for every joint the cell in which the network believes most.
#
# * `belief_maps`: an array of shape (J, H, W), a map of H rows and W columns for each of J joints (no background map
#   among them). J, H and W are at least 1. The numbers may be negative, all of them too.
#
# Return an array of shape (J, 2): for every map the (x, y) of its largest number. x is the column, y the row. Where several
# cells are equally large, the one with the smallest row number wins, and within that row the one with the smallest column
# number. Whole numbers or floats, as you like.
#
# **By hand.** Below is one map of 3 rows and 4 columns. Its largest number is 0.6, three times: at (x, y) = (2, 0), (0, 1)
# and (3, 2). The first of them is in row 0, so the answer is (2, 0).

# %%
by_hand = np.array([[0.1, 0.2, 0.6, 0.1], [0.6, 0.3, 0.1, 0.0], [0.1, 0.0, 0.2, 0.6]])
figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
for r in range(3):
    for c in range(4):
        ax.add_patch(plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#ffffff", ec="#999999"))
        ax.text(c, r, by_hand[r, c], ha="center", va="center", fontsize=12)
ax.plot(2, 0, "o", ms=30, mfc="none", mec="#D55E00", mew=2.5)
ax.set(xlim=(-0.6, 3.6), ylim=(2.6, -0.6), aspect="equal", xticks=range(4), yticks=range(3))
ax.set(xlabel="column, x", ylabel="row, y")
ax.set_title("three cells are equal: the ring wins", fontsize=10)
show(
    figure,
    alt="A map of 3 rows and 4 columns. 0.6 stands in row 0, column 2, in row 1, column 0 "
    "and in row 2, column 3. A ring is around the first of them.",
)
plt.close(figure)


# %%
def argmax_joints(belief_maps):
    """(J, 2): the (x, y) of the largest number of each of the (J, H, W) maps."""
    ### BEGIN SOLUTION
    joints, height, width = belief_maps.shape
    place = belief_maps.reshape(joints, height * width).argmax(1)  # counted row by row; the first of equals
    return np.stack((place % width, place // width), -1)
    ### END SOLUTION


# %%
check("ex13", argmax_joints)

# %% [markdown]
# Your function on the maps of the shipped network, of a drawn person that it has never seen: a dot for every joint, in the
# middle of the cell that you return.

# %%
passes = drawn_passes(model)  # 48 drawn people: belief maps of each picture, and of its mirror image


def my_joints(person=17):
    """The person's picture with a dot for every joint."""
    cells = torch.tensor(np.asarray(argmax_joints(passes.maps[person].numpy()), dtype=np.float32))
    x, y = px_from_cells(cells, STRIDE).numpy().T
    figure, ax = plt.subplots(figsize=(4, 4), layout="constrained")
    ax.imshow(passes.images[person])
    ax.plot(x, y, "o", ms=7, mfc="#F0E442", mec="black")
    ax.set_title("the best cell of every joint", fontsize=10)
    ax.axis("off")
    show(figure, alt="A drawn person with a yellow dot where your function finds each of the 14 joints.")
    plt.close(figure)


come_alive(my_joints)

# %% [markdown]
# ## ex14 · The quarter offset (20 minutes, 3 points)
#
# Write `quarter_offset(belief_map, cell)`: the best cell, moved a quarter of a cell toward the higher of its two neighbours,
# along x and along y.
#
# * `belief_map`: an array of shape (H, W).
# * `cell`: (x, y) of the map's best cell, an array of two whole numbers. You need not look for it.
#
# Along x the neighbours are the cells on the left and right, along y those above and below. Each axis is on its own: add
# 0.25 to x if the right neighbour is higher, take 0.25 off if the left one is. Add 0.25 to y if the neighbour *below* is
# higher (y grows downwards), take 0.25 off if the one above is. An axis takes **no step** where
#
# * its two neighbours are equal, or
# * one of them lies outside the map.
#
# Return the point (x, y) as two floats: an array, a list or a tuple.
#
# **By hand.** The best cell of this map is (2, 2), with 0.9. On its right stands 0.6, on its left 0.3: x becomes 2.25. Below
# stands 0.2, above 0.1: y becomes 2.25 too. Did the map end with column 2, x would
# stay 2.

# %%
step_map = np.full((5, 6), 0.01)
step_map[1:4, 1:4] = [[0.02, 0.1, 0.2], [0.3, 0.9, 0.6], [0.02, 0.2, 0.1]]
figure, ax = plt.subplots(figsize=(5, 4.1), layout="constrained")
for r in range(5):
    for c in range(6):
        near = abs(r - 2) + abs(c - 2) == 1
        ax.add_patch(
            plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#cfe8f7" if near else "#ffffff", ec="#999999")
        )
        ax.text(c, r, step_map[r, c], ha="center", va="center", fontsize=11)
ax.plot(2, 2, "o", ms=30, mfc="none", mec="#D55E00", mew=2.5)
ax.set(xlim=(-0.6, 5.6), ylim=(4.6, -0.6), aspect="equal", xlabel="column, x", ylabel="row, y")
ax.set_title("the best cell (ring) and its four neighbours (shaded)", fontsize=10)
show(
    figure,
    alt="A map of 5 rows and 6 columns. A ring is around 0.9 in row 2, column 2. Shaded are its "
    "neighbours: 0.3 on the left, 0.6 on the right, 0.1 above, 0.2 below.",
)
plt.close(figure)


# %%
def quarter_offset(belief_map, cell):
    """(x, y) of the best cell, a quarter of a cell toward its higher neighbours."""
    ### BEGIN SOLUTION
    height, width = belief_map.shape
    x, y = cell
    point = np.array([x, y], dtype=float)  # floats: a quarter would be cut off from integers
    if 0 < x < width - 1:
        point[0] += 0.25 * np.sign(belief_map[y, x + 1] - belief_map[y, x - 1])
    if 0 < y < height - 1:
        point[1] += 0.25 * np.sign(belief_map[y + 1, x] - belief_map[y - 1, x])
    return point
    ### END SOLUTION


# %%
check("ex14", quarter_offset)

# %% [markdown]
# ## ex15 · The log-parabola (25 minutes, 4 points)
#
# Write `log_parabola(belief_map, cell)`: the best cell, moved to the top of a parabola through three logarithms, along x and
# along y.
#
# * `belief_map`: an array of shape (H, W). Its numbers may be 0 or negative.
# * `cell`: (x, y) of the map's best cell, an array of two whole numbers.
#
# Along x let b₀, b₁, b₂ be the beliefs left of the best cell, in it, and right of it, and l₀, l₁, l₂ their natural
# logarithms. The step along x is
#
#     d = (l₀ - l₂) / (2 (l₀ - 2 l₁ + l₂))
#
# Along y the same with the beliefs above, in and below the cell. Each axis is on its own. An axis takes **no step** where
#
# * one of the two neighbours lies outside the map, or
# * one of the three beliefs is 0 or negative: it has no logarithm.
#
# Return the point (x, y) as two floats. (The line below the fraction is never 0 at a best cell; question a4q1 asks why.)
#
# **By hand**, on the map of ex14. Along x: 0.3, 0.9, 0.6, with the logarithms -1.204, -0.105, -0.511. Above the line
# -1.204 + 0.511 = -0.693, below it 2 (-1.204 + 0.211 - 0.511) = -3.008: a step of 0.23, so x = 2.23. Along y: 0.1, 0.9, 0.2
# give a step of 0.09, so y = 2.09. Compare ex14, which says 2.25 for both.


# %%
def log_parabola(belief_map, cell):
    """(x, y) of the best cell, moved to the top of the parabola through the logarithms of three beliefs."""
    ### BEGIN SOLUTION
    x, y = cell
    point = np.array([x, y], dtype=float)
    along_x = belief_map[y, max(x - 1, 0) : x + 2]  # two values only at the map's edge
    along_y = belief_map[max(y - 1, 0) : y + 2, x]
    for axis, beliefs in enumerate((along_x, along_y)):
        if len(beliefs) == 3 and beliefs.min() > 0:
            l0, l1, l2 = np.log(beliefs)
            point[axis] += (l0 - l2) / (2 * (l0 - 2 * l1 + l2))
    return point
    ### END SOLUTION


# %%
check("ex15", log_parabola)

# %% [markdown]
# Both of your steps under the magnifying glass of notebook 06. **Drag the ring**, the true joint (or focus it and use the
# arrow keys); the plus is yours. Change `mine` to `quarter_offset`. Which of the two stays on the ring when sigma is 3?


# %%
def every_map(step):
    """A decoder of (N, J, H, W) maps by a step from the best cell of one."""

    def decoder(belief_maps):
        cells = decode_argmax(belief_maps)[0].numpy().astype(int)  # (N, J, 2)
        pairs = zip(belief_maps.numpy(), cells, strict=True)
        points = [[step(m, c) for m, c in zip(*pair, strict=True)] for pair in pairs]
        return torch.tensor(np.array(points, dtype=np.float32))

    return decoder


mine = log_parabola


def under_the_glass():
    mine(step_map, np.array([2, 2]))  # is it written?
    return subpixel(every_map(mine))


come_alive(under_the_glass)

# %% [markdown]
# ## ex16* · One Newton step: DARK (40 minutes, 5 points, starred)
#
# The log-parabola looks along x and along y, and nowhere else. Where a hill is a slanted ridge, its top may lie off both
# lines. DARK fits a parabola in two dimensions, by one Newton step. (Before, it blurs the map. Here that is done already.)
#
# Write `dark_step(log_map, cell)`.
#
# * `log_map`: an array of shape (H, W), the natural logarithm L of a blurred belief map; every number is finite.
# * `cell`: (x, y) of the largest number, an array of two whole numbers.
#
# Write L(i, j) for the value i columns right of the cell and j rows below it. DARK takes these differences:
#
#     gx  = (L(1, 0) - L(-1, 0)) / 2                gy  = (L(0, 1) - L(0, -1)) / 2
#     hxx = (L(2, 0) - 2 L(0, 0) + L(-2, 0)) / 4    hyy = (L(0, 2) - 2 L(0, 0) + L(0, -2)) / 4
#     hxy = (L(1, 1) - L(-1, 1) - L(1, -1) + L(-1, -1)) / 4
#
# With the gradient g = (gx, gy) and the Hessian h, the 2 x 2 matrix with rows (hxx, hxy) and (hxy, hyy), the point is
# **cell - h⁻¹ g**. Take no step at all, along neither axis, unless the cell has two cells on each of its four sides:
# 2 ≤ x ≤ W - 3 and 2 ≤ y ≤ H - 3. (h can always be inverted here.) Return the point (x, y) as two floats.
#
# **By hand**, for the middle (2, 2) of the map below. gx = (-0.5 + 1.0) / 2 = 0.25 and gy = (-0.6 + 0.8) / 2 = 0.1.
# hxx = (-2.4 - 0 - 3.6) / 4 = -1.5, hyy = (-1.8 - 0 - 2.2) / 4 = -1.0, hxy = (-0.7 + 1.9 + 1.3 - 1.3) / 4 = 0.3. The
# determinant is 1.5 - 0.09 = 1.41, and the step (0.28 / 1.41, 0.225 / 1.41) = (0.20, 0.16).

# %%
log_patch = [
    [-9.0, -5.0, -2.2, -5.0, -9.0],
    [-5.0, -1.3, -0.8, -1.3, -5.0],
    [-3.6, -1.0, 0.0, -0.5, -2.4],
    [-5.0, -1.9, -0.6, -0.7, -5.0],
    [-9.0, -5.0, -1.8, -5.0, -9.0],
]
figure, ax = plt.subplots(figsize=(4.2, 4.2), layout="constrained")
for r in range(5):
    for c in range(5):
        used = abs(r - 2) + abs(c - 2) <= 2
        ax.add_patch(
            plt.Rectangle((c - 0.5, r - 0.5), 1, 1, fc="#cfe8f7" if used else "#ffffff", ec="#999999")
        )
        ax.text(c, r, log_patch[r][c], ha="center", va="center", fontsize=11)
ax.plot(2, 2, "o", ms=30, mfc="none", mec="#D55E00", mew=2.5)
ax.set(xlim=(-0.6, 4.6), ylim=(4.6, -0.6), aspect="equal", xlabel="column, x", ylabel="row, y")
ax.set_title("L: the thirteen shaded values enter the step", fontsize=10)
show(
    figure,
    alt="A map of 5 rows and 5 columns of logarithms, 0 in the middle with a ring around it. Shaded "
    "are the middle, its neighbours at distance 1 and 2 along rows and columns, and the four on the "
    "diagonals.",
)
plt.close(figure)


# %%
def dark_step(log_map, cell):
    """(x, y) of the best cell after one Newton step on the logarithm of the map."""
    ### BEGIN SOLUTION
    height, width = log_map.shape
    x, y = cell
    if not (2 <= x <= width - 3 and 2 <= y <= height - 3):
        return cell.astype(float)

    def at(i, j):
        return log_map[y + j, x + i]

    g = np.array([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)]) / 2
    hxx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    hyy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    hxy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    return cell - np.linalg.solve(np.array([[hxx, hxy], [hxy, hyy]]), g)
    ### END SOLUTION


# %%
check("ex16", dark_step)

# %% [markdown]
# A slanted ridge, seen from above: the logarithm of a long Gaussian turned by 40 degrees. The cross is its true top. Your
# Newton step follows the slant; the log-parabola, which looks along x and along y only, does not.


# %%
top_of_ridge, turn = (5.3, 4.7), np.deg2rad(40)


def ridge_at(x, y):
    """The logarithm of a Gaussian of widths 3 and 0.9 cells, turned."""
    along = (x - top_of_ridge[0]) * np.cos(turn) + (y - top_of_ridge[1]) * np.sin(turn)
    across = (y - top_of_ridge[1]) * np.cos(turn) - (x - top_of_ridge[0]) * np.sin(turn)
    return -0.5 * ((along / 3) ** 2 + (across / 0.9) ** 2)


def on_a_ridge():
    """The top of a slanted Gaussian, and where three ways to it end."""
    ridge = ridge_at(*np.meshgrid(np.arange(11.0), np.arange(10.0)))
    cell = np.array(np.unravel_index(ridge.argmax(), ridge.shape))[::-1]
    newton = np.asarray(dark_step(ridge, cell))
    lines = decode_log_parabola(torch.tensor(np.exp(ridge), dtype=torch.float32)[None, None])[0][0, 0]
    draw_ridge(cell, lines, newton)


# %%
def draw_ridge(cell, lines, newton):
    figure, ax = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
    fine = np.meshgrid(np.linspace(2, 9, 200), np.linspace(1.5, 8, 200))
    levels = [-4, -2, -1, -0.5, -0.1]
    ax.contour(*fine, ridge_at(*fine), levels=levels, colors="#999999", linestyles="-")
    ax.plot(*cell, "s", ms=9, color="#56B4E9", label="best cell")
    ax.plot(*lines, "D", ms=9, color="#E69F00", label="log-parabola")
    ax.plot(*newton, "o", ms=12, mfc="none", mec="#D55E00", mew=2, label="your Newton step")
    ax.plot(*top_of_ridge, "kx", ms=9, label="true top")
    ax.set(xlim=(2, 9), ylim=(8, 1.5), aspect="equal", xlabel="x in cells", ylabel="y in cells")
    ax.legend(loc="lower left", fontsize=9)
    show(
        figure,
        alt="Contour lines of a slanted ridge with the best cell, two steps from it, and the true top.",
    )
    plt.close(figure)


come_alive(on_a_ridge)

# %% [markdown]
# ## ex17 · The flip test (20 minutes, 3 points)
#
# A network has looked at an image and at its mirror image (left and right exchanged). Write
# `merge_flipped(maps, maps_of_mirrored, permutation)`: bring the second pass back, and take the mean of both.
#
# * `maps`: an array of shape (J, H, W), the belief maps of the image; no background map.
# * `maps_of_mirrored`: the same shape, the belief maps of the *mirrored* image, as the network gave them.
# * `permutation`: an array of J whole numbers. In a mirrored image joint `permutation[j]` looks like joint j: for a left
#   wrist it is the number of the right wrist, for the head that of the head itself.
#
# Return an array of shape (J, H, W) that fits the image as it is: the mean of `maps` and of the second pass brought back.
# The network was trained by the convention "center", in which the mirrored image's cells are the mirrored cells: nothing is
# shifted. The arguments must stay as they are.
#
# **By hand.** Three joints, 0 = left wrist, 1 = right wrist, 2 = head, so `permutation` is [1, 0, 2]; a map is one row of 3
# cells. In the image the left wrist is in column 0: its map is [0.8, 0, 0]. In the mirrored image that wrist is in column 2
# and looks like a *right* one: the map of joint 1 is [0, 0, 0.6]. Brought back it belongs to joint 0, in column 0: the mean
# is [0.7, 0, 0].


# %%
def merge_flipped(maps, maps_of_mirrored, permutation):
    """(J, H, W): the mean of the maps of an image and of those of its mirror image, brought back."""
    ### BEGIN SOLUTION
    back = maps_of_mirrored[permutation][:, :, ::-1]  # left and right joints exchanged, columns turned round
    return (maps + back) / 2
    ### END SOLUTION


# %%
check("ex17", merge_flipped)

# %% [markdown]
# The figure of notebook 06, with your mean. It switches the swap on and off by what it gives you as `permutation`. PCK@0.2
# of one pass is 72.5 %.


# %%
def my_merge(maps, maps_of_mirrored, permutation, *, shift):
    """Your function for every person; the shift of the convention "msra" is added outside."""
    order = np.asarray(permutation)
    mirrored = maps_of_mirrored.roll(-1, -1) if shift else maps_of_mirrored
    pairs = zip(maps.numpy(), mirrored.numpy(), strict=True)
    return torch.tensor(np.stack([merge_flipped(m, f, order) for m, f in pairs]))


def my_flip_test():
    merge_flipped(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), np.array([0]))  # is it written?
    return flip_test(model, passes=passes, merge=my_merge)


come_alive(my_flip_test)

# %% [markdown]
# ## a4q1 · Explain: a fraction that never fails (10 minutes, 3 points)
#
# The step of the log-parabola is (l₀ - l₂) / (2 (l₀ - 2 l₁ + l₂)).
#
# 1. At the best cell the number below the line is never 0, if all three beliefs are positive. Why? Use the rule of ex13 on
#    equal cells.
# 2. How large can the step get, and for which three beliefs?
# 3. A friend uses logarithms to base 10. What changes?

# %% [markdown]
# **Your answer (a4q1)**
#
# ### BEGIN SOLUTION
# 1. l₀ - 2 l₁ + l₂ = (l₀ - l₁) + (l₂ - l₁). l₁ is the largest, so neither bracket is positive. Both would have to be 0: both
#    neighbours as large as the best cell. But of equal cells the lowest row and column wins, so the left neighbour (or the one
#    above) would have been the best cell. Hence l₀ < l₁, and the sum is below 0.
# 2. Half a cell at most: with p = l₁ - l₀ > 0 and q = l₁ - l₂ ≥ 0 the step is (p - q) / (2 (p + q)). It is 1/2 for q = 0,
#    when the right neighbour is as large as the best cell, and gets near -1/2 when the left one is almost as large. The
#    top lies between the two equal cells, as it should.
# 3. Nothing. A logarithm to another base is the natural one times a constant, which stands above and below the line.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a4q1**, 1 point each:
#
# * The sum of two differences that are not positive, and why both cannot be 0 (the tie rule). Half a point for "the best cell
#   is larger than its neighbours" without the case of equal ones.
# * Half a cell, reached (or approached) where a neighbour equals the best cell. Half a point for "half a cell" alone.
# * Nothing, since a constant factor cancels.
#
# Typical wrong answers: "because logarithms of numbers below 1 are negative" (true, and no reason: the sum could still be
# 0); "one cell"; "base 10 gives 2.3 times smaller steps".
#
# Follow-up: what becomes of 1 if the best cell is taken from the sum of two maps, and the step from one of them? (Then the
# cell need not be the map's best one: the fraction can vanish and the step grow without bound.)

# %% [markdown]
# ## a4q2 · Debug: 3.5 pixels to the left (10 minutes, 3 points)
#
# Somebody adds your `merge_flipped` to a network of OpenMMLab: stride 8, convention "msra", in which cell c stands on pixel
# 8 c. The image has 160 pixels in a row, so its maps have 20 columns. With one pass all is well. With the flip test every
# joint, the head included, lies about 3.5 pixels too far left. Up and down nothing has changed, and left and right joints are
# not mixed up.
#
# 1. Follow a joint at pixel 80 through the mirrored pass: mirrored pixel, cell there, and cell after the columns have been
#    turned round. (The middle of pixel 0 is 0; a mirror takes x to 159 - x.)
# 2. Where do the 3.5 pixels come from?
# 3. OpenMMLab moves the maps that come back by one whole cell to the right. How large is the error of the mean then, and
#    why is it not 0?

# %% [markdown]
# **Your answer (a4q2)**
#
# ### BEGIN SOLUTION
# 1. Pixel 80 is cell 10 in the first pass. The mirror takes it to pixel 79, which is cell 79 / 8 = 9.875. Turned round,
#    column c goes to 19 - c: cell 9.125, pixel 73. That is 7 pixels, 7/8 of a cell, left of the truth.
# 2. The mean of two equal hills, one at 10 and one at 9.125, has its top in the middle, at 9.56 cells or 76.5 pixels: half of
#    the 7 pixels. In this convention the cells of the mirrored image are not the mirrored cells.
# 3. One cell is 8 pixels and 7 are needed: what comes back now lies 1 pixel too far right, and the mean half a pixel. The
#    maps can be moved by whole cells only (without interpolation), and 7/8 is no whole number.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a4q2**, 1 point each:
#
# * 79, 9.875 and 9.125 (or: 7/8 of a cell, 7 pixels too far left). Half a point for one slip in an otherwise right chain.
# * The mean lies half way: 7 / 2 = 3.5. Half a point for "the convention, half a cell" without a number.
# * Half a pixel to the right, because 8 - 7 = 1 and the mean halves it. Half a point for "1 pixel".
#
# Typical wrong answers: a missing swap of left and right (the head would then be right); a missing mirror (the error would
# depend on where the joint is); half a cell, 4 pixels.
#
# Follow-up: what would the error be at stride 4? (3/4 of a cell: 3 pixels, 1.5 in the mean; after the shift still half a
# pixel.) And in the convention "center"? (None.)

# %%
progress("A4")
