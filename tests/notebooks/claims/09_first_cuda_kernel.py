"""What notebook 09 says of its own numbers."""

from cpm_edu.figures.interactive.specimens import EXAMPLES

assert (out - wanted).abs().max() <= 1e-6, "the first kernel draws the library's map"
blocks, threads = kernel.trace(7, 64, 0, out, H, W, X0, Y0, SIGMA).owners("out")
[cell] = ((blocks == 3) & (threads == 5)).nonzero()[0]
assert divmod(int(cell), 20) == (9, 17), "thread 5 of block 3: row 9, column 17"
assert found.faults[0].count == 48, "48 threads are left over"
assert found.faults[0].kind == "out-of-bounds-write"


for name, source in (("along the rows", ALONG), ("down the columns", DOWN), ("a thread a row", ROW)):
    assert source.strip() == EXAMPLES[name].source, f"{name}: recorded, so that the figure needs no compiler"

by_name = {row[0]: row[1:] for row in rows}
along, down, alone = (by_name[n] for n in ("along the rows", "down the columns", "a thread a row"))
assert 3.5 < along[0] < 4 and 3.5 < along[1] < 4, f"not quite 4 along the rows: {along}"
assert down[0] > 20 and 30 < down[1] < 32, f"not quite 32 down the columns: {down}"
assert alone[0] == 20, f"20 lanes, each in another row: {alone}"
assert alone[1] < down[1], f"a thread a row looks cheaper: {alone}, {down}"
assert alone[2] == down[2] == 46 * 46, f"but is a sector a cell, no better: {alone}, {down}"

twenty, sixty_four = squares.values()
cost = {
    (n, block): sum(s.requests * s.cost for s in specimen.trace(block)[0].lines())
    for n, specimen in ((20, twenty), (64, sixty_four))
    for block in ((8, 8), (32, 2), (2, 32))
}
for n in (20, 64):
    assert cost[n, (32, 2)] <= cost[n, (8, 8)], cost
    assert cost[n, (2, 32)] > cost[n, (8, 8)], cost
assert cost[64, (8, 8)] == 4 * 64 * 64 / 32, "on 64 columns: 4 rows, 4 sectors"

assert moved["down the columns"] / moved["along the rows"] == 8, moved
times_as_long = ms["down the columns"] / ms["along the rows"]
assert 0.25 < times_as_long < 4, f"the emulator's clock does not see 8 times as many sectors: {ms}"
assert min(ms, key=ms.get) == "plain torch, one core", f"it beats the emulator by far: {ms}"
assert int(((trace.owners("out")[0] == 3) & (trace.owners("out")[1] == 5)).nonzero()[0][0]) == 197, (
    "a question answered after the last cell still has its own trace"
)

assert all(row[-1] for row in ladder), "v1, v2 and v3 draw the library's map without a fault"
assert [row[3] for row in ladder] == [50, 50, 50], ladder
assert [row[2] for row in ladder] == sorted((row[2] for row in ladder), reverse=True), ladder

answer = Kernel(mirror._source.text.replace("= x[row * W + column]", "= x[row * W + W - 1 - column]"))
looked = answer.trace(7, 64, 0, x, mirrored, 20, 20)
assert torch.equal(mirrored, x.flip(1)), "the fold's answer mirrors"
load, store = (s.cost for s in looked.lines())
assert abs(load - 5.4) < 0.05, f"the fold says 5.4 sectors a load: {load}"
assert abs(store - 3.8) < 0.06, f"and 3.8 before: {store}"
