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
# # A3 · A stage, and a loss on every one of them
#
# **Afterwards you can** write a pose machine's forward pass, from the image to the belief maps of every stage, and the
# loss that it is trained with.
#
# **Time:** 105 minutes. **Points:** 20. **Builds on:** notebooks 04 and 05 (and 02 for the center map).
#
# Write the functions below. Under each a cell checks it and says whether it is right, or what is wrong.
# `hint("ex10")` in a cell of your own helps in three steps. Checks and hints cost no points. No exercise needs
# another one: begin where you like, and run the next cell first.
#
# ex10 and ex11 take and return torch tensors, ex12 numpy arrays. Maps are (N, C, H, W): N people (one crop each), C maps,
# rows, columns. Of the C maps the first are the joints', the last is the background. The functions of `cpm_edu` that hold
# an answer are locked while your function is checked.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.figures.panels import stage_figure
from cpm_edu.figures.start_here import show
from cpm_edu.inference import crop_joints
from cpm_edu.targets import background_map, belief_map_targets, center_map, everybody_targets
from cpm_edu.weights import load_lite

BLUE, RED = "#0072B2", "#D55E00"
model = load_lite()  # 4 stages, 14 joints and the background, crops of 160 x 160 px, cells of 8 px
scenes = [synthetic_scene(i, seed=4, size=model.input_size, people=2) for i in (195, *range(11))]
crops = torch.from_numpy(np.stack([s.image for s in scenes])).permute(0, 3, 1, 2)  # (12, 3, 160, 160)
images = model.preprocess(crops)
centers = center_map(torch.from_numpy(np.stack([s.center_px for s in scenes])), model.input_size)
with torch.no_grad():
    model_maps = model(images, centers)  # (4, 12, 15, 20, 20): what the trained model believes

# %% [markdown]
# ## ex10 · One refinement stage (25 minutes, 4 points)
#
# Write `refinement_stage(features, belief_maps, center_map, layers)`: what a stage t >= 2 makes of what it reads.
#
# * `features`: image features, (N, F, H, W).
# * `belief_maps`: those of the stage before, (N, C, H, W).
# * `center_map`: with one number a cell, (N, 1, H, W).
# * `layers`: a list with one pair (weight, bias) for every convolution: weight (out, in, k, k), as
#   `torch.nn.functional.conv2d` takes it, with k = 1, 3, 5, ..., and bias (out,).
#
# The stage joins its three inputs to F + C + 1 channels, in the paper's order: **image features, belief maps, center
# map**. Then come the convolutions, one after the other, each with its bias, stride 1, and as many zeros around the map as
# it takes that the map **keeps its size**. There is a **ReLU between** two convolutions: none before the first, none
# after the last.
#
# Return the stage's own belief maps: a tensor (N, C, H, W).
#
# **By hand.** A single cell. Feature 1, beliefs 2 and 3, center 4; one layer with k = 1. Its first output has the weights
# 1000, 100, 10, 1 and the bias 0: 1000 · 1 + 100 · 2 + 10 · 3 + 1 · 4 = 1234. Any other order would show: beliefs first gives
# 2314. Its second output has the weights 0, 0, 0, -1 and the bias 0.5: -4 + 0.5 = -3.5. It stays below 0: no ReLU after the
# last layer.

# %%
figure, ax = plt.subplots(figsize=(7.6, 1.9), layout="constrained")
names = ("image feature", "belief map 1", "belief map 2", "center map")
for k, (name, value, weight) in enumerate(zip(names, (1, 2, 3, 4), (1000, 100, 10, 1), strict=True)):
    ax.add_patch(plt.Rectangle((k - 0.46, 0), 0.92, 0.9, fc="#dceaf4" if k in (1, 2) else "#ffffff", ec=BLUE))
    ax.text(k, 0.45, value, ha="center", va="center", fontsize=14)
    ax.text(k, 1.15, name, ha="center", fontsize=9)
    ax.text(k, -0.35, f"· {weight}", ha="center", va="center", fontsize=10)
