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
# # 01 · From a photo to a belief map, and back
#
# A network for poses never sees your photo. It sees a small square cut out of it, and it does not answer in pixels
# but in cells of 8 x 8 pixels. Between a wrist in the photo and a bright cell lie three steps, and a bug that
# crashes nothing sits in them: **a forgotten half**.
#
# **Afterwards you can** write the matrix from photo to crop and back, say which pixel a cell stands for and what a
# wrong answer costs, draw the belief map that a joint is trained toward, and decode and score it with a pencil.
#
# **Time:** 45 minutes, of which the computer needs one. **Needs:** the package `cpm_edu`, nothing else. **Before
# this:** notebook 00.
#
# There are four parts. Each runs on its own after the first code cell, so you can stop after any of them.

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import torch

from cpm_edu.coords import apply_affine, invert_affine, person_matrix, px_from_cells, warp_images
from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.decoding import decode_argmax, decode_log_parabola
from cpm_edu.figures.interactive.augmentation import augmentation
from cpm_edu.figures.interactive.belief_map import belief_map
from cpm_edu.figures.panels import draw_pose
from cpm_edu.figures.start_here import show
from cpm_edu.images import load_image
from cpm_edu.inference import predict_crops
from cpm_edu.metrics import Table, pck
from cpm_edu.photos import PHOTOS
from cpm_edu.skeletons import LSP
from cpm_edu.targets import belief_map_targets, gaussian_targets
from cpm_edu.weights import load_lite

SIZE, STRIDE = (160, 160), 8  # the crop in pixels (height, width); pixels per cell
left_shoulder, right_hip = LSP.torso

# %% [markdown]
# ## Part 1 · From the photo to the crop
#
# The photographer stands in a photo of 512 x 512 pixels, in a box that begins at x = 60, y = 20 and is 360 wide and
# 490 high. The network wants 160 x 160 pixels with him in the middle.
#
# **By hand.** Pixels are counted from 0, and the *middle* of a pixel is a whole number: pixel 3 reaches from 2.5 to
# 3.5. So 360 pixels from 60 on are the pixels 60 to 419, and their middle is (60 + 419) / 2 = 239.5. In the same
# way y: (20 + 509) / 2 = 264.5. The longer side, 490, must become 160: every photo pixel shrinks to
# 160 / 490 = 0.3265. (The crop is square, so beside the box, which is narrower, it shows a little more.) The crop's
# own middle is (0 + 159) / 2 = 79.5.
#
# The tip of his nose is at (253, 166). It lies 13.5 pixels right of the box's middle and 98.5 above it. So in the
# crop: x = 79.5 + 0.3265 x 13.5 = 83.9 and y = 79.5 - 0.3265 x 98.5 = 47.3.
#
# Three steps, in this order: bring the person to (0, 0); turn, zoom, mirror; go to the middle of the crop. Written
# with a matrix, crop = T (photo - center) + middle, where T is 2 x 2. That is one matrix of 2 x 3 numbers.


# %%
def my_matrix(center_px, scale_px, size, *, zoom=1.0, rotation_deg=0.0, mirror=False):
    """(2, 3) matrix from photo pixels to crop pixels; `scale_px` is the (width, height) shown at zoom 1."""
    height, width = size
    shrink = zoom * width / max(scale_px[0], scale_px[1] * width / height)
    cos, sin = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    turn = shrink * np.array([[cos, sin], [-sin, cos]])  # counter-clockwise as seen: y grows downwards
    if mirror:
        turn[0] = -turn[0]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, middle - turn @ center_px])


photo = load_image(PHOTOS["photographer"].path)
box = x, y, width, height = PHOTOS["photographer"].box_xywh
center = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
matrix = my_matrix(center, (width, height), SIZE)
nose = np.array([253.0, 166.0])
print("middle of the box:", center, " shrink:", round(matrix[0, 0], 4))
print("nose in the crop:", (matrix[:, :2] @ nose + matrix[:, 2]).round(1))
assert np.allclose(matrix, person_matrix(center, (width, height), SIZE)), "the library says the same"

