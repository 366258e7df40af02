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
# # 04 · Stages and refinement: look, and look again
#
# Whose left is left? What do you believe of a hand behind a tree? A patch of the picture cannot say; the rest of
# the body can. A pose machine looks at its own beliefs and looks again.
#
# **Afterwards you can** say what a later stage reads and what it does not, measure whether belief maps sharpen,
# count how often left and right are mistaken for each other at each stage, and say what happens to a joint that is
# hidden.
#
# **Time:** 40 minutes, of which the computer needs one. **Needs:** the package `cpm_edu` only, and notebooks 00
# and 02. The first code cell sets everything up. Each part after a **Stop point** runs after that cell alone.

# %%
import numpy as np
import torch
import torch.nn.functional as F

from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.interactive.refinement import covered, refinement
from cpm_edu.figures.panels import stage_figure
from cpm_edu.figures.start_here import show
from cpm_edu.inference import crop_beliefs, crop_joints, joints_in_image, pose_in_boxes
from cpm_edu.metrics import Table, pck
from cpm_edu.targets import center_map
from cpm_edu.weights import load_lite

model = load_lite()  # crops of 160 x 160 px, 20 x 20 cells of 8 px, 4 stages, 14 joints
stages = [f"stage {t}" for t in range(1, model.num_stages + 1)]
people = [synthetic_scene(i, seed=4, size=model.input_size, people=1) for i in range(60)]
crops = torch.stack([torch.from_numpy(p.image.copy()).permute(2, 0, 1) for p in people])  # (60, 3, 160, 160)
centers = torch.from_numpy(np.stack([p.center_px for p in people]))  # (60, 2)
truth = np.stack([p.joints_px[0] for p in people])  # (60, 14, 2)
inside = np.stack([p.inside[0] for p in people])  # (60, 14)
beliefs = crop_beliefs(model, crops, centers)  # (4, 60, 15, 20, 20): all four stages' answer
joints = crop_joints(model, beliefs)[0].numpy()  # (4, 60, 14, 2) pixels (x, y)
torsos = np.hypot(*(truth[:, model.skeleton.torso[0]] - truth[:, model.skeleton.torso[1]]).T)  # (60,)

# %% [markdown]
# ## 1 · What does a later stage read?
#
# **By hand.** Stage 1 reads image features and gives 15 belief maps (14 joints and the background). Stage 2 reads
# 32 channels of image features, those 15 belief maps, and 1 center map: 48 channels. Its first layer has a kernel
# of 7 x 7 and 48 output channels. How many weights has that one layer? Stages 3 and 4 have such a layer too: would
# you give them the same weights again?
#
# The next cell prepares two tests: it writes down what really goes into each stage, and it builds a copy of the model
# whose stages 3 and 4 use stage 2's weights.

# %%
reads = []
hooks = [
    stage.register_forward_pre_hook(lambda _, inputs: reads.append(" x ".join(map(str, inputs[0].shape[1:]))))
    for stage in model.refinements
]
crop_beliefs(model, crops[:1], centers[:1])
for hook in hooks:
    hook.remove()

shared = load_lite()
for t in (1, 2):
    shared.image_taps[t], shared.refinements[t] = shared.image_taps[0], shared.refinements[0]
shared_joints = crop_joints(shared, crop_beliefs(shared, crops, centers))[0].numpy()
own_pck, shared_pck = (
    [100 * pck(j, truth, inside, normalizer=torsos, threshold=0.2, comparison="<=").mean for j in found]
    for found in (joints, shared_joints)
)

# %%
predict_first(
    "stages-share",
    "Stage 1 sees the crop at 20 x 20 cells. What do stages 2, 3 and 4 have?",
    choices=["the same weights each time", "a larger picture each time", "weights of their own and the same picture"],
    answer="weights of their own and the same picture",
    show=lambda: Table(
        ["", "weights", "reads (channels x rows x columns)", "PCK@0.2", "PCK@0.2 with stage 2's weights"],
        [
            [stages[t], sum(p.numel() for p in model.refinements[t - 1].parameters()), reads[t - 1], own_pck[t],
             shared_pck[t]]
            for t in (1, 2, 3)
        ],
        formats={"PCK@0.2": ".1f", "PCK@0.2 with stage 2's weights": ".1f"},
    ),
    because="As many weights each, but different ones, and the same 20 x 20 cells: nobody gets a larger picture. With "
    "stage 2's weights again stages 3 and 4 still work, a little worse: they have learned similar jobs. What grows is "
    "how far a belief can look, because it looks through earlier beliefs.",
)  # fmt: skip