ax.text(3.75, 0.45, "= 1234", va="center", fontsize=14)
ax.set(xlim=(-0.6, 4.7), ylim=(-0.7, 1.5))
ax.axis("off")
show(
    figure,
    alt="Four boxes side by side: image feature 1, belief maps 2 and 3, center map 4, with the weights 1000, 100, 10 and 1 "
    "below them. Their sum is 1234.",
)
plt.close(figure)


# %%
def refinement_stage(features, belief_maps, center_map, layers):
    """(N, C, H, W) belief maps of a later stage; layers are pairs (weight, bias)."""
    ### BEGIN SOLUTION
    x = torch.cat([features, belief_maps, center_map], dim=1)  # (N, F + C + 1, H, W)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = torch.relu(x)
    return x
    ### END SOLUTION


# %%
check("ex10", refinement_stage)

# %% [markdown]
# Now your stage runs with trained weights: those of stage 2 of our small model (five layers, kernels 7, 7, 7, 1, 1). The
# batch norm behind each of its convolutions is a multiplication and an addition, so it can be worked into the weights.


# %%
def trained_layers(stage):
    """Pairs (weight, bias) of a stage of the model, its batch norms worked in."""
    layers = []
    for block in stage[:-1]:
        conv, norm = block[0], block[1]
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        layers.append((conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale))
    return [(w.detach(), b.detach()) for w, b in (*layers, (stage[-1].weight, stage[-1].bias))]


def run_stage_2():
    with torch.no_grad():
        features = model.image_taps[0](model.trunk(images[:1]))
        given = features, model_maps[0, :1], F.avg_pool2d(centers[:1], 8)
        draw_stage_2(refinement_stage(*given, trained_layers(model.refinements[0])))


# %%
def draw_stage_2(yours):
    joint = model.skeleton.index("left_knee")
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
    axes[0].imshow(scenes[0].image)
    shown = (model_maps[0, 0], yours[0], model_maps[1, 0])
    for ax, maps in zip(axes[1:], shown, strict=True):
        ax.imshow(maps[joint], vmin=0, vmax=0.6, cmap="viridis")
    apart = float((yours - model_maps[1, :1]).abs().max())
    words = f"the model's stage 2\n(largest difference {apart:.0e})"
    titles = ("the crop", "stage 1 gave you", "your stage 2", words)
    for ax, title in zip(axes, titles, strict=True):
        ax.set(title=title, xticks=[], yticks=[])
    show(
        figure,
        alt="A crop of two people and three belief maps of the left knee: stage 1 lights up on both people; your stage 2, and "
        "the model's, on one of them.",
    )
    plt.close(figure)


come_alive(run_stage_2)

# %% [markdown]
# ## ex11 · The full forward pass (35 minutes, 6 points)
#
# Write `cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements)`: the paper's pose machine, from
# the image to the belief maps of every stage. T is the number of stages.
#
# * `images`: (N, 3, H_in, W_in). `center_maps`: (N, 1, H_in, W_in), one number a **pixel**. Both sides are multiples of 8.
# * `stage_1`: a network; `stage_1(images)` gives the belief maps of stage 1, (N, C, H, W), with H = H_in / 8, W = W_in / 8.
# * `image_features`: a network; it makes of the images the features that all later stages share, (N, G, H, W).
# * `reducers`: a list of T - 1 networks. Entry 0 belongs to stage 2, entry 1 to stage 3, and so on. Each makes of the
#   shared image features those that its own stage reads.
# * `refinements`: a list of T - 1 networks in the same order. Each takes three things joined along axis 1, **the stage's
#   reduced features, the belief maps of the stage just before it, the center map**, in this order, and gives the stage's
#   belief maps, as they are.
#
# The stages read the center map with one number a cell. The paper's network takes the mean of 9 x 9 pixels, every 8 pixels;
# at the right and lower border, where the 9 x 9 window does not fit, the mean of the pixels that are there. In torch:
# `F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)`.
#
# Return the belief maps of all stages in one tensor (T, N, C, H, W), stage 1 first. With two empty lists T is 1.
#
# **By hand.** One cell, three stages. Stage 1 says 2 and 3, the image feature is 1 and no reducer changes it, the center map
# is 4. Stage 2 has the weights 1000, 100, 10, 1 for its first map: 1234, and 0, 0, 0, -1 for its second: -4. Stage 3 adds
# up all that it reads for its first map: 1 + 1234 - 4 + 4 = 1235, and takes the difference of the two beliefs for its
# second: 1234 - (-4) = 1238. Had it read stage 1 again, they would be 10 and -1.

