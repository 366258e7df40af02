"""What 07_metrics says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np

from cpm_edu.metrics import pck
from cpm_edu.skeletons import LSP

assert abs(by_torso - 72.3) < 2, by_torso
by_box, by_head = (
    100 * my_pck(people.pred_px, people.truth_px, people.lengths[n], 0.2) for n in ("box", "head")
)
assert 90 <= by_box <= 94, f"from 56 to 92: {by_box}"
assert 54 <= by_head <= 58, f"from 56 to 92: {by_head}"
half_head = 100 * my_pck(people.pred_px, people.truth_px, people.lengths["head"], 0.5)
assert abs(half_head - by_torso - 9.5) < 1.5, (
    f"half a head and 0.2 torsos lie 9.5 points apart: {half_head}, {by_torso}"
)
ratio = np.median(people.lengths["box"] / people.lengths["torso"])
assert 2.7 <= ratio <= 3.6, f"a box is about three torsos high: {ratio}"
circles = people.lengths["torso"][12:15]
assert 1.4 <= circles[2] / circles[0] <= 1.6, f"the third has circles half as large again: {circles}"
assert circles[2] / circles[1] >= 1.4, f"and so beside the second: {circles}"
shares = pck(people.pred_px, people.truth_px, normalizer=torso, threshold=0.2, comparison="<=").fractions
ends = [j for j, name in enumerate(LSP.joints) if name.endswith(("wrist", "elbow", "ankle"))]
assert shares[ends].mean() < np.delete(shares, ends).mean() - 0.1, "wrists, elbows and ankles are found least"
assert head_size == 18, head_size
assert measured == RECORDED, "what was computed is what was recorded"
if here:
    pred = load_mat(FOLDER / "LSP_prediction_model_LSP_6s.mat")["prediction_all"].transpose(2, 0, 1)
    true = load_mat(FOLDER / "lsp_small_joints.mat")["joints"][:2, :, 1000:].transpose(2, 1, 0)
    torsos, flip = torso_sizes(true, LSP), list(LSP.flip_permutation)
    assert 47 < np.median(torsos) < 49, f"the median torso has 48 px: {np.median(torsos)}"
    hit, other = (np.linalg.norm(p - true, axis=-1) <= 0.2 * torsos[:, None] for p in (pred, pred[:, flip]))
    sided, partner = np.array(flip) != np.arange(14), hit[:, flip]
    parts = [100 * m.mean() for m in (other & ~sided, other & sided & partner, other & sided & ~partner)]
    assert np.allclose(parts, (14, 10, 8), atol=0.5), f"14 points, about 10, the other 8: {parts}"
assert measured["LSP"]["box, 0.2"] > measured["MPII_LSP"]["torso, 0.2"], "the weaker network by the box wins"
assert abs(measured["LSP"]["half the head"] - measured["LSP"]["torso, 0.2"]) < 1, "nearly the same here"
assert measured["LSP"]["torso, 0.1"] - measured["LSP"]["1 px off, 0.1"] > 2, "one pixel, more than two points"
assert abs(my_similarity(5.0, 10_000, 0.025) - 0.607) < 1e-3
assert abs(my_similarity(5.0, 10_000, 0.107) - library) < 1e-9
assert oks(swapped[None], twenty.truth_px[None], areas=[twenty.area])[0] < 0.3, "below 0.3"
assert 0.62 < average_precision(by_hand)[0] < 0.63
assert (round(aps[0.5], 2), round(aps[0.95], 2)) == (0.89, 0.07), aps
assert (
    similarity[0]
    - joint_similarities(twenty.pred_px[:1], twenty.truth_px[None], areas=[twenty.area])[
        0, COCO.index("left_wrist")
    ]
    / 17
    > 0.89
), "OKS stays over 0.89 without the wrist"
assert abs(np.mean(list(aps.values())) - pycocotools_ap(twenty, twenty.pred_px)) < 1e-9, (
    "ours is pycocotools' AP"
)
