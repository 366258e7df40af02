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
# # 07 · Metrics: when is a joint found?
#
# A pose machine answers with points, and no point is ever exactly right. Whether it is *right enough* is a decision:
# how far off, measured by what, and is an eye as strict as a hip? Every published number hides such a decision.
#
# **Afterwards you can** compute PCK, PCKh, OKS and AP by hand and by the library, say what each one measures by,
# recompute the paper's 84.32, and tell two numbers that compare from two that do not.
#
# **Time:** 40 minutes: 15 for part 1, 10 for part 2, 15 for part 3. **Needs:** the package `cpm_edu`, nothing else.
# **Before:** notebook 00 (what PCK is); 01 helps (pixels and cells).
#
# You can stop after each part. Come back, run the first code cell, and go on with the next part.

# %%
import numpy as np

from cpm_edu.course import hinge, predict_first
from cpm_edu.datasets import data_root
from cpm_edu.datasets.matlab import load_mat
from cpm_edu.figures.interactive.oks import oks_figure
from cpm_edu.figures.interactive.oks_detections import average_precision, detections, pycocotools_ap
from cpm_edu.figures.interactive.pck_threshold import judged_people, pck_threshold
from cpm_edu.metrics import Table, auc, box_sizes, head_sizes_mpii, joint_similarities, oks, pck, torso_sizes
from cpm_edu.skeletons import COCO, LSP

people = judged_people()  # 24 drawn people with their true joints, and where the shipped model sees them
twenty = detections()  # one drawn person with 17 joints, and 20 detections of various quality
print(f"{len(people.images)} people, {people.truth_px.shape[1]} joints each; {len(twenty.scores)} detections")

# %% [markdown]
# # Part 1 · PCK and its yardstick
#
# ## 1.1 · Are 9 pixels much?
#
# On a giant no, on a dwarf yes. So PCK, the *percentage of correct keypoints*, measures with the person: a joint is
# correct when
#
# error ≤ threshold × yardstick.
#
# On Leeds Sports Pose (LSP) the yardstick is the **torso**, left shoulder to right hip, and the threshold 0.2.
#
# **By hand.** Somebody faces us: shoulder at (70, 50), hip at (40, 90). That is 30 across and 40 down, a torso of 50
# px and circles of 0.2 × 50 = 10 px: an error of 9 px is a hit. Now they turn aside. Shoulder (52, 50), hip (40, 90).
# Work out torso and circle, and judge the same 9 px.

# %%
for view, shoulder, hip in (("facing us", (70, 50), (40, 90)), ("turned aside", (52, 50), (40, 90))):
    length = np.hypot(shoulder[0] - hip[0], shoulder[1] - hip[1])
    circle = 0.2 * length
    verdict = "miss" if circle < 9 else "hit"
    print(f"{view:12}  torso {length:4.1f} px, circle {circle:4.1f} px: an error of 9 px is a {verdict}")

# %% [markdown]
# The person has not shrunk. The yardstick has, because a torso seen from the side is short *in the picture*.
#
# ## 1.2 · PCK in two lines
#
# `pred` and `truth` hold N people with J joints, (x, y) in pixels: shape (N, J, 2). `lengths` holds one yardstick a
# person: (N,). The result is a share between 0 and 1; papers print it times 100.


# %%
def my_pck(pred, truth, lengths, threshold):
    """Share of joints whose error is at most threshold x the yardstick of their person."""
    error = np.hypot(pred[..., 0] - truth[..., 0], pred[..., 1] - truth[..., 1])  # (N, J) pixels
    return np.mean(error / lengths[:, None] <= threshold)


torso = people.lengths["torso"]  # (24,)
by_torso = 100 * my_pck(people.pred_px, people.truth_px, torso, 0.2)
library = pck(people.pred_px, people.truth_px, normalizer=torso, threshold=0.2, comparison="<=")
print(f"mine {by_torso:.1f} %, the library {100 * library.mean:.1f} %")