# %%
places = {
    "images": (0, 1), "stage 1": (1.5, 2), "image features": (1.5, 0), "reducer 0": (3.7, 0), "refinement 0": (3.7, 2),
    "reducer 1": (6.4, 0), "refinement 1": (6.4, 2), "center map": (5.05, 1),
}  # fmt: skip
ways = [
    ("images", "stage 1"), ("images", "image features"), ("image features", "reducer 0"), ("image features", "reducer 1"),
    ("stage 1", "refinement 0"), ("reducer 0", "refinement 0"), ("center map", "refinement 0"),
    ("refinement 0", "refinement 1"), ("reducer 1", "refinement 1"), ("center map", "refinement 1"),
]  # fmt: skip

# %%
figure, ax = plt.subplots(figsize=(8.6, 2.7), layout="constrained")
ax.set(xlim=(-0.6, 7.3), ylim=(-1.1, 2.5))
ax.axis("off")
boxes = {}
for name, (x, y) in places.items():
    words = name + {"refinement 0": "\nstage 2", "refinement 1": "\nstage 3"}.get(name, "")
    frame = {"fc": "#dceaf4" if y == 2 else "#ffffff", "ec": BLUE, "boxstyle": "round,pad=0.35"}
    boxes[name] = ax.text(x, y, words, ha="center", va="center", fontsize=9, bbox=frame, zorder=3)
figure.canvas.draw()  # gives the boxes their sizes
for start, end in ways:
    ends = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
    bend = "arc3,rad=0.3" if (start, end) == ("image features", "reducer 1") else "arc3"
    arrow = {"arrowstyle": "-|>", "color": "#555555", "connectionstyle": bend, **ends}
    ax.annotate("", places[end], places[start], arrowprops=arrow)
show(
    figure,
    alt="Boxes and arrows. The images go to stage 1 and to the image features; the image features go to every reducer. Stage 2 "
    "reads reducer 0, stage 1 and the center map; stage 3 reads reducer 1, stage 2 and the center map.",
)
plt.close(figure)


# %%
def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    """(T, N, C, H, W) belief maps of all stages."""
    ### BEGIN SOLUTION
    beliefs = [stage_1(images)]
    features = image_features(images)  # once, for all later stages
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)  # (N, 1, H, W)
    for reduce, refine in zip(reducers, refinements, strict=True):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)
    ### END SOLUTION


# %%
check("ex11", cpm_forward)

# %% [markdown]
# The next cell lets your function run the trained model, by its parts, and shows what it finds. (Our model has one
# trunk for stage 1 and for the image features, and averages the center map over 8 x 8 pixels. It takes your 9 x 9 too.)


# %%
def run_the_machine():
    stage_1 = torch.nn.Sequential(model.trunk, model.stage1)
    with torch.no_grad():
        maps = cpm_forward(images[:1], centers[:1], stage_1, model.trunk, model.image_taps, model.refinements)
    joints, scores = crop_joints(model, maps)
    row = {
        "image": scenes[0].image, "belief_maps": model.joint_maps(maps)[:, 0].numpy(), "label": "by your function",
        "joints_px": joints[-1, 0].numpy(), "scores": scores[-1, 0].numpy(), "center_px": scenes[0].center_px,
    }  # fmt: skip
    show(
        stage_figure([row], model.skeleton, stride=8),
        alt="A crop of two people, the belief maps of four stages by your forward pass, and the pose. Stage 1 lights up on both "
        "people, the later stages on the one at the center.",
    )


come_alive(run_the_machine)