# %%
first, second = (model.refinements[t][0][0].weight for t in (0, 1))
print("first layer of stage 2:", tuple(first.shape), "=", first.numel(), "weights; stage 3:", second.numel())
print("by hand: 48 * 48 * 7 * 7 =", 48 * 48 * 7 * 7, "  the same numbers?", torch.equal(first, second))

# %%
hinge(
    "stages-share",
    "Six stages instead of four. What becomes larger?",
    choices={
        "The picture that the last stage sees.":
            "No. Every stage reads features of the same crop at the same cells.",
        "The number of weights, and how much of the crop a belief can listen to.":
            "Yes. Two more sets of weights, and two more steps through beliefs that looked around before.",
        "Only the time it takes: the weights are used again.":
            "That would be a recurrent network. Here every stage has weights of its own.",
    },
    right="The number of weights, and how much of the crop a belief can listen to.",
)  # fmt: skip

# %% [markdown]
# In the paper's network, too, each stage has weights for its own large kernels. Only the layers that make the *image
# features* are shared: by stages 2 to 6, while stage 1 has its own (section 3.3). Our model has one set for all.

# %% [markdown]
# **Stop point** · You know what a stage reads. Next: watch left and right being sorted out.

# %% [markdown]
# ## 2 · Left and right
#
# First the word. *Left* is the **person's own** left, as a doctor uses it.


# %%
def pck_by_stage(found):
    """PCK@0.2 in percent at every stage, of (T, 60, 14, 2) joints."""
    rule = {"normalizer": torsos, "threshold": 0.2, "comparison": "<="}
    return [100 * pck(stage, truth, inside, **rule).mean for stage in found]


def named_by_the_image(found):
    """The same places, but of each left/right pair the one farther left in the image is called left."""
    renamed = found.copy()
    for left, right in model.skeleton.flip_pairs:
        crossed = (found[..., left, 0] > found[..., right, 0])[..., None]
        renamed[..., left, :] = np.where(crossed, found[..., right, :], found[..., left, :])
        renamed[..., right, :] = np.where(crossed, found[..., left, :], found[..., right, :])
    return renamed


shoulders = [model.skeleton.index(f"{side}_shoulder") for side in ("left", "right")]
left_is_left = truth[:, shoulders[0], 0] < truth[:, shoulders[1], 0]  # (60,)

# %%
predict_first(
    "left-image",
    "Of 60 drawn people, half are seen from the front, the others from behind or from the side. In how many percent "
    "of them does the **left** shoulder lie farther **left in the image** than the right one?",
    answer=lambda: round(100 * left_is_left.mean()), unit="%", close=12,
    show=lambda: Table(
        ["who is called left", *stages],
        [
            ["as the machine says", *pck_by_stage(joints)],
            ["who is farther left in the image", *pck_by_stage(named_by_the_image(joints))],
        ],
        caption="PCK@0.2 in percent, 60 people", formats=dict.fromkeys(stages, ".0f"),
    ),
    because="Who faces us has the left shoulder on the image's right; who turns her back does not. Call the left one "
    "of each pair in the image *left*, and the very same places score far worse: the second row.",
)  # fmt: skip

# %% [markdown]
# So the machine must find out which way a person faces. A patch around a wrist does not show that. **Do:** below
# is a woman seen from behind. Move the slider from stage 1 to stage 4 and watch the left wrist's map (middle) and
# the right wrist's (right). The rings mark where the wrists really are, L and R; the cross is the map's peak. The
# bars say how much belief each map has at L and at R. **Notice:** stage 1 has it the wrong way round. Choose the
# other joints: it exchanges the elbows too, and puts both knees and both ankles on the same leg. Stage 4 gets the
# *ankles* right, but by how much?

# %%
figure = refinement(model)
figure

# %% [markdown]
# One person is an anecdote. Let us count, over all pairs of all 60 people, how often left and right are exchanged.
#
# **By hand.** The true wrists lie at x = 20 (left) and x = 100 (right). A stage says 90 for the left and 30 for the
# right. As it stands it is off by 70 + 70 = 140 px. With the two names exchanged it would be off by 10 + 10 = 20. So
# we call this pair *exchanged*. Pairs closer together than 0.4 torsos do not count: there is nothing to exchange.


# %%
def exchanged(found, true, known, lengths):
    """Percent of pairs at each stage whose names exchanged would fit better, and how many pairs count."""
    wrong, count = np.zeros(len(found)), 0
    for left, right in model.skeleton.flip_pairs:
        apart = np.linalg.norm(true[:, left] - true[:, right], axis=-1) > 0.4 * lengths
        counts = known[:, left] & known[:, right] & apart  # (N,)
        errors = [
            np.linalg.norm(found[:, :, names] - true[:, [left, right]], axis=-1).sum(-1)  # (T, N)
            for names in ([left, right], [right, left])
        ]
        wrong += ((errors[1] < errors[0]) & counts).sum(1)
        count += counts.sum()
    return 100 * wrong / count, int(count)


