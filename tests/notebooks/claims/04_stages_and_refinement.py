"""What 04_stages_and_refinement says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np
import torch

assert first.numel() == second.numel() == 48 * 48 * 7 * 7, "weights of a stage's first layer"
assert not torch.equal(first, second), "stages have weights of their own"
assert reads == ["48 x 20 x 20"] * 3, f"the same cells for every stage: {reads}"
assert shared_pck[:2] == own_pck[:2], "stage 2 has the same weights in both"
assert all(0 < own_pck[t] - shared_pck[t] < 5 for t in (2, 3)), f"a little worse: {own_pck} {shared_pck}"

woman = refinement(model)
for joint, left_peak in (("wrist", "81 px"), ("elbow", "59 px"), ("knee", "46 px"), ("ankle", "72 px")):
    woman.set(joint=joint, stage=1)
    assert f"peak is {left_peak} from its joint. Right" in woman.status, (
        f"stage 1 mistakes the left {joint}: {woman.status}"
    )
    if joint in ("knee", "ankle"):
        assert woman.status.endswith(("is 3 px from its joint.", "is 5 px from its joint.")), (
            "both on the right leg"
        )
    woman.set(stage=4)
    assert all(f"is {d} px from its joint. Right" not in woman.status for d in (46, 59, 72, 81)), woman.status

as_said, by_image = pck_by_stage(joints), pck_by_stage(named_by_the_image(joints))
assert as_said[-1] - by_image[-1] > 15, f"far worse when named by the image: {as_said} {by_image}"
assert 25 <= 100 * left_is_left.mean() <= 55, "neither rule holds for everybody"
assert share[0] > share[-1] > 25, f"later stages mend some of the exchanges, not most: {share}"
assert as_said[-1] > as_said[0] + 5, f"PCK rises over the stages: {as_said}"
if (data_root() / "lsp").is_dir():
    exchanges, scores = (np.array(on_lsp[name]) for name in ("exchanged", "PCK@0.2"))
    assert (np.diff(exchanges) < 0).all() and exchanges[-1] < exchanges[0] - 8, exchanges
    assert scores[-1] > scores[0] + 10, scores

assert abs(float(sharpness(hand)["spread, cells"]) - np.sqrt(4.5)) < 1e-3
for who, numbers in measured.items():
    assert numbers["rivals"][-1] < numbers["rivals"][0], f"rivals go: {who} {numbers}"
    assert numbers["spread, cells"][-1] < numbers["spread, cells"][0], f"the spread shrinks: {who} {numbers}"
    change = np.abs(np.diff(numbers["spread, cells"]))
    assert change[0] == change.max(), f"most of it between stages 1 and 2: {who}"
assert measured["photographer"]["peak"][-1] < measured["photographer"]["peak"][0], "sharper is not surer"

table = {tuple(row[:2]): row[2:] for row in rows}
knee = table["left knee", "16 x 16 px"]
assert 6 <= knee[0] <= 16 and knee[-1] > 2 * knee[0], f"a hidden knee: one in nine at stage 1: {knee}"
for joint in ("left knee", "left elbow"):
    assert table[joint, "28 x 28 px"][-1] < 10, f"under the large square the {joint} is as good as lost"

assert next(iter(informants["left_wrist"])) == next(iter(informants["left_ankle"])) == "background"
background = model.joint_maps(beliefs).shape[2]
assert beliefs[2][:, :background].mean() < 0.1 and beliefs[2][:, background].mean() > 0.7, (
    "nearly 0, nearly 1"
)
assert "left elbow" in list(informants["left_wrist"])[:4], informants["left_wrist"]
assert {"left knee", "right ankle"} <= set(list(informants["left_ankle"])[:5]), informants["left_ankle"]
