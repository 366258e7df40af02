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
# # A5 · PCK and OKS
#
# **Afterwards you can** compute the four numbers that papers on poses print, PCK, PCKh, OKS and AP, and say of each what it
# is divided by and who is left out.
#
# **Time:** 140 minutes. **Points:** 23. **Builds on:** notebook 07.
#
# Write the functions below. Under each a cell checks it and says whether it is right, or what is wrong.
# `hint("ex18")` in a cell of your own helps in three steps. Checks and hints cost no points. No exercise needs
# another one: begin where you like, and run the next cell first.
#
# Points are (x, y) in pixels; joints, people and detections are counted from 0. Use Python and numpy. The functions of
# `cpm_edu` that hold an answer are locked while your function is checked.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.figures.interactive.oks import oks_figure
from cpm_edu.figures.interactive.oks_detections import detections, pycocotools_ap
from cpm_edu.figures.interactive.pck_threshold import judged_people
from cpm_edu.figures.start_here import show
from cpm_edu.metrics import Table
from cpm_edu.metrics import oks as library_oks
from cpm_edu.skeletons import LSP

people = judged_people()  # 24 drawn people: their true joints, and where the shipped network sees them
twenty = detections()  # 20 detections, each of another person

# %% [markdown]
# ## ex18 · PCK by a length of your choice (30 minutes, 4 points)
#
# Write `pck(pred, truth, labelled, yardstick, threshold)`: the share of joints that are found well enough, measured by a
# length of the person's own body.
#
# * `pred`: an array of shape (N, J, 2), the predicted points (x, y) of J joints of N people. All are numbers.
# * `truth`: the same shape, the true points. Where a joint is not labelled, its truth says nothing: it may hold (0, 0), NaN
#   or anything else.
# * `labelled`: an array of True and False, shape (N, J).
# * `yardstick`: a pair of joints (a, b). A person's length is the distance between their *true* joints a and b, such as left
#   shoulder and right hip.
# * `threshold`: a number, such as 0.2.
#
# A joint **counts** if it is labelled and both joints of its person's yardstick are labelled too. So somebody without a
# yardstick is left out altogether. A joint that counts is **right** if the distance between prediction and truth is at most
# threshold × the length of its person; an error of exactly that size is right.
#
# Return one number between 0 and 1: how many joints are right, divided by how many count, over all people together. At least
# one joint counts, and no length is 0. The arguments must stay as they are.
#
# **By hand.** A grown-up with a torso of 50 px and a child with one of 10 px; threshold 0.2. The circles are 10 px and 2 px.
# The grown-up's four joints are off by 0, 10, 11 and 5 px: three are right. The child's are off by 1, 3 and 1.5 px, and its
# wrist is not labelled: two of three. PCK = 5 / 7 = 0.71. (The mean of 3/4 and 2/3 would be another number, 0.708.)


# %%
def pck(pred, truth, labelled, yardstick, threshold):
    """Share of the joints that count whose error is at most threshold times their person's yardstick."""
    ### BEGIN SOLUTION
    a, b = yardstick
    error = np.linalg.norm(pred - truth, axis=-1)  # (N, J)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)  # (N,)
    counts = labelled & labelled[:, [a]] & labelled[:, [b]]  # (N, J)
    right = error <= threshold * length[:, None]  # NaN compares as False, and does not count
    return right[counts].mean()
    ### END SOLUTION


# %%
check("ex18", pck)

# %% [markdown]
# One set of predictions, three yardsticks, by your function. Where do the curves cross a PCK of one half? Which of the three
# would you print if you wanted your network to look good?

# %%
YARDSTICKS = {
    "left shoulder to right hip": (LSP.index("left_shoulder"), LSP.index("right_hip"), "-", "#0072B2"),
    "neck to head top": (LSP.index("neck"), LSP.index("head_top"), "--", "#D55E00"),
    "left hip to left ankle": (LSP.index("left_hip"), LSP.index("left_ankle"), ":", "#000000"),
}


def my_curves():
    """PCK over the threshold by three yardsticks."""
    everything, thresholds = np.ones(people.truth_px.shape[:2], bool), np.arange(51) / 100
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for name, (a, b, style, color) in YARDSTICKS.items():
        curve = [pck(people.pred_px, people.truth_px, everything, (a, b), t) for t in thresholds]
        ax.plot(thresholds, curve, style, color=color, lw=2, label=name)
    ax.set(xlim=(0, 0.5), ylim=(0, 1), xlabel="threshold", ylabel="PCK")
    ax.set_title("the same predictions, measured by three lengths", fontsize=10)
    ax.legend(fontsize=9)
    show(
        figure,
        alt="PCK over the threshold by three yardsticks: the leg's curve is highest, the head's lowest.",
    )
    plt.close(figure)


