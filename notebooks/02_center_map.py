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
# # 02 · The center map: whom does the network answer for?
#
# Two people stand in one crop. Both have a left ankle. A belief map for *the left ankle* needs to know whose.
#
# **Afterwards you can** say why one crop with two people has no right answer, compute a center map with a pencil,
# tell where it enters the network, and prove with an experiment that it asks a question and does not give the
# answer away.
#
# **Time:** 35 minutes, of which the computer needs one. **Needs:** the package `cpm_edu` only, and notebook 00.
# The first code cell sets everything up. Each part after a **Stop point** runs after that cell alone, so you may
# stop there and come back.

# %%
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.datasets.augment import two_person_crop
from cpm_edu.datasets.people import Person
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.interactive.center_map import center_map as center_figure
from cpm_edu.figures.panels import stage_figure
from cpm_edu.figures.start_here import show
from cpm_edu.images import load_image
from cpm_edu.inference import crop_beliefs, crop_joints
from cpm_edu.metrics import Table, pck
from cpm_edu.photos import PHOTOS
from cpm_edu.targets import center_map
from cpm_edu.weights import load_lite

SCENES = 40
model = load_lite()  # crops of 160 x 160 px, 20 x 20 cells of 8 px, 4 stages, 14 joints
scenes = [synthetic_scene(i, seed=4, size=model.input_size, people=2) for i in range(SCENES)]
crops = torch.stack([torch.from_numpy(s.image.copy()).permute(2, 0, 1) for s in scenes])  # (40, 3, 160, 160)
stages = [f"stage {t}" for t in range(1, model.num_stages + 1)]

# %% [markdown]
# ## 1 · One crop, two right answers
#
# **By hand.** Take one cell that lies on person A's left ankle. Suppose a network sees this crop twice in its
# training. The first time A is meant: the target in this cell is 1. The second time B is meant: the target is 0.
# The crop is the same both times, so a network that sees the crop only must say the same number b both times.
# Its mean squared error is ((b - 1)² + (b - 0)²) / 2. Work it out for b = 0, b = 1 and b = 1/2.

# %%
for b in (0.0, 0.25, 0.5, 0.75, 1.0):
    print(f"b = {b:4.2f}   mean squared error {((b - 1) ** 2 + b**2) / 2:.3f}")

# %% [markdown]
# The best it can do is b = 1/2: *half a belief on A and half a belief on B*. It must hedge. There are two ways out,
# and a pose machine takes both:
#
# * **Stage 1** sees the crop only. So it is not asked an impossible question: its targets are **everybody's**
#   joints, 1 on A's left ankle and 1 on B's.
# * **Stages 2, 3, ...** get one more input that tells the two cases apart: the **center map**.
#
# The picture shows what the shipped model makes of it: all 14 belief maps of a stage laid over the crop, and the
# last stage's pose (solid orange: the person's left side, dashed blue: the right). Both rows have the same crop and
# the same weights. What differs, and from which stage on?


# %%
def asked_about(scene, center_px, label):
    """One row of `stage_figure`: the four stages' answer to one center."""
    image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1)[None]
    beliefs = crop_beliefs(model, image, torch.from_numpy(center_px)[None])  # (4, 1, 15, 20, 20)
    joints, scores = crop_joints(model, beliefs)
    return {
        "image": scene.image, "belief_maps": model.joint_maps(beliefs)[:, 0].numpy(), "center_px": center_px,
        "joints_px": joints[-1, 0].numpy(), "scores": scores[-1, 0].numpy(), "label": label,
    }  # fmt: skip


pair = synthetic_scene(195, seed=4, size=model.input_size, people=2)
rows = [asked_about(pair, pair.person(p).center_px, f"center on {'AB'[p]}") for p in (0, 1)]
show(
    stage_figure(rows, model.skeleton, stride=model.stride),
    alt="Two rows with the same crop of two jumping people. Stage 1 lights up on both people in both rows. Stages 2 "
    "to 4 and the pose light up on the marked person only: the left one above, the right one below.",
)

# %% [markdown]
# **Stop point** · You know why stage 1 paints everybody and why the later stages need to be told whom. Next: what
# the center map is, in numbers.