# %% [markdown]
# ## ex12 · A loss on every stage (25 minutes, 4 points)
#
# Write `stage_loss(belief_maps, targets, everybody, weights)`: intermediate supervision, which compares *every* stage with
# a target. All four are numpy arrays.
#
# * `belief_maps`: (T, N, C, H, W), what the T stages say.
# * `targets`: (N, C, H, W), maps of the joints of the **person meant**. They are the target of stages 2, 3, ..., T.
# * `everybody`: (N, C, H, W), maps of **everybody's** joints. They are the target of stage 1, which has no center map and
#   cannot know who is meant.
# * `weights`: (N, C), how much each map of each person counts, the same at every stage: 1, or 0 for a joint that nobody has
#   labelled; other numbers from 0 on are possible.
#
# The loss of one stage is the mean, over **all** N · C · H · W numbers of its maps, of
#
#     weight of the map · (belief - target)²
#
# so the maps of weight 0 add nothing, and still stand in the number that is divided by.
#
# Return T numbers, an array or a list: the loss of every stage, stage 1 first. (Training makes their sum small.)
#
# **By hand.** Two stages, one person, one map of two cells, weight 1. Stage 1 says 0.5, 0.5; everybody is 1, 1. The
# squares are 0.25 and 0.25, the mean is **0.25**. Stage 2 says 1, 0.2; the target is 1, 0. The squares are 0 and 0.04,
# the mean is **0.02**.
#
# And weights: two maps of one cell, weights 1 and 0. A stage says 2 and 9, the targets are 0. That makes
# (1 · 4 + 0 · 81) / 2 = 2, not 4: there are two numbers, though one does not count.


# %%
def stage_loss(belief_maps, targets, everybody, weights):
    """T numbers: the loss of every stage."""
    ### BEGIN SOLUTION
    losses = []
    for t, maps in enumerate(belief_maps):
        target = everybody if t == 0 else targets
        squares = (maps - target) ** 2  # (N, C, H, W)
        losses.append((weights[:, :, None, None] * squares).mean())
    return np.array(losses)
    ### END SOLUTION


# %%
check("ex12", stage_loss)

# %% [markdown]
# Your loss of the trained model on twelve crops with two people each. Then the same once more, but with stage 1 compared
# with the person meant, as if it could know. **Guess first:** which bars change, and in which direction?


# %%
def losses_of_the_model():
    maps = []
    for person in (0, 1):
        joints_px = torch.from_numpy(np.stack([s.joints_px[person] for s in scenes]))
        inside = torch.from_numpy(np.stack([s.inside[person] for s in scenes])).float()
        maps.append(belief_map_targets(joints_px, inside, size=(20, 20), stride=8, sigma_cells=1.0)[0])
    own, everybody = maps[0], everybody_targets(torch.stack(maps, 1))
    own, everybody = (torch.cat([m, background_map(m)], 1).numpy() for m in (own, everybody))
    given = model_maps.numpy(), own, np.ones(own.shape[:2])
    right = stage_loss(given[0], given[1], everybody, given[2])
    draw_losses(right, as_if=stage_loss(given[0], given[1], own, given[2]))


# %%
def draw_losses(right, as_if):
    figure, ax = plt.subplots(figsize=(6.4, 2.9), layout="constrained")
    ax.bar(np.arange(4) - 0.2, right, 0.36, color=BLUE, label="stage 1 against everybody")
    look = {"color": RED, "hatch": "//", "ec": "white", "label": "all against the person meant"}
    ax.bar(np.arange(4) + 0.2, as_if, 0.36, **look)
    ax.set_xticks(range(4), [f"stage {t}" for t in range(1, 5)])
    ax.set(ylabel="your loss", ylim=(0, 1.35 * max(np.max(right), np.max(as_if))))
    ax.legend(ncols=2, loc="upper center", fontsize=9)
    show(
        figure,
        alt="Bars of your loss for four stages, with stage 1 compared with everybody and with the person meant.",
    )
    plt.close(figure)


come_alive(losses_of_the_model)

# %% [markdown]
# ## a3q1 · Explain: two orders (10 minutes, 3 points)
#
# The paper's released network joins image features, belief maps, center map. OpenMMLab's variant joins belief maps first,
# then image features (and has no center map). A student writes the paper's network, but joins belief maps first.
#
# 1. She trains it from random weights. Does the order matter for how good it gets? Why?
# 2. Then she loads the weights that the paper's authors have published into it. No error, no warning. Why not, and what
#    comes out of stages 1, 2 and 3?
# 3. She may not look at the code. Which test, run once after loading, would have told?

