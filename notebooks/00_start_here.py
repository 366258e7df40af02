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
# # 00 · Start here: a pose machine in one picture
#
# Two people stand side by side. A *pose machine* is asked for the joints of one of them. It does not point. It
# **paints where it believes each joint to be, looks at its painting, and paints again**.
#
# **Afterwards you can** find *stage*, *center map*, *belief map* and *PCK* in one picture, say what goes into
# every stage, turn a belief map into a pixel with a pencil, and score a pose by hand.
#
# **Time:** 25 minutes, of which the computer needs one. **Needs:** the package `cpm_edu`, nothing else: no GPU, no
# download, no data set, no other notebook. The next cell sets everything up; after a **Stop point** you can leave,
# come back, run that cell and go on from there.
#
# When a question says *predict*, answer before you look on: being wrong first is how it sticks. The code of some
# questions is folded, because it holds the answer: run it like any other cell.

# %%
import numpy as np
import torch

from cpm_edu.coords import px_from_cells
from cpm_edu.course import predict_first
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.decoding import decode_argmax, decode_log_parabola
from cpm_edu.figures.panels import stage_figure
from cpm_edu.figures.start_here import anatomy_figure, influence_box, numbers_figure, show
from cpm_edu.images import load_image
from cpm_edu.inference import crop_beliefs, crop_joints, pose_in_boxes
from cpm_edu.metrics import Table, pck
from cpm_edu.photos import PHOTOS
from cpm_edu.receptive_field import effective_receptive_field
from cpm_edu.targets import center_map
from cpm_edu.weights import load_lite

model = load_lite()  # a small pose machine: 14 joints, 4 stages, crops of 160 x 160 px
scene = synthetic_scene(232, seed=4, size=model.input_size, people=2)  # a drawing it has never seen
image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1)[None]  # (1, 3, 160, 160)
center_px = torch.from_numpy(scene.center_px)[None]  # (1, 2): x and y of the person we mean
truth = scene.joints_px[0]  # (14, 2): we drew these people, so we know
ankle = model.skeleton.index("left_ankle")

# %% [markdown]
# ## 1 · What does the machine say?
#
# **By hand.** Our crop is 160 x 160 = 25,600 pixels. The machine does not judge them one by one but in squares of
# 8 x 8, called *cells*: 160 / 8 = 20, so 20 x 20 = 400 cells. For one joint it gives every cell a number, about 0
# for "not here" and up to about 1 for "here". Those 400 numbers are a **belief map**.
#
# It does this several times over. Each time is a **stage**.
#
# The model knows 14 joints, looks 4 times, and gets one crop. Here is the whole machine:

# %%
with torch.no_grad():
    center_maps = center_map(center_px, model.input_size)  # (1, 1, 160, 160)
    beliefs = model(model.preprocess(image), center_maps)

# %%
predict_first(
    "00-shape",
    "What is the shape of `beliefs`: stages, people, maps a stage, rows, columns?",
    choices=["(4, 1, 14, 20, 20)", "(4, 1, 15, 20, 20)", "(4, 1, 14, 160, 160)"],
    answer=lambda: str(tuple(beliefs.shape)),
    because="Fifteen maps for fourteen joints: the last is the *background map*, the belief that no joint at all is "
    'here. It gives the network somewhere to put its "none of these".',
)

# %% [markdown]
# ## 2 · The one picture
#
# The next cell prepares two things to draw: the *pose* (every map's peak, as a pixel), and what one belief *listens
# to*: how strongly each pixel of the crop moves that number.

# %%
joints, scores = crop_joints(model, beliefs)  # (4, 1, 14, 2) pixels (x, y); (4, 1, 14) heights of the peaks
maps = model.joint_maps(beliefs)[:, 0].numpy()  # (4, 14, 20, 20), without the background
left_shoulder, right_hip = model.skeleton.torso
torso = np.hypot(*(truth[left_shoulder] - truth[right_hip]))


def listens_to(stage):
    """Square (x1, y1, x2, y2) that holds nine tenths of the gradient from the crop to the map's brightest cell."""
    y, x = np.unravel_index(maps[stage, ankle].argmax(), maps.shape[2:])
    footprint = effective_receptive_field(
        lambda crop: model(crop, center_maps)[: stage + 1], (3, *model.input_size), (int(x), int(y)),
        channel=ankle, num_inputs=1, draw=lambda shape, generator: model.preprocess(image),
    )  # fmt: skip
    return influence_box(footprint, px_from_cells([x, y], model.stride))