# %% [markdown]
# ## 2 · A center map with a pencil
#
# It is one more picture, as large as the crop, and it holds one bright blob around the point c, the middle of the
# person meant:
#
#     center map(z) = exp(-‖z - c‖² / (2 σ²))
#
# Here z is a pixel, ‖z − c‖ its distance from c in pixels, and σ (sigma) says how wide the blob is. The paper's
# released code takes σ = 21 px for crops of 368 px. Ours are 160 px, so σ = 21 · 160 / 368 = 9.13 px.
#
# **By hand.** The value at c itself? At a distance of one σ: exp(−1/2) = ? At two σ: exp(−2) = ?

# %%
sigma = 21 * 160 / 368
blob = center_map(torch.tensor([[80.0, 64.0]]), (160, 160))[0, 0]  # (160, 160), c = (x 80, y 64)
for distance in (0, 9, 18, 27):
    by_hand = np.exp(-(distance**2) / (2 * sigma**2))
    print(f"{distance:2} px to the right: {blob[64, 80 + distance]:.3f}   by hand {by_hand:.3f}")

# %% [markdown]
# The stages work on cells of 8 x 8 pixels, so the center map is averaged over squares of pixels. Which squares?
# Our model averages 8 x 8 pixels. The paper's network averages **9 x 9 pixels, every 8 pixels** (*pool 9/8*).
#
# **By hand.** Cell 0 of an 8/8 pool covers pixels 0 to 7. Where is its middle? Cell 0 of a 9/8 pool covers pixels
# 0 to 8. Where is its middle? Then let torch answer: if every pixel's value is its own column number, the average
# over a cell *is* the cell's middle.

# %%
columns = torch.arange(368.0).expand(1, 1, 368, 368)  # every pixel holds its own x
ours = F.avg_pool2d(columns, 8)[0, 0, 0]
papers = F.avg_pool2d(columns, 9, stride=8, ceil_mode=True)[0, 0, 0]
for name, middles in (("8/8, ours", ours), ("9/8, the paper's", papers)):
    print(f"{name:17} {len(middles)} cells, middles {middles[:3].tolist()} ... {middles[-1]:.1f}")

# %% [markdown]
# An 8/8 cell c stands on pixel 8c + 3.5, as all belief maps of this package do (convention `"center"`, notebook
# 01). A 9/8 cell stands on **8c + 4**, half a pixel to the right and below; only the last cell, where the picture
# ends, stands on 363.5 again. So in the paper's network the center map lies half a pixel, 1/16 of a cell, beside the
# belief maps. Does that matter? Section 4 answers.
#
# What does a stage get in the end? Channels side by side: 32 image features, 15 belief maps of the stage before
# (14 joints and the background), and 1 center map: 32 + 15 + 1 = 48. Check it: the second number of the shape below
# is the channels that come in. And in the picture: what happens to the peak of 1 when squares are averaged?

# %%
print("stage 2's first weights (out, in, rows, columns):", tuple(model.refinements[0][0][0].weight.shape))
cells = F.avg_pool2d(blob[None, None], model.stride)[0, 0]
canvas = Figure(figsize=(7.6, 3.5), dpi=110, layout="constrained")
for ax, values, title in zip(
    canvas.subplots(1, 2), (blob, cells), ("160 x 160 pixels", "20 x 20 cells: channel 48 of 48"), strict=True
):
    ax.imshow(values, vmin=0, vmax=1, cmap="viridis")
    quarter = len(values) // 4
    ax.set(
        title=title,
        xlabel="x",
        ylabel="y",
        xticks=range(0, 4 * quarter, quarter),
        yticks=range(0, 4 * quarter, quarter),
    )
show(
    canvas,
    alt="The center map twice: as 160 x 160 pixels a smooth round blob, as 20 x 20 cells the same blob in squares.",
)

# %% [markdown]
# **Stop point** · You can compute the blob, its cells, and say where it enters. Next: move it.

# %% [markdown]
# ## 3 · Move the center
#
# **Do:** drag the pink plus from A to B, slowly (or focus it and press the arrow keys; with shift they go
# farther). The dashed rings are one and two σ. **Notice:**
#
# * stage 1 never changes: the center map is no input of it;
# * the pose does not *slide*. It stays on A, and then it is on B. Where does it flip?
# * drag it into the sky, or onto the ground: nobody's middle is there, and the peaks go out;
# * tick *no center*: what is left? And a σ of 1, or of 50?

# %%
figure = center_figure(model)
figure

