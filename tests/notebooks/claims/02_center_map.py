"""What 02_center_map says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np

assert ours[:2].tolist() == [3.5, 11.5] and papers[:2].tolist() == [4.0, 12.0], "8c + 3.5 and 8c + 4"
assert papers[-1] == 363.5, "the last cell of a 9/8 pool"
assert model.refinements[0][0][0].weight.shape[1] == 48, "32 + 15 + 1 channels"

(a_right, b_right), peak_right, _ = found["on A"]
assert 60 <= a_right[-1] <= 72, f"about two thirds of A's joints: {a_right}"
assert b_right[-1] <= 5, f"and next to none of B's: {b_right}"
(a_wrong, b_wrong), _, nearer_a = found["on B"]
assert a_wrong[-1] <= 18, f"a wrong center finds few of A's joints: {a_wrong}"
assert b_wrong[-1] >= 35, f"but the pose of B: {b_wrong}"
assert (nearer_a >= 12).sum() == 4, f"four scenes in which it answers for A all the same: {nearer_a}"
stubborn = [s for s, near in zip(range(SCENES), nearer_a, strict=True) if near >= 12]
rest = [s for s in range(SCENES) if s not in stubborn]
wrong = crop_joints(model, crop_beliefs(model, crops, torch.as_tensor(middles[1], dtype=torch.float32)))[0][
    -1
].numpy()
torso = np.array([np.hypot(*(s.joints_px[0, 9] - s.joints_px[0, 2])) for s in scenes])
hits = [
    np.linalg.norm(wrong[s] - scenes[s].joints_px[0], axis=-1)[scenes[s].inside[0]] <= 0.2 * torso[s]
    for s in range(SCENES)
]
assert sum(hits[s].sum() for s in stubborn) > sum(hits[s].sum() for s in rest), "most of the hits are theirs"
assert all(np.array_equal(f[0][:, 0], found["on A"][0][:, 0]) for f in found.values()), (
    "stage 1 never changes"
)
nowhere = found["nowhere"][0][0]
assert (np.diff(nowhere) < 0).all() and nowhere[-1] < 5, f"with no center each stage is worse: {nowhere}"
assert abs(peak_right - 0.64) < 0.01, f"peaks of stage 4 with the right center: {peak_right}"
assert 0.15 <= 1 - found["halfway"][1] / peak_right <= 0.25, "halfway the peaks sink by a fifth"
halfway = found["halfway"][2]
assert ((halfway >= 12) | (halfway <= 2)).sum() == 27, f"halfway 27 of 40 scenes are decided: {halfway}"
assert walk[2][0][0, -1] > a_right[-1] - 8, (
    f"almost half of the way changes little: {[w[0][0, -1] for w in walk]}"
)

assert in_left_half["left"][1:] == [14, 14, 14] and in_left_half["right"][1:] == [0, 0, 0], in_left_half
assert in_left_half["left"][0] == in_left_half["right"][0] == 0, "stage 1 is drawn to the astronaut"

grey, other, mean = list(told.values())[1:]
assert grey < 10, f"a center without a picture: {told}"
assert other < 15, f"a center with somebody else's picture: {told}"
assert 12 <= mean <= 25, f"the mean pose finds about one joint in five: {told}"
assert abs(jittered[1] - jittered[0]) < 1.0, f"half a pixel does not matter: {jittered}"
assert abs(jittered[3] - jittered[0]) < 1.0 and jittered[-1] < jittered[0] - 7, (
    f"16 px do not, 32 px do: {jittered}"
)
torso_px = np.mean([np.hypot(*(s.joints_px[0, 9] - s.joints_px[0, 2])) for s in scenes])
apart_px = np.median(np.linalg.norm(middles[0] - middles[1], axis=-1))
assert abs(torso_px - 38) < 3 and abs(apart_px - 48) < 5, (torso_px, apart_px)

figure.set(center=(5.0, 15.0))
assert "mean peak 0.00" in figure.status, f"with the center in the sky the peaks go out: {figure.status}"