# %% [markdown]
# The picture goes the other way round: for every pixel of the crop one asks *where in the photo do you come from*,
# and looks there, between four pixels if need be. That is the inverse of the same matrix. The cross in the next
# picture went through the matrix, the pixels came through its inverse. If they agree, it lies on the nose.

# %%
pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float()  # (1, 3, 512, 512)
crop = warp_images(pixels, torch.from_numpy(matrix), SIZE, fill=128.0)[0]
crop = crop.round().byte().permute(1, 2, 0).numpy()  # (160, 160, 3)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.9), layout="constrained")
draw_pose(left, photo, None, LSP, box_xywh=box, center=nose)
left.set_title("photo, 512 x 512: box and nose", fontsize=10)
draw_pose(right, crop, None, LSP, center=matrix[:, :2] @ nose + matrix[:, 2])
right.set_title("crop, 160 x 160: the nose by the matrix", fontsize=10)
show(
    figure,
    alt="Left a photo of a man behind a camera, with a dotted box around him and a cross on the tip of his nose; "
    "right the crop of that box, the cross again on his nose.",
)
plt.close(figure)

# %% [markdown]
# ### One matrix for the picture and its joints
#
# While a network is trained, every crop is moved, turned, zoomed and mirrored a little: *augmentation*. The joints
# must go along, through the very same matrix.
#
# **Do:** drag the plus (what the crop is centred on) and the ring (what was up in the photo: turn and zoom). Then
# choose *the wrong order*: the person is brought to the middle first and turned and zoomed afterwards. **Notice:**
# nothing crashes. The labels are just wrong, and a training on them runs to its end without a word.
#
# The joints here go by *your* `my_matrix` from above; the picture goes by the library's. Break your function, run
# its cell and this one again, and watch the joints leave the person.

# %%
figure = augmentation(matrix=my_matrix)
figure

# %%
predict_first(
    "01-mirror-names",
    "The picture is mirrored. The pixel that showed the man's left wrist is now somewhere else, and we know where. "
    "What must happen to the *name* of the joint there?",
    choices=["it stays left wrist", "it becomes right wrist"],
    answer="it becomes right wrist",
    because="A mirrored man who raised his left arm looks exactly like a man who raises his right one, and a network "
    "that is shown him must say so. Places are mirrored by the matrix, names by a table of pairs: try both switches "
    "in the figure and read its last sentence.",
)

# %% [markdown]
# **Stop point** 1 of 4. You have the matrix from photo to crop, for pixels and for joints.
#
# ## Part 2 · From pixels to cells, and a forgotten half
#
# The network has a *stride* of 8: one number of its answer stands for 8 x 8 pixels of the crop.
#
# **By hand.** Cell 0 covers the pixels 0, 1, ..., 7. Their middle is 3.5, not 0 and not 4. Cell 1 covers 8 to 15 with
# middle 11.5. So pixel = 8 x (cell + 1/2) - 1/2, and the way back is cell = (pixel + 1/2) / 8 - 1/2. Pixel 0 lies at
# cell -0.4375: left of the middle of cell 0, as it should.
#
# There is a second rule in print, and it is not wrong: cell = pixel / 8, so that cell 0 stands on pixel 0. It is
# mmpose's. Each network has been trained with one of them; what is wrong is to mix them. In `cpm_edu/coords.py`
# they are called `"center"` and `"msra"`.

# %%
figure, ax = plt.subplots(figsize=(9, 2.3), layout="constrained")
for pixel in range(24):
    ax.add_patch(plt.Rectangle((pixel - 0.5, 0), 1, 0.8, fc="#eeeeee", ec="#999999"))
    ax.text(pixel, 0.4, pixel, ha="center", va="center", fontsize=9)