# %% [markdown]
# ## 1.3 · Another yardstick
#
# PCK began with the *person size*, the longer side of the person's box; JHMDB, a benchmark of videos, is measured by
# it too. Nothing else changes: same people, same predictions, same threshold.

# %%
predict_first(
    "pck-compare",
    f"By the torso the 24 people have PCK@0.2 = {by_torso:.1f} %. What is PCK@0.2 of the *same "
    "predictions* by the "
    "longer side of the person's box? (A standing person's box is about three torsos high.)",
    answer=lambda: 100 * my_pck(people.pred_px, people.truth_px, people.lengths["box"], 0.2),
    unit="%",
    close=5,
    show=lambda: pck_threshold(people, score=my_pck),
    because="Not one prediction has improved: the circles have grown. The figure counts with your own "
    "`my_pck`.",
)

# %% [markdown]
# **Do:** drag the black dot to 0.1 and to 0.5. Press *Reset*, change the yardstick and watch the circles, person by
# person. Slide to other people.
#
# **Notice.**
#
# * By the torso persons 13 and 14 get circles of about 6 px, since their torsos are short in the picture. Person 15
#   gets 9 px, by the same rule.
# * With the dot at 0.2 the number goes from 56 (head) to 92 (box).
# * Wrists, elbows and ankles are found least.
# * Person 13 has two crosses exactly on a joint: on the *other* elbow and the *other* wrist. PCK calls that a miss,
#   because left is the person's own left.
#
# ## 1.4 · PCKh: the head
#
# MPII measures by the head: the *head size* is 0.6 × the diagonal of an annotated head box, and the threshold is 0.5.
# That is **`PCKh@0.5`**. Our drawn people have no head box; the figure takes neck to head top instead and must not be
# called PCKh.
#
# **By hand.** A head box from (50, 20) to (68, 44): 18 wide, 24 high. Diagonal? Head size? Radius of the circles?

# %%
[head_size] = head_sizes_mpii([[50, 20, 68, 44]])
print(f"head size {head_size:.1f} px, circles of {0.5 * head_size:.1f} px")

rows = []
for name, length in people.lengths.items():
    shares = [100 * my_pck(people.pred_px, people.truth_px, length, t) for t in (0.1, 0.2, 0.5)]
    area = 100 * auc(people.pred_px, people.truth_px, normalizer=length)  # mean height of the curve, 0 to 0.5
    rows.append([name, float(np.median(length)), *shares, area])
Table(
    ["yardstick", "median, px", "PCK@0.1", "PCK@0.2", "PCK@0.5", "AUC"],
    rows,
    caption="The same predictions of the same people",
    formats=dict.fromkeys(["median, px", "PCK@0.1", "PCK@0.2", "PCK@0.5", "AUC"], ".1f"),
)

# %% [markdown]
# Twelve scores, one network. The **AUC** (area under the curve) is the mean height of the whole curve from 0 to 0.5:
# it needs no threshold, but still a yardstick.

# %%
hinge(
    "pck-compare",
    "Paper A reports PCK@0.2 = 90.5 on LSP. Paper B reports PCKh@0.5 = 87.6 on MPII. Which network is "
    "better?",
    choices={
        "A, by 2.9 points": "The circles differ: 0.2 torsos of one data set against half a head size of "
        "another.",
        "B, because heads are smaller than torsos": "Half a head size can be wider than 0.2 torsos. And "
        "the people differ too.",
        "The numbers do not say": "Other yardstick, other threshold, other people. Only the same test on "
        "the same people compares.",
    },
    right="The numbers do not say",
)

# %% [markdown]
# **Stop point** 1 of 3. You can compute PCK with any yardstick. Next: a number in print. Run the first code cell and
# go on here.

# %% [markdown]
# # Part 2 · The paper's 84.32
#
# The authors released not only their network but also its *predictions* for LSP's 1,000 test people: 14 points each.
# The yardstick is the torso, the threshold 0.2, the comparison ≤, occluded joints count, and left is the person's own
# left. That makes 14,000 decisions, and the share of hits is the number in their release.
#
# The predictions are research data, so they are not part of this package. If you have them below `CPM_EDU_DATA`, the
# next cell computes everything from them. If not, it shows what it computed on 23 November 2026 (`CPM_EDU_DATA=...
# python notebooks/execute.py 07`).

