"""What 00_start_here says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np
import torch

assert beliefs.shape == (4, 1, 15, 20, 20)
assert torch.equal(beliefs[0], other_beliefs[0]), "stage 1 sees no center map"

table = {row[0]: row[1:] for row in scored}
right = [table[f"center on {who}, scored on {who}"] for who in ("first", "other")]
wrong = [table["center on first, scored on other"], table["center on other, scored on first"]]
advice = "; choose another scene for this model"
assert min(r[-1] for r in right) >= 70, f"the last stage finds the marked person: {right}{advice}"
assert max(w[-1] for w in wrong) <= 15, f"and nobody else: {wrong}{advice}"
assert right[0][0] <= right[0][-1] - 30, f"stage 1 scores badly: {right[0]}{advice}"
assert np.hypot(*(joints[-1, 0, ankle].numpy() - truth[ankle])) <= 0.2 * torso, f"the ankle is found{advice}"

own, mirrored = (
    np.round((truth[model.skeleton.index(n)] - 3.5) / 8).astype(int) for n in ("left_ankle", "right_ankle")
)
on_right = [maps[t, ankle][mirrored[1], mirrored[0]] for t in range(4)]
assert min(on_right) > 0.25, f"our right ankle keeps some belief to the end: {on_right}{advice}"
assert by_stage[-1] == 100, f"stage 4 hits all 14 joints: {by_stage}{advice}"
assert by_stage[0] < 50, f"stage 1's peaks sit on the wrong person: {by_stage}{advice}"
passing = {model.skeleton.joints[j] for j in range(14) if person["scores"][j] > 0.3}
assert {"left_elbow", "left_wrist", "right_elbow", "right_wrist"} <= passing, (
    f"they pass the limit: {passing}"
)
assert not {"left_knee", "right_knee", "left_ankle", "right_ankle"} & passing, f"legs do not: {passing}"

low = {model.skeleton.joints[j] for j in np.argsort(person["scores"])[:6]}
assert {"left_ankle", "right_ankle"} <= low, f"absent ankles are believed least: {low}"
top = {model.skeleton.joints[j] for j in np.argsort(-person["scores"])[:4]}
assert top == {"head_top", "neck", "left_shoulder", "right_shoulder"}, f"what is seen is believed most: {top}"
