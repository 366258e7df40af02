"""What 11_published_results_and_your_own_data says of its own numbers. Runs in its kernel after its last cell."""

import numpy as np

from cpm_edu.figures.start_here import influence_box
from cpm_edu.receptive_field import effective_receptive_field
from cpm_edu.targets import center_map
from cpm_edu.training.batches import crop_loader

assert set(wrong) == {"Elb PCK", "Mean tPCK"}, wrong
assert (by_box, by_torso) == (89.8, 65.7)
assert len(birds) == 160
assert birds.skeleton.flip_pairs == ((1, 2),)
assert len(losses) == 144, "144 steps"
assert 70 <= by_stage[0] <= 92, f"stage 1 is close to 80: {by_stage}"
assert max(by_stage[1:]) >= 92, f"a later stage finds nearly all: {by_stage}"
assert max(by_stage[1:]) >= by_stage[0] + 5, f"later stages overtake: {by_stage}"
first = results[0.2][0].fractions
assert min(first[0], first[3], first[4]) > max(first[1], first[2]), f"stage 1 misses wings: {first}"
perfect_center, perfect_msra = rows[-2], rows[-1]
assert perfect_center[1:] == [100, 100, 100], perfect_center
assert perfect_msra[-1] < 80, f"rounded targets cap the strict threshold: {perfect_msra}"
assert bird["joints"][1, 0] > bird["joints"][2, 0], "flying down, its left wing is on our right"

# the left wing's map over the bird that flies down: both tips in stage 1, one from stage 2 on
tips = np.clip(np.round((bird["joints_px"][1:3] - 3.5) / 8), 0, 9).astype(int)
at_tips = [
    [m[1, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max() for x, y in tips] for m in bird["belief_maps"]
]
assert at_tips[0][1] > 0.25 * at_tips[0][0], f"stage 1 paints both tips: {at_tips}"
assert at_tips[0][1] < at_tips[0][0], f"the wrong one more faintly: {at_tips}"
assert at_tips[1][1] < 0.2 * at_tips[1][0], f"stage 2 keeps one: {at_tips}"

# half of what a stage listens to at a wing tip
batch = next(iter(crop_loader(held_out, model, batch_size=8)))
images, centers = model.preprocess(batch.images), center_map(batch.center_px, (80, 80))
model.eval()


def half_square(stage, n, joint=1):
    """Side in pixels of the square around a wing tip that holds half of the gradient; as in notebook 03."""
    x, y = (int(v) for v in np.clip(batch.joints_px[n, 0, joint].numpy() // 8, 0, 9))
    footprint = effective_receptive_field(
        lambda crop: model(crop, centers[n : n + 1])[: stage + 1], (3, 80, 80), (x, y), channel=joint,
        num_inputs=1, draw=lambda shape, generator: images[n : n + 1],
    )  # fmt: skip
    left, _, right, _ = influence_box(footprint, (8 * x + 3.5, 8 * y + 3.5), 0.5)
    return right - left + 1


squares = [np.median([half_square(stage, n) for n in range(8)]) for stage in (0, 1)]
assert 22 <= squares[0] <= 38, f"about 30 px: {squares}"
assert 40 <= squares[1] <= 60, f"about 50 px: {squares}"
assert squares[0] < 0.5 * np.median(lengths), f"less than half a bird: {squares}, {np.median(lengths)}"

assert nobody["scores"].mean() < bird["scores"].mean(), "the peaks are lower on what is no bird"
