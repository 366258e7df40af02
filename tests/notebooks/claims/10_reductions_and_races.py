"""What notebook 10 says of its own numbers."""

assert set(by_order(naive, 64).values()) == {64.0}, "the lost update is right in the emulator, in any order"
assert answers["reverse"] == 64 and answers["forward"] != 64 and answers["random"] != 64, answers
assert set(by_order(Kernel(FIXED), 64).values()) == {64.0}
assert answers["forward"] == 7, f"its own 1 and six more: {answers}"
assert [f.kind for f in Kernel(TREE).trace(1, 64, 0, x[0, :64], out).faults] == ["warp-race"]
assert [f.kind for f in Kernel(TREE).trace(1, 128, 0, x[0, :128], out).faults] == ["shared-race"], (
    "warps race as well"
)
told = Kernel(TREE).trace(1, 8, 0, torch.ones(8), out).accesses
word = told[(told["index"] == 2 * 4) & (told["epoch"] == 1)]  # s[2], after the barrier
assert {(int(one["thread"]), bool(one["is_write"])) for one in word} >= {(0, False), (2, True)}, (
    "the dashed line"
)
assert wrong.faults[0].kind in ("divergent-barrier", "barrier-after-exit")

by_name = {row[0]: row[1:] for row in rows}
assert by_name["nearest neighbours first"] == [2, 4, 8, 8, 8, 4, 2, 1], by_name
assert set(by_name["farthest first"]) == {1}, by_name

sums = {row[0]: row[1:] for row in compared}
assert {row[0] for row in sums.values()} == {32640}, sums
assert {row[-1] for row in sums.values()} == {0}, "no fault in any of the three"
assert sums["shuffles"][1] == 1 and sums["farthest first"][1] == 8, "barriers"
assert sums["nearest first"][3] > 3 * sums["farthest first"][3], "bank turns"
assert half_warp.faults[0].kind == "shuffle-from-absent-lane"

by_version = {row[0]: row[1:] for row in decoded}
assert all(row[0] for row in by_version.values()), "all three decode like plain torch"
assert (by_version["v1"][2], by_version["v2"][2], by_version["v3"][2]) == (5600, 700, 700), by_version
assert by_version["v3"][1] < by_version["v2"][1] and by_version["v3"][3] == 0, by_version

far = reached["11 x 11 convolution"][0]
assert 750 < far < 850, f"about 800 operations a byte: {far}"
assert abs(work["11 x 11 convolution"][0] / 8.4e9 - 1) < 0.01
assert abs(work["11 x 11 convolution"][1] / 10.6e6 - 1) < 0.01, work["11 x 11 convolution"][1]
ridge = arithmetic / reading
assert all(reached[n][0] < ridge for n in ("Gaussian targets", "argmax", "stage loss")), f"left of {ridge}"
assert far > 10 * ridge

assert share < 3, f"targets and loss are a small share of a step: {share} %"