come_alive(my_curves)

# %% [markdown]
# ## ex19 · PCKh, with the joints that MPII counts (25 minutes, 4 points)
#
# MPII labels 16 joints and measures every person by their head. Write
# `pckh(pred, truth, labelled, head_boxes, threshold)`.
#
# * `pred`, `truth`, `labelled`: as in ex18, with J = 16. The joints, counted from 0:
#
# | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
# |---|---|---|---|---|---|---|---|
# | right ankle | right knee | right hip | left hip | left knee | left ankle | pelvis | thorax |
# | **8** | **9** | **10** | **11** | **12** | **13** | **14** | **15** |
# | upper neck | head top | right wrist | right elbow | right shoulder | left shoulder | left elbow | left wrist |
#
# * `head_boxes`: an array of shape (N, 4), the box (x1, y1, x2, y2) that an annotator drew around each head: two opposite
#   corners, x1 < x2 and y1 < y2.
# * `threshold`: a number, such as 0.5.
#
# The **head size** of a person is 0.6 × the diagonal of the head box. A joint **counts** if it is labelled and is neither
# pelvis nor thorax: MPII leaves those two out of its mean. A joint that counts is **right** if its error is at most
# threshold × head size; an error of exactly that size is right.
#
# Return one number between 0 and 1: how many joints are right, divided by how many count, over all people together. At least
# one joint counts. The arguments must stay as they are.
#
# **By hand.** A head box from (50, 20) to (68, 44) is 18 wide and 24 high: diagonal 30, head size 18. At 0.5 the circles have
# a radius of 9 px. Of a person with all 16 joints labelled 14 count, however well the pelvis is found.

# %%
figure, ax = plt.subplots(figsize=(4.4, 3.1), layout="constrained")
ax.add_patch(plt.Rectangle((50, 20), 18, 24, fc="#cfe8f7", ec="#0072B2", lw=2))
ax.plot([50, 68], [20, 44], "--", color="#0072B2", lw=1.5)
ax.text(60, 29.5, "diagonal 30", color="#0072B2", rotation=-53, ha="center", va="center", fontsize=9)
ax.add_patch(plt.Circle((84, 34), 9, fc="none", ec="#D55E00", lw=2))
ax.plot(84, 34, "o", color="#D55E00")
ax.plot([84, 93], [34, 34], color="#D55E00", lw=1.5)
ax.text(88.5, 32.6, "9", color="#D55E00", ha="center", fontsize=9)
ax.text(84, 46.5, "a joint and its circle", color="#D55E00", ha="center", fontsize=9)
ax.text(59, 46.5, "head box", color="#0072B2", ha="center", fontsize=9)
ax.set(xlim=(45, 100), ylim=(49, 17), aspect="equal", xlabel="x in pixels", ylabel="y in pixels")
show(
    figure,
    alt="A head box 18 px wide and 24 px high with its diagonal of 30 px. Beside it a joint with a "
    "circle of 9 px, half of 0.6 times the diagonal.",
)
plt.close(figure)


# %%
def pckh(pred, truth, labelled, head_boxes, threshold):
    """PCKh over the joints that MPII counts: all labelled ones but pelvis and thorax."""
    ### BEGIN SOLUTION
    size = 0.6 * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1)  # (N,)
    counts = labelled.copy()
    counts[:, [6, 7]] = False  # pelvis, thorax
    error = np.linalg.norm(pred - truth, axis=-1)  # (N, 16)
    return (error <= threshold * size[:, None])[counts].mean()
    ### END SOLUTION


# %%
check("ex19", pckh)

# %% [markdown]
# ## ex20 · OKS of one person (20 minutes, 3 points)
#
# Write `oks(pred, truth, visibility, area, sigmas)`: how similar a predicted person is to the true one.
#
# * `pred`: an array of shape (J, 2), the predicted points (x, y) of one person.
# * `truth`: the same shape, the true points; (0, 0) where a joint is not labelled.
# * `visibility`: an array of J whole numbers, COCO's mark: 0 not labelled, 1 labelled but hidden, 2 labelled and visible.
#   Hidden joints count like visible ones; at least one joint is labelled.
# * `area`: s², the person's area in square pixels; a number above 0.
# * `sigmas`: an array of J numbers above 0, how much annotators scatter at each joint.
#
# A joint at distance d from its truth has the similarity
#
#     exp(-d² / (2 s² k²))    with k = 2 sigma
#
# OKS is the mean similarity of the labelled joints. Return that number.
#
# **By hand.** Area 10,000 (so s = 100), an eye with sigma 0.025 and a hip with sigma 0.107, both 5 px off. The eye: k = 0.05,
# s k = 5 px, d² / (2 s² k²) = 25 / 50, similarity 0.61. The hip: s k = 21.4 px, 25 / 916, similarity 0.97. A wrist that
# nobody labelled has none. OKS = (0.61 + 0.97) / 2 = 0.79.