# %%
figure = anatomy_figure(
    scene.image, scene.center_px, center_maps[0, 0].numpy(), maps, joints[-1, 0].numpy(), model.skeleton,
    truth_px=truth, radius_px=0.2 * torso, joint=ankle, stride=model.stride,
    influence_px=[listens_to(stage) for stage in range(model.num_stages)],
)  # fmt: skip
show(
    figure,
    alt="Two rows of six panels. Left: a drawn scene with two people, one marked by a plus; below it the center map, "
    "a blurred dot at the plus. Middle: belief maps of stages 1 to 4; in stage 1 both people light up, in the later "
    "stages only the marked one. Below, the map of the left ankle alone, cell by cell. Right: the decoded pose, and "
    "a circle around every true joint, filled where the model hit it, dashed with a cross where it missed.",
)

# %% [markdown]
# Read it from left to right.
#
# * **Goes in:** the *crop*, and the **center map**: one bright blob that says *this person, not that one*.
# * **Stage 1** sees the crop only. **Stages 2, 3 and 4** see the crop again, the center map, *and what the stage
#   before believed*. The top row lays all 14 maps of a stage over the crop; the lower row is one map, the left
#   ankle's. The dashed square is what its brightest cell listens to.
# * **Comes out:** the *pose*, the peak of every last map; and **PCK**, the share of joints inside their circle.
#
# **Predict.** Between stage 1 and stage 2 something vanishes from the top row. What, and which of the new inputs
# could have told the machine so? And in the lower row: what looks like a left ankle but is none?
#
# <details><summary><b>Open after predicting</b></summary>
#
# The other person vanishes. Stage 1 looks at patches of the crop, and the neighbour's ankles look just as much like
# ankles as ours do. From stage 2 on the center map says whom we mean, and the machine was trained to paint that
# person only. Our *right* ankle looks like a left one too, and keeps some belief to the end. Only the rest of the
# body can settle left and right, so the machine must *listen to more of it*. Compare the dashed squares.
#
# </details>

# %% [markdown]
# **Stop point** · You can find stage, center map, belief map and PCK in the picture. Next: one map, number by number.

# %% [markdown]
# ## 3 · One belief map as numbers
#
# A picture of a map can hide what it is: numbers in rows and columns. Here is the neighbourhood of the brightest
# cell of the left ankle's last map, in hundredths.
#
# **By hand.** Read off the framed cell's column x and row y. Cell 0 covers pixels 0 to 7, whose middle is 3.5;
# every further cell is 8 pixels on. So pixel = 8 x (cell + 1/2) - 1/2. Cell 10, for example, gives
# 8 x 10.5 - 0.5 = 83.5. Work out both coordinates of the framed cell on paper.

# %%
beliefs = crop_beliefs(model, image, center_px)  # section 1's lines in one call: (4, 1, 15, 20, 20)
last = model.joint_maps(beliefs)[-1, 0, ankle].numpy()  # (20, 20)
show(
    numbers_figure(last, title="left ankle, stage 4: belief in hundredths"),
    alt="A grid of numbers around the brightest cell of a belief map, which is framed; they fall off on all sides.",
)

# %%
row, column = np.unravel_index(last.argmax(), last.shape)
print(f"brightest cell: x = {column}, y = {row}")
print(f"by hand:   x = {8 * (column + 0.5) - 0.5}, y = {8 * (row + 0.5) - 0.5}")

one_map = torch.from_numpy(last)[None, None]  # (1, 1, 20, 20): what the library decodes
cell, _ = decode_argmax(one_map)
print("coords.py:", px_from_cells(cell, model.stride)[0, 0].tolist())
print(f"the truth: x = {truth[ankle][0]:.1f}, y = {truth[ankle][1]:.1f}")

# %% [markdown]
# **Predict.** Suppose the joint really lies inside the brightest cell. How far off, in pixels, can that cell's
# middle still be? And where in the picture of numbers is a hint about which way?
#
# <details><summary><b>Open after predicting</b></summary>
#
# 4 pixels along x and 4 along y: in a corner of the cell 5.7 pixels. The hint is in the neighbours. If the cell to
# the right is brighter than the one to the left, the joint lies right of the middle. The next cell fits a parabola
# to the *logarithm* of three neighbouring beliefs, because the logarithm of a Gaussian is a parabola. It helps as
# far as the blob looks like the Gaussian it was trained toward: for one joint it may miss. Notebook 06
# measures it over many.
#
# </details>

# %%
between, _ = decode_log_parabola(one_map)
x, y = px_from_cells(between, model.stride)[0, 0].tolist()
print(f"between the cells: x = {x:.1f}, y = {y:.1f}")