cells = torch.stack([torch.arange(3.0), torch.zeros(3)], 1)  # cells 0, 1, 2 of one row
for row, (rule, marker, color) in enumerate((("center", "o", "#0072B2"), ("msra", "s", "#D55E00"))):
    places = px_from_cells(cells, STRIDE, rule)[:, 0]
    ax.plot(places, [-0.55 - 0.8 * row] * 3, marker, color=color, ms=9)
    for cell, place in enumerate(places.tolist()):
        ax.text(place + 0.5, -0.55 - 0.8 * row, f"cell {cell} at {place:g}", va="center", color=color)
    ax.text(-1, -0.55 - 0.8 * row, f'"{rule}"', ha="right", va="center", color=color)
for edge in (-0.5, 7.5, 15.5, 23.5):
    ax.plot([edge, edge], [-1.8, 1], color="black", lw=2)
ax.set(xlim=(-5, 24), ylim=(-1.9, 1.1))
ax.axis("off")
show(
    figure,
    alt="24 pixels in a row, thick lines around every eight. By the rule center the cells 0, 1 and 2 stand at 3.5, 11.5 "
    "and 19.5, in the middle of their eight pixels; by the rule msra at 0, 8 and 16, on the first of them.",
)
plt.close(figure)


# %% [markdown]
# Now the bug. We take 100 drawn people, so that we know every joint, and draw *perfect* belief maps by the rule
# `"center"`: no network, no noise. Then somebody decodes them by the other rule. (`decode_log_parabola` reads places
# between the cells; notebook 06 is about it.)


# %%
@cache
def crops_of_people(count=100):
    """(N, 14, 2) joints in crop pixels, (N, 14) whether labelled, (N,) torsos."""
    crops = [plain_crop(synthetic_scene(i, seed=4, people=1).person(), SIZE) for i in range(count)]
    joints = torch.stack([c.joints_px[0] for c in crops])
    labelled = torch.stack([c.labelled[0] for c in crops])
    return joints, labelled, (joints[:, left_shoulder] - joints[:, right_hip]).norm(dim=-1)


def decoded(rule):
    """(N, 14, 2) pixels: perfect maps drawn by "center", read by a rule."""
    joints, labelled, _ = crops_of_people()
    maps, _ = belief_map_targets(joints, labelled, size=(20, 20), stride=STRIDE, sigma_cells=1.2)
    return px_from_cells(decode_log_parabola(maps)[0], STRIDE, rule)


# %%
def mean_shift():
    """Mean of true x minus x read by "msra", in pixels."""
    joints, labelled, _ = crops_of_people()
    return round(float((joints - decoded("msra"))[labelled][:, 0].mean()), 2)


def table_of_rules():
    joints, labelled, torsos = crops_of_people()
    rows = []
    for rule in ("center", "msra"):
        options = {"mask": labelled, "normalizer": torsos.numpy(), "comparison": "<="}
        scores = [100 * pck(decoded(rule), joints, threshold=t, **options).mean for t in (0.2, 0.1, 0.05)]
        rows.append([f'read by "{rule}"', *scores])
    columns = ["PCK@0.2", "PCK@0.1", "PCK@0.05"]
    return Table(["perfect maps", *columns], rows, formats=dict.fromkeys(columns, ".1f"))


# %%
predict_first(
    "01-half-pixel",
    "How many pixels of the crop is every joint off along x, when maps drawn by one rule are read by the other?",
    answer=mean_shift,
    unit="pixels of the crop",
    close=0.3,
    show=table_of_rules,
    because="8 x (cell + 1/2) - 1/2 and 8 x cell differ by 3.5, for every joint, in the same direction: half a *cell* "
    "less half a *pixel*. PCK@0.2 does not notice. The stricter ones collapse: such a bug looks like a mediocre network.",
)