# %%
FOLDER = data_root() / "metric_checks" / "lsp_cpm"
RULES = ("torso, 0.2", "torso, 0.1", "half the head", "box, 0.2", "sides swapped, 0.2", "1 px off, 0.1")
RECORDED = {
    "LSP": dict(zip(RULES, (84.32, 71.16, 83.86, 93.04, 32.12, 68.86), strict=True)),
    "MPII_LSP": dict(zip(RULES, (90.50, 78.75, 90.29, 95.91, 27.82, 75.88), strict=True)),
}


# %%
def judge(network):
    """PCK in percent of the released predictions of one network, by six rules."""
    pred = load_mat(FOLDER / f"LSP_prediction_model_{network}_6s.mat")["prediction_all"].transpose(2, 0, 1)
    truth = load_mat(FOLDER / "lsp_small_joints.mat")["joints"][:2, :, 1000:].transpose(2, 1, 0)
    torso, box = torso_sizes(truth, LSP), box_sizes(np.concatenate([truth.min(1), truth.max(1)], 1))
    head = np.linalg.norm(truth[:, LSP.index("head_top")] - truth[:, LSP.index("neck")], axis=-1)
    swapped = pred[:, list(LSP.flip_permutation)]
    tried = [(pred, torso, 0.2), (pred, torso, 0.1), (pred, head, 0.5), (pred, box, 0.2)]
    tried += [(swapped, torso, 0.2), (pred - 1, torso, 0.1)]
    shares = [pck(p, truth, normalizer=n, threshold=t, comparison="<=").mean for p, n, t in tried]
    return dict(zip(RULES, [round(100 * share, 2) for share in shares], strict=True))


# %%
here = FOLDER.is_dir()
measured = {network: judge(network) for network in RECORDED} if here else RECORDED
print("computed now" if here else "recorded on 23 November 2026, since the predictions are not here")
Table(
    ["", "PCK, 0.2 torsos"],
    [
        ["trained on LSP and LSPET", measured["LSP"]["torso, 0.2"]],
        ["trained on MPII too", measured["MPII_LSP"]["torso, 0.2"]],
    ],
    caption="The authors' predictions for 1,000 people",
    formats={"PCK, 0.2 torsos": ".2f"},
)

# %% [markdown]
# Two numbers from print, to the last digit. Now change one detail at a time.

# %%
predict_first(
    "07-swapped",
    "Take the first network's points as they are, and exchange the names *left* and *right* everywhere. "
    "PCK was 84.32. "
    "What is left of it?",
    answer=lambda: measured["LSP"]["sides swapped, 0.2"],
    unit="%",
    close=8,
    show=lambda: Table(
        ["rule", "LSP", "with MPII"],
        [[rule, measured["LSP"][rule], measured["MPII_LSP"][rule]] for rule in RULES],
        caption="The same predictions by six rules, percent",
        formats={"LSP": ".2f", "with MPII": ".2f"},
    ),
    because="Neck and head top have no side: 2 of 14 joints stay as good as they were and bring 14 points. "
    "About 10 more come where left and right joint lie so close that one point hits both. The other 8 were "
    "wrong before: the network's own mix-ups of left and right, now undone.",
)

# %% [markdown]
# (*Half the head*: 0.5 × neck to head top. *Box*: the longer side of the box around the true joints. *1 px off*: one
# pixel taken off all predictions.) **Read the table by columns and across.**
#
# * By the box the *weaker* network has 93.04. By the torso the *stronger* one has 90.50. Put these two numbers into
#   one table and the wrong network wins. That is why a PCK without its yardstick says nothing.
# * One pixel, the difference between files that count from 0 and from 1, costs more than two points at 0.1: the
#   middle torso (median) of these people is 48 px long, so their circles are about 5 px.
# * Half a head and 0.2 torsos give nearly the same here. That is luck of the proportions, not a rule: on the drawn
#   people of part 1 `PCK@0.5` by the head and `PCK@0.2` by the torso lie 9.5 points apart.