# %% [markdown]
# One scene is an anecdote. Now 40 scenes that the model has never seen. We count A's joints that a stage finds, and
# B's (PCK@0.2 of notebook 00: within 0.2 of the person's own torso length), with the center on A, on B, halfway,
# and nowhere. The next cell measures, the questions come after it.


# %%
def answers_for(centers_px):
    """PCK@0.2 in percent of persons A and B, (2, 4 stages); of stage 4 the mean peak and how many peaks are nearer to
    A's joint than to B's, (40)."""
    beliefs = crop_beliefs(model, crops, torch.as_tensor(centers_px, dtype=torch.float32))
    joints, scores = crop_joints(model, beliefs)  # (4, 40, 14, 2), (4, 40, 14)
    truth = np.stack([s.joints_px for s in scenes], 1)  # (2, 40, 14, 2)
    inside = np.stack([s.inside for s in scenes], 1)  # (2, 40, 14)
    left_shoulder, right_hip = model.skeleton.torso
    torsos = np.hypot(*(truth[:, :, left_shoulder] - truth[:, :, right_hip]).transpose(2, 0, 1))  # (2, 40)
    rule = {"threshold": 0.2, "comparison": "<="}
    percent = [
        [100 * pck(j, truth[p], inside[p], normalizer=torsos[p], **rule).mean for j in joints.numpy()]
        for p in (0, 1)
    ]
    to_a, to_b = np.linalg.norm(joints[-1].numpy() - truth, axis=-1)  # (40, 14) px each
    return np.array(percent), float(scores[-1].mean()), (to_a < to_b).sum(1)


middles = np.stack(
    [[s.person(p).center_px for s in scenes] for p in (0, 1)]
)  # (2, 40, 2): of the A's and B's
asked = {
    "on A": middles[0], "on B": middles[1], "halfway": middles.mean(0), "nowhere": np.full_like(middles[0], np.nan)
}  # fmt: skip
found = {where: answers_for(centers) for where, centers in asked.items()}

# %%
predict_first(
    "02-wrong-center",
    "With the center on A, stage 4 finds about two thirds of A's joints. Now the center stands on **B**, and we "
    "still count A's joints. How many percent?",
    answer=lambda: round(found["on B"][0][0, -1]),
    unit="%", close=10,
    show=lambda: Table(
        ["center", "counted", *stages],
        [[w, f"{p}'s joints", *found[w][0][k]] for w in ("on A", "on B", "nowhere") for k, p in enumerate("AB")],
        caption="PCK@0.2 in percent, 40 scenes", formats=dict.fromkeys(stages, ".0f"),
    ),
    because="A wrong center does not blur the answer: it gives the pose of the other person. (B, mostly farther back and "
    "partly hidden, is harder to find.) Most of the few hits come from four scenes in which the model answers for A all "
    "the same. With no center the later stages find next to nobody.",
)  # fmt: skip

# %% [markdown]
# Read the rows *nowhere*: stage 1 is as good as ever, and each later stage is worse than the one before. The blank
# map says "nobody is meant", and the machine obeys.

# %%
steps = [0, 0.25, 0.4, 0.5, 0.6, 0.75, 1]
between = {s: answers_for((1 - s) * middles[0] + s * middles[1]) for s in steps if s not in (0, 0.5, 1)}
known = {0: found["on A"], 0.5: found["halfway"], 1: found["on B"]}
walk = [(between | known)[s] for s in steps]


def walk_figure():
    canvas = Figure(figsize=(7.2, 3.3), dpi=110, layout="constrained")
    ax = canvas.subplots()
    for k, (color, dash) in enumerate((("#0072B2", "-o"), ("#D55E00", "--s"))):
        ax.plot(steps, [w[0][k, -1] for w in walk], dash, color=color, label=f"PCK of {'AB'[k]}, percent")
    ax.plot(steps, [100 * w[1] for w in walk], ":", color="#333333", label="mean peak x 100")
    ax.set(xlabel="center: 0 on A, 1 on B", ylim=(0, 92))
    ax.legend(ncols=3, loc="upper center")
    return picture(
        canvas,
        alt="Curves over the way from A to B: PCK of A stays near its height for almost half of the way and then falls, "
        "PCK of B rises from there on; the mean peak sinks only a little in between.",
    )