# %% [markdown]
# **Stop point** 2 of 4. You know which pixel a cell stands for, and how to notice that somebody mixed the rules: a
# mean error that is not zero but points the same way for every joint.
#
# ## Part 3 · From a point to a belief map
#
# What should the network answer? Not "cell 9", for the joint may lie between two. It is trained toward a small hill,
# a **Gaussian**: 1 where the joint is, less all around.
#
#     b(z) = exp(-‖z - x‖² / (2 σ²))
#
# Here z is a cell, x the joint in cells (not rounded), and σ (sigma) says how wide the hill is, in cells.
#
# **By hand**, with the shipped model's σ = 1.2: 2 x 1.2 x 1.2 = 2.88. A cell on the joint: exp(0) = 1. One cell
# off: exp(-1 / 2.88) = 0.71. Two: exp(-4 / 2.88) = 0.25. Three: exp(-9 / 2.88) = 0.04. So a joint speaks to about
# five cells across, and the rest of its 400 cells are told "not here".


# %%
def my_target(joint_cells, size, sigma):
    """(H, W) belief map of one joint (x, y) in cells."""
    rows, columns = np.mgrid[: size[0], : size[1]]  # each (H, W): y and x of every cell
    squared = (columns - joint_cells[0]) ** 2 + (rows - joint_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma**2))


mine = my_target((9.3, 6.8), (20, 20), 1.2)
library = gaussian_targets(torch.tensor([[[9.3, 6.8]]]), (20, 20), 1.2)[0, 0].numpy()
print("largest difference from the library:", abs(mine - library).max())
print(np.round(100 * mine[5:10, 7:13]).astype(int), "<- hundredths: rows 5 to 9, columns 7 to 12")

# %% [markdown]
# **Do:** drag the joint, slowly, from one cell to the next, and move sigma. **Notice** below the map: the hill moves
# *between* the cells although no cell ever moves. The brightest cell jumps, its neighbours do not. At a small sigma
# only one cell is left, and then nothing says any more where inside it the joint lies. The figure draws with your
# `my_target`.

# %%
figure = belief_map(my_target)
figure


# %% [markdown]
# ### Are these probabilities?
#
# Values between 0 and 1, the largest where the joint most likely is: it is tempting. For the next question we also
# ask the shipped model about 64 drawn people: how high is a peak, and how often is it right?


# %%
@cache
def peaks_and_errors():
    """Peak of the last stage's maps, and error in torsos, of every joint of 64 drawn people that is in the picture."""
    scenes = [synthetic_scene(i, seed=9, size=SIZE, people=1) for i in range(64)]
    images = torch.from_numpy(np.stack([s.image for s in scenes])).permute(0, 3, 1, 2)
    centers = torch.from_numpy(np.stack([s.center_px for s in scenes]))
    joints, scores = predict_crops(load_lite(), images, centers)
    truth = np.stack([s.joints_px[0] for s in scenes])
    inside = np.stack([s.inside[0] for s in scenes])
    seen = np.stack([s.visible[0] for s in scenes]) > 0
    torsos = np.hypot(*(truth[:, left_shoulder] - truth[:, right_hip]).T)
    errors = np.hypot(*np.moveaxis(joints[-1].numpy() - truth, -1, 0)) / torsos[:, None]
    counted = inside & (torsos > 10)[:, None]  # a torso seen from the side is no yardstick
    return scores[-1].numpy()[counted], errors[counted], seen[counted]


def peaks_table():
    peaks, errors, _ = peaks_and_errors()
    rows = []
    for low, high in ((0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8)):
        found = errors[(peaks > low) & (peaks <= high)]
        shares = [100 * (found <= threshold).mean() for threshold in (0.2, 0.1)]
        rows.append([f"{low} to {high}", len(found), *shares])
    columns = ["peak of the map", "joints", "% within 0.2 torsos", "% within 0.1 torsos"]
    return Table(columns, rows, formats=dict.fromkeys(columns[2:], ".0f"))