# %%
def oks(pred, truth, visibility, area, sigmas):
    """Mean similarity of a person's labelled joints, 0 to 1."""
    ### BEGIN SOLUTION
    squared = ((pred - truth) ** 2).sum(-1)  # (J,)
    similarity = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    return similarity[visibility > 0].mean()
    ### END SOLUTION


# %%
check("ex20", oks)

# %% [markdown]
# The figure of notebook 07 with your function: every ring is where it says 0.5. Drag the eye, the wrist and the hip (or focus
# one and use the arrow keys). How far may the hip go until it costs as much as the eye?


# %%
def my_similarity(distance_px, area, sigma):
    """What one joint brings, by your `oks` of a person with a single joint."""
    distances = np.asarray(distance_px, float)
    one = [
        oks(np.array([[d, 0.0]]), np.zeros((1, 2)), np.array([2]), area, np.array([sigma]))
        for d in distances.ravel()
    ]
    return np.reshape(one, distances.shape)


def my_rings():
    my_similarity(5.0, 10_000, 0.025)  # is it written?
    return oks_figure(similarity=my_similarity)


come_alive(my_rings)

# %% [markdown]
# ## ex21 · AP from OKS (45 minutes, 6 points)
#
# A detector finds people by itself and says how sure it is of each. Write
# `average_precision(scores, similarity, person, people, threshold)`: COCO's AP of its detections at one OKS threshold.
#
# * `scores`: an array of D numbers, how sure the detector is. D is at least 1, and no two are equal.
# * `similarity`: an array of D numbers, the OKS of each detection with the person it belongs to.
# * `person`: an array of D whole numbers, which person that is: 0, 1, ... `people` - 1. Several detections may belong to one
#   person, and none to another.
# * `people`: how many people there are to be found; a whole number.
# * `threshold`: t, such as 0.5.
#
# 1. **Rank** the detections by falling score.
# 2. Walk down. A detection is a **hit** if its similarity is at least t and its person has not been hit before. All others are
#    misses; a miss does not use up its person.
# 3. After each rank, **precision** is the number of hits so far / the rank (1, 2, 3, ...), and **recall** is the number of hits
#    so far / `people`.
# 4. **Raise** every precision to the largest one at its rank or a later rank.
# 5. For each of the 101 recalls 0, 0.01, 0.02, ..., 1 take the raised precision at the first rank whose recall is at least that
#    large; 0 if no rank reaches it. Return the mean of these 101 numbers.
#
# **By hand.** Four people, four detections of four different people, ranked: hit, miss, hit, hit.
#
# | rank | | hits | precision | raised | recall |
# |---|---|---|---|---|---|
# | 1 | hit | 1 | 1 | 1 | 0.25 |
# | 2 | miss | 1 | 0.5 | 0.75 | 0.25 |
# | 3 | hit | 2 | 0.67 | 0.75 | 0.5 |
# | 4 | hit | 3 | 0.75 | 0.75 | 0.75 |
#
# The 26 recalls 0 to 0.25 get 1, the 50 recalls 0.26 to 0.75 get 0.75, the 25 above get 0: AP = (26 + 37.5) / 101 = 0.629.


# %%
def average_precision(scores, similarity, person, people, threshold):
    """COCO's AP of D detections at one OKS threshold, 0 to 1."""
    ### BEGIN SOLUTION
    found, hits = set(), []
    for d in np.argsort(-scores):
        hit = similarity[d] >= threshold and person[d] not in found
        if hit:
            found.add(person[d])
        hits.append(hit)
    so_far = np.cumsum(hits)
    precision, recall = so_far / np.arange(1, len(hits) + 1), so_far / people
    raised = np.maximum.accumulate(precision[::-1])[::-1]
    first = np.searchsorted(recall, np.linspace(0, 1, 101))  # len(hits) where no rank reaches it
    return np.append(raised, 0)[first].mean()
    ### END SOLUTION


# %%
check("ex21", average_precision)

# %% [markdown]
# COCO's headline AP is the mean over ten thresholds. Yours, beside the reference implementation, for twenty detections of
# twenty people. The last two rows agree, or differ by less than 0.001: for a recall such as 7 / 20, which is one of the
# 101, the last binary digit of 0.35 decides, and np.linspace(0, 1, 101) rounds it in another way than np.arange(101) / 100.


