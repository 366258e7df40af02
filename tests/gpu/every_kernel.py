"""Launches each kernel of csrc/ on the device, for compute-sanitizer, ncu and the comparison with the emulator.

python every_kernel.py compare            every kernel and size: device against emulator; names what differs
python every_kernel.py run                every kernel at an awkward size, results not looked at (sanitizer)
python every_kernel.py count              the first launch of each at 46 x 46, and nothing else (ncu)
python every_kernel.py predict FILE.json  what the emulator's microscope predicts for `count` (needs no GPU)
python every_kernel.py large              each op once at B = 512, for its bytes (ncu)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_microscope_kernels import KERNELS, SIZES, kernel, launches

COUNTED_SIZE = (46, 46)
PEOPLE, JOINTS, STAGES, LARGE_SIZE = 512, 17, 6, (64, 48)


def on_device(arguments, device: str = "cuda") -> list:
    return [a.clone().to(device) if isinstance(a, Tensor) else a for a in arguments]


def compare(device: str = "cuda", sizes=SIZES) -> int:
    """Outputs of the device and of the emulator, for the same launch on the same numbers."""
    differing = done = 0
    for file, name in KERNELS:
        one = kernel(file, name)
        for size in sizes:
            for number, (grid, block, shared, *arguments) in enumerate(launches(name, size)):
                moved = on_device(arguments, device)
                one.launch(grid, block, shared, *moved)
                one.launch(grid, block, shared, *arguments)
                done += 1
                worst = max(
                    difference(mine.cpu(), theirs)
                    for mine, theirs in zip(moved, arguments, strict=True)
                    if isinstance(theirs, Tensor)
                )
                # expf, logf and fused products round differently on the device; DARK divides by small numbers
                limit = 1e-3 if "decode" in name else 1e-2 if name.endswith("bf16") else 2e-5
                if not worst <= limit:
                    differing += 1
                    print(f"DIFFERS {name} size {size} launch {number}: {worst:.3g} > {limit:g}")
    print(f"{done} launches of {len(KERNELS)} kernels, {differing} differ")
    return int(differing > 0)


def difference(a: Tensor, b: Tensor) -> float:
    """Largest |a - b| relative to max(1, |b|); infinite where only one is NaN or infinite."""
    a, b = a.double(), b.double()
    same = (a == b) | (a.isnan() & b.isnan())
    gap = torch.where(same, 0.0, (a - b).abs() / b.abs().clamp(min=1)).nan_to_num(nan=torch.inf)
    return float(gap.max()) if gap.numel() else 0.0


def run() -> int:
    for file, name in KERNELS:
        for size in ((17, 33), (5, 3)):
            for grid, block, shared, *arguments in launches(name, size):
                kernel(file, name).launch(grid, block, shared, *on_device(arguments))
        torch.cuda.synchronize()
    print(f"{len(KERNELS)} kernels ran")
    return 0


def count() -> int:
    for file, name in KERNELS:
        grid, block, shared, *arguments = next(iter(launches(name, COUNTED_SIZE)))
        kernel(file, name).launch(grid, block, shared, *on_device(arguments))
    torch.cuda.synchronize()
    return 0


def predict(path: str) -> int:
    predictions = {}
    for file, name in KERNELS:
        grid, block, shared, *arguments = next(iter(launches(name, COUNTED_SIZE)))
        trace = kernel(file, name).trace(grid, block, shared, *arguments)
        totals = {"load sectors": 0.0, "store sectors": 0.0, "bank conflicts": 0.0}
        for line in trace.lines():
            if line.space == "global":
                totals[f"{line.action} sectors"] += line.requests * line.cost
            else:
                totals["bank conflicts"] += line.requests * (line.cost - line.ideal)
        predictions[name] = totals
    Path(path).write_text(json.dumps(predictions, indent=1))
    return 0


def large(people: int = PEOPLE, device: str = "cuda") -> int:
    """Each op once through launchers.cu, as users run them. (On the CPU: to test this function.)"""
    from cpm_edu.decoding import decode, merge_flip_decode
    from cpm_edu.losses import stage_loss
    from cpm_edu.targets import GaussianTargets

    backend, (height, width) = "cuda" if device == "cuda" else "cpp", LARGE_SIZE
    place = torch.rand(people, JOINTS, 2, device=device)
    centers = place * torch.tensor([width, height], device=device)
    targets = GaussianTargets(centers, torch.ones(people, JOINTS, device=device), LARGE_SIZE, 2.0)
    maps = targets.draw(backend=backend)
    decode(maps, "log_parabola", backend=backend)
    merge_flip_decode(maps, maps.clone(), range(JOINTS), shift=True, backend=backend)
    stages = torch.rand(STAGES, *maps.shape, device=device, requires_grad=True)
    stage_loss(stages, targets, backend=backend).sum().backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return 0


if __name__ == "__main__":
    modes = {"compare": compare, "run": run, "count": count, "predict": predict, "large": large}
    sys.exit(modes[sys.argv[1]](*sys.argv[2:]))