# %%
predict_first(
    "02-halfway",
    "Exactly **halfway** between the two people the center marks nobody. With the center on A the peaks of stage 4 "
    "are 0.64 high on average. How high are they halfway?",
    answer=lambda: round(found["halfway"][1], 2),
    close=0.06,
    show=walk_figure,
    because="They sink by a fifth only. In 27 of the 40 scenes it decides for one person: 12 or more of the 14 peaks are "
    "nearer to the same person's joints. In the others it mixes the two: what the center does not settle, stays open.",
)

# %% [markdown]
# ### And on photographs?
#
# We paste two real photographs side by side. Nobody has labelled them, so there is no PCK. But we can count: how
# many of the 14 peaks lie in the left half, where the photographer is?


# %%
def photo_person(name):
    """A person without labels, from the box that comes with the photo."""
    x, y, width, height = PHOTOS[name].box_xywh
    nothing = np.zeros((14, 2), np.float32), np.zeros(14, bool)
    middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    return Person(load_image(PHOTOS[name].path), *nothing, middle, np.array([width, height]))


both = two_person_crop(photo_person("photographer"), photo_person("astronaut"), model.input_size)
left_px = both.center_px.float()  # (2,): x = 45.9, y = 79.5
right_px = torch.tensor([159 - left_px[0], left_px[1]])

# %%
in_left_half, rows = {}, []
for side, center_px in (("left", left_px), ("right", right_px)):
    maps = crop_beliefs(model, both.image[None], center_px[None])
    joints, scores = crop_joints(model, maps)
    in_left_half[side] = (joints[:, 0, :, 0] < 79.5).sum(-1).tolist()
    rows.append({
        "image": both.image.permute(1, 2, 0).byte().numpy(), "belief_maps": model.joint_maps(maps)[:, 0].numpy(),
        "center_px": center_px.numpy(), "joints_px": joints[-1, 0].numpy(), "scores": scores[-1, 0].numpy(),
        "label": f"center on the {side}",
    })  # fmt: skip
show(
    stage_figure(rows, model.skeleton, stride=model.stride),
    alt="A photographer on the left, an astronaut on the right. Stage 1 is brightest on the astronaut in both rows; the "
    "later stages light up on the photographer above and on the astronaut below.",
)
Table(
    ["of 14 peaks in the left half", *stages],
    [[f"center on the {side}", *n] for side, n in in_left_half.items()],
)

# %% [markdown]
# Stage 1 is drawn to the astronaut: every map's peak is hers, whoever is asked for. From stage 2 on every peak lies
# in the half that the center map names. These are peaks, not correct joints (neither photograph shows a whole body);
# yet the model obeys its center map on photographs too.
#
# On labelled photographs: the same experiment on pairs from the 1,000 test pictures of Leeds Sports Pose gives, at
# stage 4, a PCK@0.2 of 66.1 with the right center, 0.0 with the wrong one, and 0.5 with none (from the model card;
# `cpm-edu evaluate --data lsp --two-people`).

# %% [markdown]
# **Stop point** · You have seen and measured that the center decides who is meant. Next: is that cheating?

# %% [markdown]
# ## 4 · Does the center map leak the label?
#
# A sceptic says: *you tell the network where the person is, so of course it finds the joints.* Good. Let us take
# the picture away and keep the center.


# %%
def joints_found(images, centers_px):
    """PCK@0.2 of person A in percent at stage 4, of any pictures with any centers."""
    joints, _ = crop_joints(
        model, crop_beliefs(model, images, torch.as_tensor(centers_px, dtype=torch.float32))
    )
    return score(joints[-1].numpy())


def score(joints_px):
    truth, inside = (np.stack([getattr(s, name)[0] for s in scenes]) for name in ("joints_px", "inside"))
    left_shoulder, right_hip = model.skeleton.torso
    torsos = np.hypot(*(truth[:, left_shoulder] - truth[:, right_hip]).T)
    return 100 * pck(joints_px, truth, inside, normalizer=torsos, threshold=0.2, comparison="<=").mean


on_a = np.stack([s.center_px for s in scenes])  # (40, 2)
others = [synthetic_scene(i, seed=5, size=model.input_size) for i in range(200)]  # people of other scenes
mean_pose = np.mean([s.joints_px[0] - s.center_px for s in others], 0)  # (14, 2), from the center
told = {
    "picture and center": joints_found(crops, on_a),
    "center and a grey picture": joints_found(torch.full_like(crops, 114), on_a),
    "center and somebody else's picture": joints_found(crops.roll(1, 0), on_a),
    "no network: the mean pose put on the center": score(mean_pose + on_a[:, None]),
}