# %% [markdown]
# **Stop point** · You can turn a belief map into a pixel. Next: is the pose any good, and whose is it?

# %% [markdown]
# ## 4 · How good is this pose? PCK
#
# Is an error of 9 pixels large? On a giant no, on a dwarf yes. So PCK, the *percentage of correct keypoints*,
# measures with the person: a joint is **correct when its error is at most 0.2 x the torso**, the distance from the
# left shoulder to the right hip.
#
# **By hand.** Shoulder at (70, 50), hip at (40, 90): 30 across and 40 down make a torso of 50 pixels and circles of
# radius 10. A wrist painted 6 off in x and 7 off in y has an error of 9.2: correct. If 11 of 14 joints are correct,
# `PCK@0.2` = 11 / 14 = 78.6 % (0.2 is the threshold). Now the same for our person, joint by joint, then by the
# library.
#
# **Predict.** The pose at the end, stage 4's, hits all 14 joints in the one picture. What will stage 1's PCK be?
# Remember what lights up in its maps.

# %%
beliefs = crop_beliefs(model, image, center_px)  # (4, 1, 15, 20, 20)
joints, scores = crop_joints(model, beliefs)  # (4, 1, 14, 2) pixels (x, y); (4, 1, 14) heights of the peaks
left_shoulder, right_hip = model.skeleton.torso
torso = np.hypot(*(truth[left_shoulder] - truth[right_hip]))
error = np.hypot(*(joints[-1, 0].numpy() - truth).T)  # (14,) pixels
correct = error <= 0.2 * torso
print(f"torso {torso:.1f} px, circles of {0.2 * torso:.1f} px")
for name, e, ok in zip(model.skeleton.joints, error, correct, strict=True):
    print(f"{name:15} {e:5.1f} px  {'hit' if ok else 'MISS'}")
print(f"by hand: {correct.sum()} of {correct.size} = {100 * correct.mean():.1f} %")


# %%
def pck_of(stage_joints, person):
    """PCK@0.2 in percent of (14, 2) joints, for person 0 or 1 of the scene."""
    true = scene.joints_px[person]
    length = np.hypot(*(true[left_shoulder] - true[right_hip]))
    result = pck(
        stage_joints[None],
        true[None],
        normalizer=length,
        threshold=0.2,
        comparison="<=",
        skeleton=model.skeleton,
    )
    return 100 * result.mean


stages = [f"stage {t + 1}" for t in range(model.num_stages)]
by_stage = [pck_of(stage[0].numpy(), person=0) for stage in joints]
Table(["", *stages], [["PCK@0.2 in percent", *by_stage]], formats=dict.fromkeys(stages, ".1f"))

# %% [markdown]
# <details><summary><b>Open after predicting</b></summary>
#
# Stage 1 scores badly here for a reason that PCK cannot see: many of its peaks sit on a joint, but of the *wrong
# person*. Its beliefs were fine. They were misaddressed.
#
# One person is only 14 joints, so a single joint moves the number by 7 points: benchmarks average over a thousand
# people or more. Notebook 07 does so for 24, and shows which joints are missed most.
#
# </details>
#
# ## 5 · Move the center map
#
# Same crop, same network, same weights. We move one blob, from the first person to the other.

# %%
other_px = torch.from_numpy(scene.person(1).center_px)[None]  # (1, 2)
other_beliefs = crop_beliefs(model, image, other_px)
other_joints, other_scores = crop_joints(model, other_beliefs)
rows = [
    {
        "image": scene.image,
        "belief_maps": model.joint_maps(b)[:, 0].numpy(),
        "joints_px": j[-1, 0].numpy(),
        "scores": s[-1, 0].numpy(),
        "center_px": c[0].numpy(),
        "label": label,
    }
    for b, j, s, c, label in [
        (beliefs, joints, scores, center_px, "first person"),
        (other_beliefs, other_joints, other_scores, other_px, "other person"),
    ]
]

# %%
predict_first(
    "00-move-center",
    "We move the center from the first person to the other. Which of the four stages change?",
    choices=["all four", "2, 3 and 4: a blurred pose", "2, 3 and 4: a good pose of the other person"],
    answer="2, 3 and 4: a good pose of the other person",
    because="Stage 1 cannot change: the center map is no input of it. From stage 2 on everything does. The image says "
    "where people are, the center map which of them is asked for. See it, and the numbers, in the next two cells.",
)