by_hand = np.array([[[[90.0, 0.0], [30.0, 0.0]]]]), np.array([[[20.0, 0.0], [100.0, 0.0]]])
errors = [np.abs(by_hand[0][..., order, 0] - by_hand[1][..., 0]).sum() for order in ([0, 1], [1, 0])]
print(f"by hand: {errors[0]:.0f} px as it stands, {errors[1]:.0f} px with the names exchanged")
share, pairs = exchanged(joints, truth, inside, torsos)
rows = [["left and right exchanged, % of pairs", *share], ["PCK@0.2, %", *pck_by_stage(joints)]]
Table([f"{pairs} pairs of 60 people", *stages], rows, formats=dict.fromkeys(stages, ".1f"))

# %% [markdown]
# For scale: tossing a coin for every pair gives 50 %. The later stages mend some of it, not most: a third of the
# pairs is still exchanged. Telling left from right in people seen from behind is among what this small model is
# bad at (its model card says so). Photographs give the same picture, with less of it:

# %%
from cpm_edu.datasets import data_root
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.datasets.lsp import LSP

on_lsp = {"exchanged": [30.8, 25.7, 24.4, 22.1], "PCK@0.2": [58.0, 67.1, 70.5, 72.1]}
what = "every fourth test picture, recorded on 2026-11-23 with the lines below and a step of 4"
if (data_root() / "lsp").is_dir():
    test = [LSP("test")[i] for i in range(0, 1000, 10)]
    what = "every tenth test picture, measured now"
    cut = [plain_crop(person, model.input_size) for person in test]
    images, middles = (torch.stack([getattr(c, name) for c in cut]) for name in ("image", "center_px"))
    in_crops = crop_joints(model, crop_beliefs(model, images, middles.float()))[0]  # (4, N, 14, 2)
    in_photos = joints_in_image(in_crops, torch.stack([torch.as_tensor(c.matrix) for c in cut])).numpy()
    true, known = np.stack([p.joints_px for p in test]), np.stack([p.labelled for p in test])
    lengths = np.hypot(*(true[:, model.skeleton.torso[0]] - true[:, model.skeleton.torso[1]]).T)
    rule = {"normalizer": lengths, "threshold": 0.2, "comparison": "<="}
    on_lsp["exchanged"] = exchanged(in_photos, true, known, lengths)[0]
    on_lsp["PCK@0.2"] = [100 * pck(stage, true, known, **rule).mean for stage in in_photos]
rows = [[name, *values] for name, values in on_lsp.items()]
Table(["Leeds Sports Pose, percent", *stages], rows, caption=what, formats=dict.fromkeys(stages, ".1f"))

# %%
hinge(
    "left-image",
    "A photo shows somebody who faces the camera and waves. The waving hand is on the left side of the photo. Which "
    "map should light up there?",
    choices={
        "The left wrist's.": "That is the left of the *image*. The person's own left hand is on the other side.",
        "The right wrist's.": "Yes: facing us, a person has the right hand on the image's left.",
        "Both, until a later stage decides.":
            "Stage 1 often does so. But the target, what *should* be there, is the right wrist's map only.",
    },
    right="The right wrist's.",
)  # fmt: skip

# %% [markdown]
# **Stop point** · You have seen left and right sorted out, and counted how often. Next: do belief maps sharpen?

# %% [markdown]
# ## 3 · Do belief maps sharpen?
#
# "Sharp" needs a number. Here are three, each for one map:
#
# * **peak**: the highest belief;
# * **rivals**: how many separate hills reach at least half of the peak, the peak's own included. One is decided;
# * **spread**, in cells: take the map as a heap of sand; spread is how far a grain lies from the heap's middle
#   (root mean square along one axis, what is below 0 left out).
#
# **By hand.** A map has two cells of belief 0.5 in one row, 6 cells apart, and nothing else. Peak? Rivals? The
# middle of the sand is halfway, every grain lies 3 cells from it along x and 0 along y, so the spread is
# sqrt((3² + 0²) / 2) = 2.1 cells.