# %%
def my_ap():
    """AP at ten thresholds by your function, and the mean beside pycocotools."""
    truth = np.repeat(twenty.truth_px[None], 20, 0)
    similarity = library_oks(twenty.pred_px, truth, areas=np.full(20, twenty.area))
    rows = []
    for t in np.linspace(0.5, 0.95, 10).round(2):
        ap = average_precision(twenty.scores, similarity, np.arange(20), 20, t)
        rows.append([f"AP at {t:.2f}", float(ap)])
    rows.append(["mean of ten: AP", float(np.mean([ap for _, ap in rows]))])
    rows.append(["pycocotools: AP", pycocotools_ap(twenty, twenty.pred_px)])
    return Table(["", "yours"], rows, formats={"yours": ".4f"})


come_alive(my_ap)

# %% [markdown]
# ## a5q1 · Explain: detections for nothing (10 minutes, 3 points)
#
# A detector finds 80 of 100 people. A friend adds 1,000 detections of nobody (all with OKS 0) to its results.
#
# 1. All of them get scores below every detection that was there. What becomes of AP? Why?
# 2. All of them get scores above every detection that was there. What becomes of AP, roughly?
# 3. The friend concludes from 1 that the detector can be used as it is. What does AP leave open that a camera in a gym has to
#    know?

# %% [markdown]
# **Your answer (a5q1)**
#
# ### BEGIN SOLUTION
# 1. It stays as it is. Precision and recall at the ranks down to the last hit are those of before. After it recall stays the
#    same, and the lower precisions there are never asked for: a recall takes the first rank that reaches it, and raising takes
#    the largest later precision. (Unless there is a limit: pycocotools looks at 20 detections an image.)
# 2. It falls to almost nothing. Every hit now comes after 1,000 misses, so precision is at most 80 / 1,080 = 0.07 at recall 0.8,
#    and after raising that is the value at every recall up to there: AP is about 0.81 x 0.07 = 0.06.
# 3. At which score to stop. AP judges the order of the detections, not where to cut; a camera shows some of them as people. The
#    threshold has to be chosen, by the precision and recall that the use needs.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a5q1**, 1 point each:
#
# * Unchanged, because what follows the last hit reaches no new recall. Half a point for "unchanged" with no reason.
# * Near 0 (0.05 to 0.08), because precision starts after 1,000 misses. Half a point for "lower".
# * A score threshold (where to cut the list). Half a point for "the false alarms" without it.
#
# Typical wrong answers: "AP falls in both cases, since precision falls" (it does, where nobody asks); "AP counts true
# negatives".
#
# Follow-up: the 1,000 are spread evenly among the scores. Sketch precision over recall.

# %% [markdown]
# ## a5q2 · Debug: better without training (10 minutes, 3 points)
#
# Yesterday a network had a PCKh@0.5 of 87.9. Today, after somebody tidied up the evaluation, it has 89.9. The file of
# predictions is the same, byte for byte.
#
# 1. Which of these changes could explain a *rise* of two points, and which could not? Say why in a few words each.
#    (a) the head size is the whole diagonal; (b) pelvis and thorax count; (c) `<` instead of `<=`; (d) joints that are not
#    labelled count, their truth is (0, 0); (e) 1 is subtracted from the predictions, but not from the truth.
# 2. You have both versions of the code but no time to read them. Which numbers would you print to find the change?

# %% [markdown]
# **Your answer (a5q2)**
#
# ### BEGIN SOLUTION
# 1. (a) rises: circles are 1 / 0.6 = 1.67 times as wide, so nothing that was right becomes wrong. (Rather by more than two
#    points.) (b) can rise: two joints in the middle of the body, which are found more often than wrists and ankles, enter the
#    mean. (c) cannot rise: fewer errors pass; and hardly any is exactly equal, so nothing is seen. (d) falls: nobody is
#    predicted at (0, 0), so almost all of them are misses. (e) as a rule falls a little: 1.4 px of error are added to the
#    predictions. It would rise only if these had been 1 too large before, so that the subtraction is the cure.
# 2. The number of joints that count and of those that are right, for each joint, from both versions. Other counts for pelvis and
#    thorax: (b); more for all joints: (d); equal counts and more hits everywhere: (a) or (e). Then the head size and the error of
#    one person: the size differs by 1.67 in (a), the error changes by a pixel in (e).
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a5q2**, 1 point each:
#
# * (a) and (b) can rise, each with its reason (wider circles; easy joints enter the mean).
# * (c) and (d) cannot, (e) as a rule not, with reasons. Half a point where one is wrong or lacks a reason. Full points too for
#   "(e) can, if the predictions were off by one before".
# * Counts by joint, not only the mean: counted and right. Half a point for "compare the intermediate results" without saying
#   which.
#
# Typical wrong answers: (d) rises "because there are more joints"; looking at the mean only.
#
# Follow-up: which of the five would you see in PCKh@0.1 best? ((e): one pixel is much against a small circle.)

# %%
progress("A5")
