"""How near each kernel comes to the memory's limit: CUDA events, B = 1024, every rung of the ladders.

Prints one JSON object: {"copy_GB_s": .., "rows": [{"kernel", "size", "ms", "spread", "GB_s", "of_copy"}, ..]}.
The bytes are those that must move (each map read or written once), so a kernel that moves more looks slower.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from cpm_edu.decoding import decode, merge_flip_decode
from cpm_edu.kernels.lab import Kernel
from cpm_edu.losses import stage_loss
from cpm_edu.targets import GaussianTargets, gaussian_targets

PEOPLE, JOINTS, STAGES, SIGMA = 1024, 17, 6, 2.0  # 147 to 214 MB of maps: more than any L2
SIZES = ((64, 48), (46, 46))
WARM_UP, REPEATS = 3, 15
LOG_PARABOLA = 3  # cpm::Method

Calls = Iterator[tuple[str, Callable, int]]  # name, what to time, bytes that it must move


def median_ms(run: Callable, busy: Tensor) -> tuple[float, float]:
    """Median and interquartile range.

    A large copy goes first each time: Python's launches queue up behind it, so that no gap between them is
    measured, and it flushes the L2.
    """
    times = []
    for i in range(WARM_UP + REPEATS):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        busy[0].copy_(busy[1])
        start.record()
        run()
        end.record()
        end.synchronize()
        if i >= WARM_UP:
            times.append(start.elapsed_time(end))
    low, middle, high = statistics.quantiles(times, n=4)
    return middle, high - low


class Scene:
    """Maps of `people` on a device, and every call that is timed on them. (On the CPU: to test this file.)"""

    def __init__(self, size: tuple[int, int], people: int, device: str):
        self.size, self.people, self.backend = size, people, "cuda" if device == "cuda" else "cpp"
        place = torch.rand(people, JOINTS, 2, device=device)
        self.centers = place * torch.tensor([size[1], size[0]], device=device)
        self.weights = torch.ones(people, JOINTS, device=device)
        self.maps = gaussian_targets(self.centers, size, SIGMA, backend=self.backend)
        self.stages = torch.rand(STAGES, *self.maps.shape, device=device, requires_grad=True)
        self.bytes = self.maps.numel() * 4  # one pass over the maps of all people

    def ops(self) -> Calls:
        """What is in use, through launchers.cu."""
        maps, backend, one = self.maps, self.backend, self.bytes
        mirrored, order = maps.flip(-1).contiguous(), list(range(JOINTS))
        last, half = maps.contiguous(memory_format=torch.channels_last), maps.bfloat16()
        targets = GaussianTargets(self.centers, self.weights, self.size, SIGMA)
        draw = partial(
            gaussian_targets, self.centers, self.size, SIGMA, weights=self.weights, backend=backend
        )
        yield "gaussian_targets", partial(draw, out=torch.empty_like(maps)), one
        yield "gaussian_targets, patch", partial(draw, patch_sigmas=3, out=torch.empty_like(maps)), one
        yield "gaussian_targets, bf16", partial(draw, out=torch.empty_like(half)), one // 2
        for method in ("argmax", "log_parabola", "dark"):
            yield f"decode {method}", partial(decode, maps, method, backend=backend), one
        yield "decode log_parabola, bf16", partial(decode, half, "log_parabola", backend=backend), one // 2
        yield (
            "decode log_parabola, channels last",
            partial(decode, last, "log_parabola", backend=backend),
            one,
        )
        merge = partial(merge_flip_decode, permutation=order, shift=True, backend=backend)
        yield "merge_flip_decode", partial(merge, maps, mirrored), 2 * one

        def train(stages):
            return torch.autograd.grad(stage_loss(stages, targets, backend=backend).sum(), stages)

        half_stages = self.stages.detach().bfloat16().requires_grad_()
        yield "stage_loss, 6 stages", partial(train, self.stages), 2 * STAGES * one
        yield "stage_loss, 6 stages, bf16", partial(train, half_stages), STAGES * one

    def rungs(self) -> Calls:
        """The rungs below those in use, by hand."""
        (H, W), num_maps, one = self.size, self.people * JOINTS, self.bytes
        centers, weights, maps = self.centers, self.weights, self.maps
        out, joints, scores = torch.empty_like(maps), torch.empty_like(centers), torch.empty_like(weights)
        shape, factors = (H, W, 0.5 / SIGMA**2, float("inf")), 4 * (H + W)

        run = launcher("targets.cuh", "gaussian_targets_v1_f32")
        counts = (self.people, JOINTS, JOINTS)
        yield "gaussian_targets v1", partial(run, -(-maps.numel() // 256), 256, 0, centers, weights, out, *counts, *shape), one  # fmt: skip
        run = launcher("targets.cuh", "gaussian_targets_v2_f32")
        yield "gaussian_targets v2", partial(run, num_maps, 256, factors, centers, weights, out, *shape), one

        read, how = (maps, *maps.stride(), joints, scores), (JOINTS, H, W, LOG_PARABOLA, None, 0)
        run = launcher("decoding.cuh", "decode_v1_f32")
        yield "decode v1", partial(run, -(-num_maps // 256), 256, 0, *read, num_maps, *how), one
        run = launcher("decoding.cuh", "decode_v2_f32")
        yield "decode v2", partial(run, num_maps, 256, 0, *read, *how), one

        stages, partials = self.stages.detach(), torch.empty(STAGES, num_maps, device=maps.device)
        read = (stages, torch.empty_like(stages), centers, weights, weights, 0, partials)
        run = launcher("stage_loss.cuh", "stage_loss_gaussian_v1_f32")
        threads = -(-STAGES * num_maps // 256)
        yield "stage_loss v1", partial(run, threads, 256, 0, *read, STAGES, num_maps, *shape, 1e-6), 2 * STAGES * one  # fmt: skip
        run = launcher("stage_loss.cuh", "stage_loss_gaussian_v2_f32")
        yield "stage_loss v2", partial(run, STAGES * num_maps, 256, factors, *read, num_maps, *shape, 1e-6), 2 * STAGES * one  # fmt: skip


def launcher(file: str, name: str) -> Callable:
    return Kernel(file, name).launch


def main() -> None:
    busy = torch.empty(2, 2**28, device="cuda")  # 1 GiB each
    copied, _ = median_ms(lambda: busy[0].copy_(busy[1]), busy)
    copy_speed = 2 * busy[0].numel() * 4 / copied / 1e6  # GB/s, bytes read and written
    rows = []
    for size in SIZES:
        scene = Scene(size, PEOPLE, "cuda")
        for name, run, moved in (*scene.ops(), *scene.rungs()):
            ms, spread = median_ms(run, busy)
            speed, shown = moved / ms / 1e6, f"{size[0]} x {size[1]}"
            row = {"kernel": name, "size": shown, "ms": ms, "spread": spread, "GB_s": speed}
            rows.append({**row, "of_copy": speed / copy_speed})
    print(json.dumps({"copy_GB_s": copy_speed, "people": PEOPLE, "rows": rows}))


if __name__ == "__main__":
    main()