# %%
show(
    stage_figure(
        rows, model.skeleton, stride=model.stride, title="Same picture, same weights: only + has moved"
    ),
    alt="Two rows with the same crop. In the upper one the plus is on the first person, in the lower one on the other. "
    "The belief maps of stage 1 are the same in both rows; those of stages 2 to 4 and the pose are on the marked person.",
)

# %%
scored = [
    [f"center on {who}, scored on {whom}", *(pck_of(stage[0].numpy(), person) for stage in found)]
    for who, found in (("first", joints), ("other", other_joints))
    for person, whom in enumerate(("first", "other"))
]
print("stage 1 is the same to the last bit:", torch.equal(beliefs[0], other_beliefs[0]))
Table(["PCK@0.2 in percent", *stages], scored, formats=dict.fromkeys(stages, ".0f"))

# %% [markdown]
# What comes out is a pose of *the other person*, about as sharp as the first. (In the paper's own network the same:
# the center map enters from stage 2 on.) Notebook 02 lets you drag the center.

# %% [markdown]
# **Stop point** · You can score a pose and know whose it is. Last: a photograph.

# %% [markdown]
# ## 6 · A photograph: nobody tells us the truth
#
# Drawn people come with exact joints, photographs do not: no truth, no PCK. What is left to judge by is the belief
# itself.
#
# **Predict.** The picture ends above the knees. Every map has a brightest cell, whatever is in the picture. What
# will the machine say about ankles that are not there, and how could you notice without looking at the photo?

# %%
photo = PHOTOS["astronaut"]
[person] = pose_in_boxes(model, load_image(photo.path), [photo.box_xywh], padding=1.0)
every = np.ones_like(person["scores"])
rows = [person | {"label": "every peak", "scores": every}, person | {"label": "peaks over 0.3"}]
show(
    stage_figure(rows, model.skeleton, stride=model.stride),
    alt="A portrait of an astronaut cut off above the knees, belief maps of four stages, and the pose: above with every "
    "peak, among them legs that are not in the picture; below without legs, but with elbows and wrists in the collar.",
)
for j in np.argsort(-person["scores"]):
    print(f"{model.skeleton.joints[j]:15} {person['scores'][j]:5.2f} {'#' * round(40 * person['scores'][j])}")

# %% [markdown]
# <details><summary><b>Open after predicting</b></summary>
#
# It points somewhere, always: a maximum exists even in noise. But the peak is low. Head, neck and shoulders are
# believed most, knees and ankles least. That is why the lower row draws peaks over 0.3 only. The limit is a choice,
# not a truth: elbows and wrists pass it, and lie in the collar, far from where they are.
#
# </details>
#
# ## Questions to take along
#
# 1. Put the center exactly between the two people: `crop_beliefs(model, image, (center_px + other_px) / 2)`. And
#    blank: `torch.full((1, 2), torch.nan)`. Whose joints do you get? Explain both.
# 2. How much of the left ankle's belief lies on the right ankle, stage by stage? Does the machine ever make up its
#    mind, and which parts of the body could tell it?
# 3. Find a scene (`synthetic_scene(0, ...)`, 1, 2, ... in the first cell) on which the last stage is *worse* than
#    the one before. What did looking again cost?

# %% [markdown]
# ## What next
#
# **Assignment:** A1: from pixels to cells, and the Gaussian target (page *Assignments* of the documentation).
#
# Notebook 01 goes from a photo to a belief map, step by step. 02 moves the center map, 03 asks how far a belief can
# look, 04 what looking again is good for. Short of time? 01, 02 and 04 are the shortest way to the idea.
#
# In the package, each a few minutes: `cpm_edu/coords.py` (pixels and cells), `cpm_edu/targets.py` (what a belief
# map is trained toward), `cpm_edu/models/lite.py` (this network; `models/paper.py` is the paper's). In a terminal,
# `cpm-edu predict me.jpg --box x,y,w,h` does section 6 on your own photo.
#
# **Sources.** S.-E. Wei, V. Ramakrishna, T. Kanade, Y. Sheikh, *Convolutional Pose Machines*, CVPR 2016: section 3.1
# (pose machines, beliefs, the background), 3.2 (stages, what a belief can listen to), figure 2 (the network). The
# center map is described in the authors' released code. PCK: Y. Yang, D. Ramanan, *Articulated Human Detection with
# Flexible Mixtures of Parts*, TPAMI 2013 (there by the person's box; the torso is the custom for Leeds Sports Pose,
# notebook 07). The model here is the package's own small one, built after the paper's
# network but not that network: its numbers are not the paper's.