# %%
def sharpness(maps):
    """Peak, rivals and spread of (..., H, W) maps, each (...)."""
    peak = maps.amax((-1, -2))
    hills = F.max_pool2d(maps.reshape(-1, 1, *maps.shape[-2:]), 3, 1, 1).view_as(
        maps
    )  # highest of 3 x 3 cells
    rivals = ((maps == hills) & (maps >= 0.5 * peak[..., None, None])).sum((-1, -2)).float()
    sand = maps.clamp(min=0)
    sand = sand / sand.sum((-1, -2), keepdim=True)
    y, x = (torch.arange(n, dtype=maps.dtype) for n in maps.shape[-2:])
    along_x, along_y = sand.sum(-2), sand.sum(-1)  # (..., W), (..., H)
    middle_x, middle_y = (along_x * x).sum(-1, keepdim=True), (along_y * y).sum(-1, keepdim=True)
    variance = (along_x * (x - middle_x) ** 2).sum(-1) + (along_y * (y - middle_y) ** 2).sum(-1)
    return {"peak": peak, "rivals": rivals, "spread, cells": (variance / 2).sqrt()}


hand = torch.zeros(20, 20)
hand[8, 4] = hand[8, 10] = 0.5
print({name: round(float(value), 2) for name, value in sharpness(hand).items()})

# %%
from cpm_edu.images import load_image
from cpm_edu.photos import PHOTOS

photos = {
    name: pose_in_boxes(model, load_image(photo.path), [photo.box_xywh], padding=1.0)[0]
    for name, photo in PHOTOS.items()
}
looked_at = {"60 drawn people": model.joint_maps(beliefs)} | {
    name: torch.from_numpy(found["belief_maps"])[:, None] for name, found in photos.items()
}
measured = {
    who: {k: v.mean((1, 2)).tolist() for k, v in sharpness(maps).items()} for who, maps in looked_at.items()
}


def same_way():
    """What measurably changes the same way in both photographs."""
    change = {k: [measured[who][k][-1] - measured[who][k][0] for who in PHOTOS] for k in ("peak", "rivals")}
    higher, fewer = min(change["peak"]) > 0, max(change["rivals"]) < 0
    return "the peaks get higher" if higher else "the rivals get fewer" if fewer else "neither"


# %%
predict_first(
    "04-sharper",
    "In two photographs, from stage 1 to stage 4: which of these happens in *both*?",
    choices=["the peaks get higher", "the rivals get fewer", "neither"],
    answer=same_way,
    show=lambda: [
        picture(
            stage_figure(list(photos.values()), model.skeleton, stride=model.stride),
            alt="A photographer and an astronaut, the belief maps of four stages, and the pose. In both photos stage 1 "
            "has scattered hills, later stages fewer; the astronaut's stay bright, some of the photographer's fade.",
        ),
        Table(
            ["mean over 14 maps", "", *stages],
            [[who, name, *values] for who, rows in measured.items() for name, values in rows.items()],
            formats=dict.fromkeys(stages, ".2f"),
        ),
    ],
    because="Rivals go and the spread shrinks, in drawings and in photographs. But *sharper* is not *surer*: in one of "
    "the photographs the highest beliefs sink while their rivals go.",
)  # fmt: skip

# %% [markdown]
# Most of the change happens between stage 1 and stage 2. The paper uses six stages: its accuracy on LSP rises until
# the fifth, and the sixth adds little (section 4.1, figure 6c). We ship four: what would you expect of a fifth?

# %% [markdown]
# **Stop point** · You can measure sharpness. Last part: hide something.

# %% [markdown]
# ## 4 · Hide a joint
#
# **Do:** the grey square covers the left elbow of the woman from section 2. Go through the stages: stage 1 takes the
# other elbow, stage 4 points at the square. Then make the square larger, and drag it over a knee and a whole leg.
# **Notice:** the network gives no "I cannot see it". A map always has a highest cell. What matters is where it
# goes, and how high it still is.

# %%
figure = refinement(model, joint="elbow", cover=(49, 53, 16))
figure

# %%
joint_names = [name.replace("_", " ") for name in model.skeleton.joints]
HIDDEN = ("head_top", "left_elbow", "left_knee")


def found_when_hidden(name, side):
    """Percent of people whose joint `name` is found at each stage when a grey square lies on it; the peaks' height."""
    j = model.skeleton.index(name)
    images = [covered(p.image, tuple(place), side) for p, place in zip(people, truth[:, j], strict=True)]
    hidden = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    places, heights = crop_joints(model, crop_beliefs(model, hidden, centers))
    hits = np.linalg.norm(places[:, :, j].numpy() - truth[:, j], axis=-1) <= 0.2 * torsos
    return 100 * hits[:, inside[:, j]].mean(1), heights[-1, :, j].mean().item()


