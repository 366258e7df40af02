"""What 05_intermediate_supervision says of its own numbers. Runs in its kernel after its last cell."""

import math

# part 1
assert [round(v, 4) for v in losses.tolist()] == [0.07, 0.0]
a_stage = 0.01**5 * (math.sqrt(64) * math.sqrt(64) * (11 * math.sqrt(64)) ** 2 * 11 * math.sqrt(15))
assert round(a_stage, 3) == 0.002
powers = math.log10(last_only["stage 6"] / last_only["stage 1"])
assert 13 < powers < 16, f"about three powers of ten a stage: {powers:.1f} over five"
by_part = at_start.by_part(ALL)
assert max(by_part.values()) < 100 * min(by_part.values()), f"with every loss the bars are level: {by_part}"
assert last_only["image features"] > 0.05 * last_only["stage 6"], "the image features never starve"
first_only = at_start.by_part((True, False, False))
assert [first_only[f"stage {t}"] for t in range(2, 7)] == [0.0] * 5, "no loss lies behind the later stages"

# part 2
assert abs(ratio[-1] - 1) < 1e-6, "the other losses do not touch the last layer"
assert ratio[0] > 1e13
staircase, he, batch_norm = (line[-1] for line in lines)
assert staircase > 1e11
assert max(he, batch_norm) < 100, f"less than two powers of ten: {he:.0f}, {batch_norm:.0f}"

# part 3
assert after["stage 3"] > 1000 * after["stage 1"], "it does not heal in 30 steps"
start = record.by_part(LAST, moment=0)
assert abs(math.log10(start["stage 3"] / start["stage 1"]) - 5.1) < 0.2, (
    "before the first step it was 5.1 too"
)
alone, together = record.losses[LAST], record.losses[ALL]
assert abs(alone[-1, 0] / alone[0, 0] - 1) < 0.05, "stage 1's loss stays where it was"
assert alone[-1, 2] < 0.8 * alone[0, 2], "while stage 3's falls"
assert alone[-1, 2] < 1.1 * together[-1, 2], "the last stage does not learn worse alone"
every, last = scores["a loss on every stage"], scores["a loss on the last stage only"]
assert max(last[:2]) < 15 < min(every[:2]), f"early stages without a loss are useless: {last} against {every}"
assert abs(every[2] - last[2]) <= 15, f"the last stage does about as well either way: {every[2]}, {last[2]}"