# %%
predict_first(
    "probabilities",
    "The 400 numbers of one target map with sigma 1.2, away from the border: what do they add up to?",
    choices=["1", "about 9", "about 40"],
    answer=lambda: "about 9" if round(my_target((9.3, 9.6), (20, 20), 1.2).sum()) == 9 else "1",
    show=peaks_table,
    because="The sum is 2 x pi x sigma x sigma = 9.05: the *peak* is 1, not the sum. And a network that imitates such "
    "hills does not promise chances either. The table has its peaks beside how often it was right: that depends on how "
    "near is near enough, which no single number can know. A higher peak is more often right, that is all it says.",
)
hinge(
    "probabilities",
    "The map of the neck peaks at 0.88, that of the left ankle at 0.57. What may you conclude?",
    choices={
        "the ankle is there with a chance of 57 %": "A chance of being how near? The peak knows no tolerance.",
        "the ankle is less certain than the neck": "Peaks rank joints; they are no chances.",
        "the ankle's map must be divided by its sum first": "That makes a wide hill look unsure and a narrow one sure, "
        "and still knows nothing of how often the network errs.",
    },
    right="the ankle is less certain than the neck",
)  # fmt: skip

# %% [markdown]
# ### Is a smaller sigma more precise?
#
# A narrow hill points more sharply. So let us make it narrow, add a little noise (a network is never exact), decode,
# and measure the error: 2,000 joints, anywhere inside their cell, noise of 0.05 on every cell.


# %%
@cache
def errors_by_sigma(sigmas=(0.3, 0.5, 0.8, 1.2, 2.0, 3.0), noise=0.05, count=2000):
    """Mean error in crop pixels for each sigma: (K,) by the brightest cell, (K,) read between the cells."""
    generator = torch.Generator().manual_seed(0)
    joints = 6 + 8 * torch.rand(count, 1, 2, generator=generator)
    blur = noise * torch.randn(count, 1, 20, 20, generator=generator)
    maps = [gaussian_targets(joints, (20, 20), sigma) + blur for sigma in sigmas]
    decoders = (decode_argmax, decode_log_parabola)
    found = [[STRIDE * (d(m)[0] - joints).norm(dim=-1).mean().item() for m in maps] for d in decoders]
    return sigmas, *map(np.array, found)


def picture_of_sigmas():
    sigmas, plain, between = errors_by_sigma()
    figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    ax.plot(sigmas, plain, "s--", color="#D55E00", label="brightest cell")
    ax.plot(sigmas, between, "o-", color="#0072B2", label="read between the cells")
    ax.set(xlabel="sigma in cells", ylabel="mean error in pixels", ylim=(0, 8), xticks=sigmas)
    ax.legend(frameon=False)
    plt.close(figure)
    return picture(
        figure,
        alt="Mean error over sigma. Both curves fall steeply from 0.3 cells, are lowest between 0.5 and 1.2 and rise again.",
    )


# %%
predict_first(
    "smaller-sigma",
    "Which sigma, in cells of 8 pixels, is read most precisely under the same noise?",
    choices=[0.3, 0.5, 0.8, 1.2, 2.0, 3.0],
    answer=lambda: errors_by_sigma()[0][int(errors_by_sigma()[2].argmin())],
    show=picture_of_sigmas,
    because="At 0.3 the hill fits between the cells: a joint near a corner of four cells lights none of them above 0.1, "
    "and noise wins. A wide hill is flat at the top, and noise decides which cell is the highest. The best lies between, "
    "near one cell. (White noise is our assumption; a network's errors are smoother. The shape of the curve is the point.)",
)
hinge(
    "smaller-sigma",
    "A friend trains with sigma 0.3 cells, for sharper maps. What will the training signal look like?",
    choices={
        "stronger, the hill is steeper": "Steep, but almost nowhere: one cell of 400 is told anything but zero.",
        "most maps are nearly blank, some joints light no cell": "A joint in the corner of four cells gives a "
        "peak of 0.06, and a network that says nothing at all is nearly right.",
        "the same, only scaled": "Scaling would keep the peak's neighbours in proportion. They vanish instead.",
    },
    right="most maps are nearly blank, some joints light no cell",
)  # fmt: skip