# %% [markdown]
# **Your answer (a3q1)**
#
# ### BEGIN SOLUTION
# 1. No. The first convolution of a refinement has weights of its own for every input channel, drawn in the same way for
#    all. Another order is the same network with its channels renamed; training puts the same weights in other places.
# 2. The number of channels is the same, 32 + (J + 1) + 1, so all shapes fit, and shapes are all that torch compares. Stage
#    1 has no joined input: its maps are right. From stage 2 on weights that were trained for image features meet belief
#    maps and the other way round: the maps are nonsense, and stage 3 reads that nonsense.
# 3. Compare numbers: run one fixed image through and compare the maps of *every stage* with stored ones from the original
#    network (within 1e-4). Weaker, but it would tell too: PCK by stage on a few labelled photos; stage 1 is good and stage 2
#    falls to nearly nothing.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a3q1**, 1 point each:
#
# * No, with the reason: each input channel has its own weights, so an order is only a naming. Half a point without a reason.
# * Same number of channels, hence no error; stage 1 right, stages 2 and 3 nonsense. Half a point if stage 1 is not told
#   apart.
# * A comparison of outputs with known ones, or a score by stage. Half a point for "look at the belief maps".
#
# Typical wrong answers: "the order matters, because features come first in the paper"; "torch reports a mismatch of keys or
# shapes" (it would, if the *numbers* of channels differed); "the later stages correct it".
#
# Follow-up: how could she use the published weights without changing her forward pass? (Move the input channels of each
# refinement's first weight into her order.)

# %% [markdown]
# ## a3q2 · Debug: a machine that learns by halves (10 minutes, 3 points)
#
# This training step runs without an error. A check that compares its belief maps and its loss with the right ones, number
# by number, would pass:
#
# ```python
# maps = [first_stage(images)]
# for t in (2, 3, 4):
#     maps.append(later_stage(t, images, maps[-1].detach(), centers))
# loss = stage_loss(torch.stack(maps), targets, everybody, weights)[-1]   # that of the last of four stages
# loss.backward()
# ```
#
# `first_stage` and `later_stage` are right and call the networks of ex11: `stage_1`; and for stage t the shared
# `image_features`, entry t - 2 of `reducers`, and entry t - 2 of `refinements`.
# (`x.detach()` has the same numbers as x, but no gradient passes through it.)
#
# 1. Which of `stage_1`, `image_features`, `reducers` and `refinements` learn anything, and which do not?
# 2. Somebody replaces `[-1]` by `.sum()` and leaves `.detach()` where it is. Who learns now, and what is still missing?
# 3. The loss goes down in both cases. How would you find such a mistake in a network of a thousand lines?

# %% [markdown]
# **Your answer (a3q2)**
#
# ### BEGIN SOLUTION
# 1. The loss is that of stage 4. Its gradient reaches refinement 2 (stage 4's), reducer 2 and through it the image
#    features. At the belief maps of stage 3 it stops: stage 1, and the reducers and refinements of stages 2 and 3, get
#    nothing and stay as they were drawn.
# 2. Every stage has a loss of its own, so all parts learn. But each stage learns for its own loss only: no stage is
#    told what the *next* one would need from its maps. In the paper's training later losses reach back through the beliefs.
# 3. After one backward pass, look at the gradient of every parameter: `p.grad` is None (or all zero) where nothing
#    arrives. Or take a copy of the weights and see after one step which have not moved. The loss alone cannot tell, because
#    the parts that do learn lower it.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a3q2**, 1 point each:
#
# * Stage 4's refinement and reducer and the image features learn; stage 1 and the parts of stages 2 and 3 do not. Half a
#   point if the image features are forgotten.
# * All parts learn, each from the losses that lie in front of the cut: no gradient passes from one stage to the one before.
#   (The image features get gradients from stages 2, 3 and 4.) Half a point without what is missing.
# * Gradients (or changes of weights) part by part after one step. Half a point for "print the loss of each stage".
#
# Typical wrong answers: "detach makes the belief maps zero"; "nothing learns"; "a larger learning rate helps".
#
# Follow-up: which stages' losses would *not* fall in case 1, and could you have seen that? (Those of stages 1 to 3; yes, if
# they had been printed.)

# %%
progress("A3")