rows = []
for name in HIDDEN:
    j = model.skeleton.index(name)
    seen = np.linalg.norm(joints[:, :, j] - truth[:, j], axis=-1) <= 0.2 * torsos
    rows.append([joint_names[j], "nothing", *100 * seen[:, inside[:, j]].mean(1)])
    rows += [[joint_names[j], f"{side} x {side} px", *found_when_hidden(name, side)[0]] for side in (16, 28)]

# %%
predict_first(
    "04-hidden-knee",
    "We lay a grey square of 16 x 16 px over every left knee. Stage 1 then finds about one in nine. How many percent of "
    "the hidden knees does stage 4 find?",
    answer=lambda: round(next(r for r in rows if r[:2] == ["left knee", "16 x 16 px"])[-1]),
    unit="%", close=10,
    show=lambda: Table(["joint", "hidden by", *stages], rows, formats=dict.fromkeys(stages, ".0f")),
    because="A hidden joint is guessed from the rest of the body, and the later stages make more of it than stage 1. "
    "Under the larger square the elbow and the knee are as good as lost: too much of the limb is gone, and the model "
    "was not trained with such squares.",
)  # fmt: skip

# %% [markdown]
# ### Who tells whom?
#
# Stage 4 reads the belief maps of stage 3. Which of them matter for the left wrist? We set one of them to zero,
# run stage 4 alone again, and see how much the left wrist's map changes at most. Compare the joints with each other,
# not with the background: a joint's map is nearly 0 anyway but for a hill, the background's nearly 1, so zeroing it
# takes away far more.


# %%
@torch.no_grad()
def told_by(joint, stage=4, count=20):
    """How much a map of `stage` changes when one map of the stage before is zeroed: name -> largest change, mean."""
    t, j = stage - 2, model.skeleton.index(joint)
    features = model.image_taps[t](model.trunk(model.preprocess(crops[:count])))  # (count, 32, 20, 20)
    blobs = F.avg_pool2d(center_map(centers[:count], model.input_size), model.stride)
    before = beliefs[t, :count]  # (count, 15, 20, 20)

    def run(maps):
        return model.refinements[t](torch.cat([features, maps, blobs], 1))[:, j]

    whole, change = run(before), {}
    for k, name in enumerate([*joint_names, "background"]):
        without = before.clone()
        without[:, k] = 0
        change[name] = (run(without) - whole).abs().amax((1, 2)).mean().item()
    return dict(sorted(change.items(), key=lambda item: -item[1]))


informants = {name: told_by(name) for name in ("left_wrist", "left_ankle")}

# %%
from matplotlib.figure import Figure

canvas = Figure(figsize=(8.6, 3.6), dpi=110, layout="constrained")
for ax, (name, change) in zip(canvas.subplots(1, 2), informants.items(), strict=True):
    names = list(change)[:8][::-1]
    ax.barh(names, [change[n] for n in names], color="#0072B2")
    ax.set(title=f"{name.replace('_', ' ')}, stage 4", xlabel="largest change of its map, mean of 20 people")
show(
    canvas,
    alt="Two bar charts of the eight belief maps whose removal changes the left wrist's and the left ankle's map most. "
    "The background map leads both; then come the joint itself and its neighbours in the same limb.",
)

# %% [markdown]
# Among the joints, its own earlier map and its neighbours along the limb come first: a wrist listens to its elbow, an
# ankle to its knee and to the *other* ankle. With this a stage *can* settle left and right; section 2 measured how
# often it does. Nobody programmed it; it was learned from the loss on every stage (notebook 05).
#
# ## Questions to take along
#
# 1. In the figure of section 2, choose the ankles. Stage 4 decides by a few hundredths. What would you want to see
#    before you trust such a decision? And why can a map not say "either of these two, not sure"?
# 2. Find with `exchanged` the pair of joints that is exchanged most often. Why that one?
# 3. Hide both shoulders of the woman (a large square on her back). Which joints suffer, and from which stage on?
#
# **Assignment:** A3: a stage, and a loss on every one of them (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei, V. Ramakrishna, T. Kanade, Y. Sheikh, *Convolutional Pose Machines*, CVPR 2016: section
# 3.2 and figure 3 (stages, spatial context from earlier beliefs), 3.3 (which weights are shared), 4.1 and figure 6c
# (how many stages). LSP: S. Johnson, M. Everingham, BMVC 2010; its left and right are the person's own. In the package: `cpm_edu/models/lite.py` (`stages`, twelve lines), `models/paper.py`,
# `cpm_edu/figures/interactive/refinement.py`, `cpm_edu/weights/MODEL_CARD.md`. The numbers are those of the package's
# small model, mostly on drawn people, not the paper's.