# %% [markdown]
# ### A hidden joint
#
# The man of the augmentation figure stands behind a pole. Whoever labelled him still knew where his covered joints
# are; we do, since we drew him. Data sets note the two things apart: is there a *label*, and is the joint *in sight*?

# %%
behind_a_pole = synthetic_scene(13, seed=21, size=(240, 240), people=1)
crop_of_him = plain_crop(behind_a_pole.person(), SIZE)
in_sight = behind_a_pole.visible[0].astype(bool)
print("hidden:", ", ".join(name for name, seen in zip(LSP.joints, in_sight, strict=True) if not seen))


def targets_of_him(labelled):
    """(14, 20, 20) maps and (14,) weights: how much each map counts in the loss."""
    maps, weights = belief_map_targets(
        crop_of_him.joints_px, torch.as_tensor(labelled)[None], size=(20, 20), stride=STRIDE, sigma_cells=1.2
    )
    return maps[0], weights[0]


def hidden_table():
    _, errors, seen = peaks_and_errors()
    columns = ["joints of 64 drawn people", "number", "PCK@0.2 of the shipped model"]
    both = {"in sight": errors[seen], "hidden": errors[~seen]}
    rows = [[name, len(e), 100 * (e <= 0.2).mean()] for name, e in both.items()]
    return Table(columns, rows, formats={columns[2]: ".0f"})


# %%
predict_first(
    "occluded-unlabelled",
    "Of his 14 joints 3 are hidden and all are labelled. How many of the 14 maps count in the loss?",
    choices=[11, 14],
    answer=lambda: int(targets_of_him(crop_of_him.labelled[0])[1].sum()),
    show=hidden_table,
    because="Hidden is not unlabelled. A hidden joint has a place, gets the same hill and counts the same; from the rest "
    "of the body a network can learn to infer it, as the table shows. Only a joint *without a label* has weight 0: its "
    "map is then neither right nor wrong. Teaching zeros there would teach that he has no such joint.",
)
hinge(
    "occluded-unlabelled",
    "You build a data set of divers. A leg under water cannot be seen, but you can tell where it must be. What do you note?",
    choices={
        "nothing: the joint is unlabelled": "Then the network is never asked about legs under water, and never learns them.",
        "its place, marked as hidden": "It is trained on, and scores can still be told apart by what was in sight.",
        "the place where the leg enters the water": "Then you teach that knees are at the surface, with full weight.",
    },
    right="its place, marked as hidden",
)  # fmt: skip

# %% [markdown]
# **Stop point** 3 of 4. You can draw what a network is trained toward and say what a belief is not.
#
# ## Part 4 · And back: argmax, the way home, PCK
#
# **By hand.** A map is stored row by row, as one long list. The largest of its 400 numbers stands at place 187. Rows
# have 20 cells, so it is row 187 // 20 = 9, column 187 % 20 = 7: x = 7, y = 9. Points are written (x, y) and arrays
# are read [row, column], which is [y, x]. Mixing them up is easy, and crashes nothing either.
#
# Its pixel: 8 x 7.5 - 0.5 = 59.5 and 8 x 9.5 - 0.5 = 75.5. In the photo: the inverse of the matrix. One crop pixel of
# the photographer is 490 / 160 = 3.06 photo pixels.

# %%
one_map = np.zeros(400)
one_map[187] = 1.0
row, column = divmod(int(one_map.argmax()), 20)
print("by hand: x =", column, " y =", row)
print("library:", decode_argmax(torch.from_numpy(one_map).float().view(1, 1, 20, 20))[0][0, 0].tolist())