# %%
predict_first(
    "center-leaks",
    "The model gets the *right centers*, but **plain grey pictures**. How many of A's joints does stage 4 find?",
    choices=["as many as with the pictures", "about half as many", "below 10 %"],
    answer=lambda: "below 10 %" if told["center and a grey picture"] < 10 else "about half as many",
    show=lambda: Table(
        ["what is known", "PCK@0.2 of A, stage 4"], [list(row) for row in told.items()],
        formats={"PCK@0.2 of A, stage 4": ".1f"},
    ),
    because="A center is two numbers; a pose has 28. The center says *whom* to look at; where the joints are, the "
    "picture must say. Even a good use of the center alone, the mean pose put there, finds about one joint in five.",
)  # fmt: skip

# %% [markdown]
# One thing is left: how exact must the center be? We move it in a random direction, by half a pixel (section 2's
# question) and by more and more. For scale: a torso is about 38 px long here, so a joint counts as found within
# 0.2 · 38 = 7.6 px; the two people's middles are about 48 px apart.

# %%
moves = (0.5, 8, 16, 24, 32)
angles = np.random.default_rng(0).uniform(0, 2 * np.pi, SCENES)
direction = np.stack([np.cos(angles), np.sin(angles)], 1)  # (40, 2)
jittered = [told["picture and center"], *(joints_found(crops, on_a + move * direction) for move in moves)]
off_by = ["0", *map(str, moves)]
Table(
    ["center off by, px", *off_by], [["PCK of A, stage 4", *jittered]], formats=dict.fromkeys(off_by, ".1f")
)

# %% [markdown]
# Half a pixel changes nothing. Nor do 16 px, twice what a found joint may be off: whatever places the joints more
# finely than that must come from the picture.

# %%
hinge(
    "center-leaks",
    "A colleague says your network cheats, because the center map tells it the answer. Which experiment speaks to "
    "that?",
    choices={
        "Blank the center map. PCK falls to almost nothing, so the answer was in it.":
            "It falls because nobody is asked for any more. That shows that the map is *used*, not what is in it.",
        "Keep the right centers and take the pictures away. PCK falls to almost nothing.":
            "Yes. What is left knows everything the center map can tell, and it finds next to no joint.",
        "Leave the center map out of stage 1.":
            "Stage 1 has never had it, in this network and in the paper's.",
    },
    right="Keep the right centers and take the pictures away. PCK falls to almost nothing.",
)  # fmt: skip

# %% [markdown]
# ## 5 · Why does it listen at all?
#
# A network listens to an input only if that helped in training. If the person always stood in the middle, the
# center map would be *the same picture every time*: a constant that carries nothing, and the network would learn to
# take whoever is in the middle. So training shifts the person in the crop by up to a quarter of its size, moves
# the center map along, and pastes a second person into half of the crops (`cpm_edu/datasets/augment.py`).
#
# And where does the center come from when nobody knows the joints? From a box around the person: a detector's, or
# one drawn by hand. `pose_in_boxes` puts it in the middle of the crop. The table above says how rough it may be.
#
# ## Questions to take along
#
# 1. In the figure, set σ to 1 px and then to 50 px. Explain both results by what a stage gets: cells of 8 px, and a
#    model trained at 9.13 px only.
# 2. In the sky the peaks go out, halfway between two people they do not. From how far off does the center reach A?
#    What in its training (section 5) set that distance?
# 3. Two people embrace: their middles are 10 px apart. What would you feed in place of the center map?
#
# **Assignment:** A2: the center map, and what a layer can see (page *Assignments* of the documentation).
#
# **Sources.** S.-E. Wei, V. Ramakrishna, T. Kanade, Y. Sheikh, *Convolutional Pose Machines*, CVPR 2016: section
# 4.2, under MPII: stage 1 is taught everybody's joints, the later stages the person's own, and a center map for all
# later stages is found beneficial. Its σ of 21 px and the 9/8 pool are in the authors' released code
# (`testing/config.m`, `testing/src/applyModel.m`, `training/genProto.py`). In the package: `cpm_edu/targets.py`
# (`center_map`, `everybody_targets`), `cpm_edu/weights/MODEL_CARD.md`. The numbers are those of the small model.