# %% [markdown]
# **Stop point** 2 of 3. You have recomputed a published number and seen what it depends on. Next: joints that are not
# equally strict.

# %% [markdown]
# # Part 3 · OKS and AP
#
# ## 3.1 · An eye is not a hip
#
# Ask two people to click on an eye: they agree closely. Ask them for a hip under a coat: they do not. COCO measured
# how much annotators scatter, joint by joint (**sigma**, as a share of the person's size), and lets each joint be as
# tolerant as people are. The **similarity** of one joint is
#
# exp( -d² / (2 s² k²) ), with k = 2 sigma,
#
# where d is the joint's error in pixels, s² the person's area in square pixels and k the joint's tolerance. **OKS**,
# object keypoint similarity, is the mean over the labelled joints.
#
# **By hand.** A person of area 10,000, so s = 100. Eye: sigma 0.025, k = 0.05, s k = 5 px. An error of 5 px gives
# exp(-1/2) = 0.61. Hip: sigma 0.107, s k = 21.4 px. What does the same error of 5 px give there?


# %%
def my_similarity(distance_px, area, sigma):
    """What a joint brings to OKS: 0..1, for one distance or an array of them."""
    return np.exp(-(distance_px**2) / (2 * area * (2 * sigma) ** 2))


for joint in ("left_eye", "left_wrist", "left_hip"):
    sigma = COCO.oks_sigmas[COCO.index(joint)]
    print(f"{joint:10}  sigma {sigma}: 5 px bring {my_similarity(5.0, 10_000, sigma):.2f}")

library = joint_similarities([[[5.0, 0.0]]], [[[0.0, 0.0]]], areas=[10_000], sigmas=[0.107]).item()
print(f"the library, hip: {library:.2f}")

# %% [markdown]
# ## 3.2 · Is OKS the IoU of poses?
#
# The IoU of two boxes is the area they share, divided by the area they cover together. Detectors of boxes are judged
# by it, detectors of poses by OKS, and both end at 1. So try: take a *perfect* pose and exchange the names left and
# right. All points stay where they are, so the box around them stays too: IoU = 1.

# %%
swapped = twenty.truth_px[list(COCO.flip_permutation)]  # (17, 2): right place, wrong name

# %%
predict_first(
    "oks-iou",
    "A perfect pose whose left and right have changed names: the boxes' IoU is 1. And its OKS, between 0 "
    "and 1?",
    answer=lambda: oks(swapped[None], twenty.truth_px[None], areas=[twenty.area])[0],
    close=0.1,
    show=lambda: oks_figure(similarity=my_similarity),
    because="OKS compares joint by joint and by name; overlap plays no part. In this pose all pairs but "
    "the face lie far apart.",
)

# %% [markdown]
# Every joint has a ring: a prediction on it brings 0.5 (eye, wrist and hip have three: 0.9, 0.5, 0.1). The predicted
# eye, wrist and hip have a white rim. The lower panels come in 3.3.
#
# **Do:** drag the white-rimmed eye, wrist and hip away, and read what each costs in the sentence below. *Reset*, then
# tick *call left right and right left*.
#
# **Notice.**
#
# * All three start 12 px off. The hip hardly feels it, the eye loses two thirds.
# * One joint of 17 can cost at most 1/17 = 0.06 of OKS: however far you drag the wrist alone, OKS stays over 0.89.
# * With the names exchanged OKS falls to about 0.2, while the IoU in the sentence stays 1.00.
#
# ## 3.3 · AP: from similarities to one number
#
# A detector finds people by itself, with a *score* for each. Rank all detections by score. Compare each with the
# person it fits best, and call it a **hit** when its OKS is at least t; whoever was found already does not count
# again. Walking down the ranks, **precision** is the share of hits among the detections so far, **recall** the share
# of people found so far. **AP** (average precision) at t is the mean precision over all recalls, after every
# precision was raised to the best that comes later.
#
# **By hand.** Four people, four detections, ranked: hit, miss, hit, hit. Precision: 1, 1/2, 2/3, 3/4. Recall: 1/4,
# 1/4, 2/4, 3/4. Raised: 1, 3/4, 3/4, 3/4. The area: 1/4 × 1 + 2/4 × 3/4 + 1/4 × 0 (the fourth person is never found)
# = 0.625.