photographer = PHOTOS["photographer"].box_xywh
to_crop = person_matrix((239.5, 264.5), photographer[2:], SIZE)  # (2, 3), as in part 1
crop_px = px_from_cells(torch.tensor([[column, row]]), STRIDE)
photo_px = apply_affine(invert_affine(torch.from_numpy(to_crop)), crop_px)
print("crop pixel", crop_px[0].tolist(), "is photo pixel", photo_px[0].numpy().round(1))

# %% [markdown]
# Now the whole way for a person: true joints → cells → belief maps → brightest cell → crop pixels. The maps are
# perfect, so whatever error is left is made by the cells.
#
# **PCK by hand.** A joint is correct when its error is at most 0.2 x the torso, the distance from left shoulder to
# right hip. With a torso of 40 pixels that is 8 pixels. How large can the error be here? 4 pixels along x, 4 along y,
# so 5.7 at most. PCK@0.2 must be 100 %. PCK@0.1, circles of 4 pixels, cannot be.

# %%
person = plain_crop(synthetic_scene(41, seed=21, size=(240, 240), people=1).person(), SIZE)
truth, labelled = person.joints_px[:1], person.labelled[:1]  # (1, 14, 2) crop pixels, (1, 14)
torso = float((truth[0, left_shoulder] - truth[0, right_hip]).norm())
maps, _ = belief_map_targets(truth, labelled, size=(20, 20), stride=STRIDE, sigma_cells=1.2)
cells, _ = decode_argmax(maps)
error = (px_from_cells(cells, STRIDE) - truth).norm(dim=-1)[0]  # (14,)
print(f"torso {torso:.1f} px; largest error {error.max():.1f} px, of {LSP.joints[error.argmax()]}")
for threshold in (0.2, 0.1, 0.05):
    hits = (error <= threshold * torso).sum().item()
    found = px_from_cells(cells, STRIDE)
    score = pck(found, truth, normalizer=torso, threshold=threshold, comparison="<=").mean
    print(f"PCK@{threshold}: by hand {hits} of 14 = {100 * hits / 14:.1f} %, library {100 * score:.1f} %")

# %%
predict_first(
    "01-way-home",
    "A decoder that takes the brightest cell may be 4 crop pixels off along x. For the photographer, how many pixels of "
    "the *photo* is that?",
    answer=lambda: round(4 / float(to_crop[0, 0]), 2),
    unit="photo pixels",
    close=1.0,
    because="4 x 490 / 160 = 12.25. The smaller the crop and the larger the stride, the more a cell costs at home. PCK "
    "asks for this error in torsos, so it does not depend on how large the photo was.",
)

# %% [markdown]
# **Stop point** 4 of 4: the end of the road from a photo to a belief map and back.
#
# ## Questions to take along
#
# 1. A crop of 368 pixels and stride 8 gives 46 cells (the paper's). Where, in cells, is its middle, pixel 183.5, by each of
#    the two rules?
# 2. `my_matrix` with `mirror=True` and then the table of names swapped: why does doing both twice give back the first
#    picture? Which of the two alone does?
# 3. A joint that lies outside the crop: what is its target map, and should it count? (`cpm_edu/targets.py` says what
#    each of the two rules does.)
#
# **Assignment:** A1: from pixels to cells, and the Gaussian target (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei and others, *Convolutional Pose Machines*, CVPR 2016, section 3.3: belief maps with a Gaussian
# peak at each joint, and the loss toward them. The rule that cell c covers the pixels from 8c on is that of the
# authors' released code; cell = pixel / stride is that of mmpose's `MSRAHeatmap`. In the package: `coords.py`,
# `targets.py`, `decoding.py`, `datasets/augment.py`. PCK: Y. Yang, D. Ramanan, *Articulated Human Detection with
# Flexible Mixtures of Parts*, TPAMI 2013 (there measured with the person's box).
