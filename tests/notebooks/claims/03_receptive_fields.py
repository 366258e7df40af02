"""What 03_receptive_fields says of its own numbers. Runs in its kernel after its last cell."""

# part 1
assert list(fields(stage_1)) == [9, 10, 26, 28, 60, 64, 96, 160, 160, 160]
assert trace(paper_stage_1(pool_kernel=3))[-1].size_px == 167
assert [row[1:3] for row in rows] == [[160 + 240 * t, 167 + 240 * t] for t in range(6)]

# part 2
assert torch.equal(before[0], after[0]), "stage 1 cannot know of noise outside its field"
assert min(float((a - b).abs().max()) for a, b in zip(after[1:], before[1:], strict=True)) > 1e-5
assert 0 < largest[1][0] < 0.05 * float(before[0].abs().max()), "the edge of the field matters, a little"
assert round(100 * (1 - (95 / 160) ** 2)) == 65

# part 3 and 4
theory, sides = zip(*trained, strict=True)
assert theory == (150, 294, 438, 582)
assert sides[-1] < 0.4 * theory[-1], f"a cell listens to a fraction of what it can see: {sides}"
assert sides[-1] < 1.2 * sides[1], f"stages 3 and 4 listen hardly farther than stage 2: {sides}"
assert sides[0] > 2 * untrained[0][1], f"training lets stage 1 listen farther: {untrained[0]}, {trained[0]}"

near, middle, whole = windows.values()
assert middle[0][0] >= 0.95 * whole[0][0], "100 px give stage 1 all of its belief"
assert whole[1][-1] > near[1][-1], "the last stage tells left from right by what is far"
assert 0.35 < near[1][0] < 0.65, "stage 1 guesses through a window"
