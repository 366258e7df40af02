"""What 06_decoding says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np
import torch

# part 1
assert [row[3] for row in argmax_rows().rows] == [3.5, 1.5, 0.0, 1.5, 55.4 - 51.5]
assert abs(worst_along_x(decode_argmax) - 4) < 0.05
assert abs(worst_along_x(decode_quarter) - 2) < 0.05
assert worst_along_x(decode_log_parabola) < 0.01
beliefs = [round(b, 2) for b in ideal_map(54.45, 49.3)[0, 0, 6, 5:8].tolist()]
assert beliefs == [0.51, 0.93, 0.85], f"the beliefs worked by hand are those of the map: {beliefs}"
assert f"{step:.2f} {STRIDE * step:.1f}" == "0.37 3.0"
for noise in (0.05, 0.1, 0.2):
    errors = decoder_errors(sigma_cells=SIGMA, noise=noise)
    best = min(errors.errors_px, key=errors.mean)
    assert best == "DARK", f"with noise {noise} DARK's blur pays on ideal maps, not {best}"
clean = decoder_errors(sigma_cells=SIGMA)
assert max(clean.mean("log-parabola"), clean.mean("DARK")) < 0.01
assert decoder_errors(sigma_cells=0.4).mean("soft-argmax") > 2, "a narrow Gaussian is a soft-argmax's failure"
own = decoder_errors(sigma_cells=SIGMA, decoders={"mine": my_decoder})
assert 0.5 < own.mean("mine") < clean.mean("argmax"), "the example decoder pulls toward the middle"

# part 2
assert np.isfinite(people().truth_px).all(-1).sum() == 669
medians = {name: judge(people(), decoder)[0] for name, decoder in decoders.items()}
assert min(medians, key=medians.get) == "log-parabola", medians
assert medians["log-parabola"] < medians["DARK"] - 0.5, medians
shares = {name: judge(people(), decoder)[1:] for name, decoder in decoders.items()}
spread = [max(s[k] for s in shares.values()) - min(s[k] for s in shares.values()) for k in (0, 1)]
assert spread[1] > 1.5 * spread[0], f"the choice matters more for PCK@0.1 than for PCK@0.2: {spread}"
by_blur = [judge(people(), decoder)[0] for decoder in blurs.values()]
assert by_blur == sorted(by_blur, reverse=True), f"the less blur, the better: {by_blur}"
pulled = {name: STRIDE * (d(beside) - joints).norm(dim=-1).mean().item() for name, d in tried.items()}
assert pulled["DARK, blur of 11"] > 2, f"a second peak pulls the blurred one over: {pulled}"
assert pulled["log-parabola"] < 0.5, pulled
moved = (decode_argmax(alone)[0] - decode_argmax(beside)[0]).abs().max()
assert moved <= 1, f"no decoder mistakes the second peak, four cells away, for the first: {moved}"

# part 3
one, unswapped, both = (pck_of_maps(people(), m) for m in (
    people().maps, (people().maps + people().maps_of_mirrored.flip(-1)) / 2, swapped))  # fmt: skip
assert f"{one:.1f}" == "72.5", one
assert 11 < one - unswapped < 14, f"falls by 12 points: {one} -> {unswapped}"
assert 1.5 < both - one < 2.6, f"two points: {one} -> {both}"
assert not model.flip_shift
head = [model.skeleton.index(name) for name in ("neck", "head_top")]
back = merge_flip(people().maps, people().maps_of_mirrored, range(14), shift=False)
assert torch.equal(back[:, head], swapped[:, head]), "the swap changes nothing for head and neck"