# %%
by_hand = np.array([True, False, True, True])
ap, recall, precision = average_precision(by_hand)
print("recall   ", recall.round(2), "\nprecision", precision.round(2))
print(f"AP {ap:.3f}: pycocotools' way, the mean at 101 recalls, is close to the area, 0.625")

# %% [markdown]
# COCO's headline **AP** is the mean over ten thresholds t = 0.50, 0.55, ..., 0.95. Now for the figure's twenty
# detections, one for each of twenty people: OKS of each, hits at each t, ten APs, their mean, and beside it the
# reference implementation, pycocotools.

# %%
truth = np.repeat(twenty.truth_px[None], 20, 0)
similarity = oks(twenty.pred_px, truth, areas=np.full(20, twenty.area))
ranked = similarity[np.argsort(-twenty.scores)]
aps = {t: average_precision(ranked >= t)[0] for t in np.linspace(0.5, 0.95, 10).round(2)}
for t, ap in aps.items():
    print(f"t = {t:.2f}: {(ranked >= t).sum():2} hits, AP {ap:.3f} {'#' * round(40 * ap)}")
print(f"\nmean of ten: {np.mean(list(aps.values())):.4f}")
print(f"pycocotools: {pycocotools_ap(twenty, twenty.pred_px):.4f}")

# %% [markdown]
# **Do:** go back to the figure's lower panels. Drag the black dot at the dashed line, t, from 0.5 to 0.95: bars below
# the line are misses, and the blue area is AP at t. It shrinks from 0.89 to 0.07, as printed here.

# %%
hinge(
    "oks-iou",
    "A detection has OKS 0.9. What do you know about the box around its joints?",
    choices={
        "Its IoU with the true box is 0.9": "OKS is no overlap. It is a mean of joint similarities.",
        "Nothing certain": "Joints in the middle of the body may be off without touching the box; one "
        "far wrist may "
        "change the box a lot and cost OKS only 1/17.",
        "It has the right area": "The area s² in OKS is the true person's. The prediction's own size "
        "does not enter.",
    },
    right="Nothing certain",
)

# %% [markdown]
# **Stop point** 3 of 3. You can compute AP from twenty OKS values. Notebook 11 puts published tables of all these
# metrics side by side.

# %% [markdown]
# ## Questions to take along
#
# 1. A network finds every joint of every person 0.19 torsos off. What are its `PCK@0.2`, its `PCK@0.1` and its AUC
#    from 0 to 0.5? What would a second network have to do to look worse by `PCK@0.2` and better by AUC?
# 2. The truth of one joint is wrong by 6 px, the network is right. Under which metric, and on which joint, does this
#    cost most?
# 3. PCK counts a joint that the network never claimed to see. Where in COCO's AP does a low score help, and where
#    does it not?
#
# **Assignment:** A5: PCK and OKS (page *Assignments* of the documentation).
#
# **Sources.** PCK: Y. Yang, D. Ramanan, *Articulated Human Detection with Flexible Mixtures of Parts*, TPAMI 2013,
# by the longer side of the box.
# PCKh and MPII: M. Andriluka et al., CVPR 2014, and its evaluation kit. JHMDB: H. Jhuang et al., ICCV 2013. OKS and
# AP: cocodataset.org, "Keypoint Evaluation", and pycocotools' `COCOeval`. 84.32 and 90.50: the authors' release,
# testing/CPM_benchmark.m. In the package: `cpm_edu/metrics/pck.py`, `benchmarks.py`, `oks.py`, `coco.py`.
