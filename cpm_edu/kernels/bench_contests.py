"""The contests of `cpm-edu bench`: for every op the compiled one, the best that a torch user would write, the same
under torch.compile, and the peers; all on the same data, with a floor that only touches the memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import decoding_reference
from ..decoding import decode, decode_reference, merge_flip_decode, merge_flip_decode_reference
from ..losses import stage_loss, stage_loss_reference
from ..targets import PATCH_SIGMAS, GaussianTargets, gaussian_targets, gaussian_targets_reference
from .bench import Contest, Contestant, Limit
from .bench_peers import decode_peers, numpy_argmax, numpy_dark, target_peers

__all__ = ["LIMITS", "OPS", "make_contest"]

JOINTS = 17
STAGES = 6
SIGMA_CELLS = 2.0
NOISE = 0.02  # of the maps to decode, so that no map is a perfect Gaussian
SEED = 0

LIMITS = [
    Limit("gaussian_targets", ("torch separable",), at_least=3.0),
    Limit("gaussian_targets", ("torch.compile",), at_least=1.3),
    Limit("gaussian_targets", ("zero_",), at_most=2.0),
    Limit("decode_log_parabola", ("numpy argmax",), at_most=1.5),
    Limit("decode_log_parabola", ("torch max",), at_least=5.0),
    Limit("decode_dark", ("mmpose", "numpy DARK"), at_least=50.0),
    Limit("stage_loss", ("6 x F.mse_loss",), at_least=2.0),
    *(
        Limit(op, against, at_least=bound, device="cuda")
        for op in ("gaussian_targets", "decode_log_parabola", "merge_flip_decode", "stage_loss")
        for against, bound in ((("memory",), 0.8), (("torch.compile",), 0.95))
    ),
]


class Workload:
    """What all contests of one size share: N people with J joints on the map, and their maps."""

    def __init__(self, people: int, size: tuple[int, int], device: torch.device) -> None:
        generator = torch.Generator().manual_seed(SEED)
        height, width = size
        extent = torch.tensor([width - 1.0, height - 1.0])
        centers = torch.rand(people, JOINTS, 2, generator=generator) * extent
        noise = NOISE * torch.rand(people, JOINTS, height, width, generator=generator)
        self.size, self.device, self.people = size, device, people
        self.backend = "cuda" if device.type == "cuda" else "cpp"
        self.centers = centers.to(device)
        self.maps = gaussian_targets_reference(self.centers, size, SIGMA_CELLS) + noise.to(device)
        self.bytes = self.maps.numel() * self.maps.element_size()

    def compiled(self, name: str, function: Callable, *arguments) -> Contestant:
        """The function under torch.compile, with fixed shapes."""
        torch._dynamo.reset()  # else the third size of a function counts as one too many
        program = torch.compile(function, dynamic=False)
        return Contestant(name, lambda: program(*arguments))

    def floor(self, name: str, touch: Callable[[], object], moved_bytes: int) -> dict:
        """The fields of a contest that say what memory alone would take."""
        if self.device.type == "cuda":
            copied = torch.empty_like(self.maps)
            name, touch, floor_bytes = "copy_", lambda: copied.copy_(self.maps), 2 * self.bytes
        else:
            floor_bytes = moved_bytes
        return {
            "floor": Contestant(name, touch, note="memory alone"),
            "moved_bytes": moved_bytes,
            "floor_bytes": floor_bytes,
        }


def make_contest(op: str, work: Workload, *, compile: bool) -> Contest:
    """The contest of one of `OPS`."""
    contest = OPS[op](op, work)
    if not compile:
        contest.others = [c for c in contest.others if c.name != "torch.compile"]
    return contest


def _whole(result: Tensor) -> tuple[Tensor, ...]:
    return (result,)


def separable_targets(
    centers: Tensor, size: tuple[int, int], sigma: float, reach: float, out: Tensor
) -> Tensor:
    """What a careful torch user writes: an exp a row and a column, one product a cell, no checks."""
    height, width = size
    dx = torch.arange(width, dtype=centers.dtype, device=centers.device) - centers[..., 0, None]
    dy = torch.arange(height, dtype=centers.dtype, device=centers.device) - centers[..., 1, None]
    along_x = torch.exp(dx.square() * (-0.5 / sigma**2)) * (dx.abs() <= reach)
    along_y = torch.exp(dy.square() * (-0.5 / sigma**2)) * (dy.abs() <= reach)
    return torch.mul(along_y[..., :, None], along_x[..., None, :], out=out)


def _targets(op: str, work: Workload) -> Contest:
    reach = PATCH_SIGMAS * SIGMA_CELLS
    expected = gaussian_targets_reference(work.centers, work.size, SIGMA_CELLS, patch_sigmas=PATCH_SIGMAS)
    out = torch.empty_like(expected)  # one for all: four of them do not fit a cache that one fits
    options = {"patch_sigmas": PATCH_SIGMAS, "out": out, "backend": work.backend}
    arguments = (work.centers, work.size, SIGMA_CELLS, reach)
    compiled = work.compiled("torch.compile", separable_targets, *arguments, out)
    compiled.answer = _whole
    return Contest(
        op, work.size,
        Contestant(work.backend, lambda: gaussian_targets(work.centers, work.size, SIGMA_CELLS, **options), _whole),
        [
            Contestant("torch separable", lambda: separable_targets(*arguments, out), _whole),
            compiled,
            *target_peers(work.centers, work.size, SIGMA_CELLS),
        ],
        (expected,), 1e-5, **work.floor("zero_", out.zero_, work.bytes),
    )  # fmt: skip


def max_decode(maps: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """torch's own max, which knows no rule for NaN and ties, then the same step below one cell."""
    width = maps.shape[-1]
    scores, index = maps.flatten(-2).max(-1)
    x, y = index % width, index // width
    if method == "argmax":
        return torch.stack([x, y], -1).float(), scores
    return decoding_reference._log_parabola(maps, x, y, scores), scores


def _decode(method: str) -> Callable[[str, Workload], Contest]:
    def contest(op: str, work: Workload) -> Contest:
        maps, plain = work.maps, method == "dark"
        arguments = (decode_reference if plain else max_decode, maps, method)
        compiled = work.compiled("torch.compile", *arguments)
        compiled.answer = tuple
        others = [Contestant("plain torch", lambda: decode_reference(maps, method), tuple), compiled]
        if plain:
            others.append(numpy_dark(maps))
        else:
            others += [Contestant("torch max", lambda: max_decode(maps, method), tuple), numpy_argmax(maps)]
        if work.device.type == "cuda":
            joints = decode(maps, method, backend=work.backend)[0]
            note = "transfer, what a decoder on the CPU waits for"
            others += [
                Contestant("maps to the CPU", maps.cpu, note=note),
                Contestant("joints to the CPU", joints.cpu, note="transfer"),
            ]
        return Contest(
            op, work.size,
            Contestant(work.backend, lambda: decode(maps, method, backend=work.backend), tuple),
            others + decode_peers(maps, method), decode_reference(maps, method),
            1e-3, **work.floor("sum", maps.sum, work.bytes),
        )  # fmt: skip

    return contest


def _merge(op: str, work: Workload) -> Contest:
    maps, mirrored = work.maps, work.maps.flip(-1).roll(1, 1).contiguous()
    permutation = [*range(1, JOINTS), 0]
    arguments = (maps, mirrored, permutation)

    def reference() -> tuple[Tensor, Tensor]:
        return merge_flip_decode_reference(*arguments, shift=True, method="log_parabola")

    def ours() -> tuple[Tensor, Tensor]:
        return merge_flip_decode(*arguments, shift=True, method="log_parabola", backend=work.backend)

    compiled = work.compiled("torch.compile", reference)
    compiled.answer = tuple
    return Contest(
        op, work.size, Contestant(work.backend, ours, tuple),
        [Contestant("plain torch", reference, tuple), compiled], reference(), 1e-3,
        **work.floor("sum", lambda: (maps.sum(), mirrored.sum()), 2 * work.bytes),
    )  # fmt: skip


def _stage_loss(op: str, work: Workload) -> Contest:
    """Forward and backward. The targets are drawn beforehand for all but ours, which draws them as it goes."""
    seen = torch.ones(work.centers.shape[:2], device=work.device)
    described = GaussianTargets(work.centers, seen, work.size, SIGMA_CELLS, PATCH_SIGMAS)
    target = described.draw(backend="torch")
    generator = torch.Generator().manual_seed(SEED)
    noise = 0.1 * torch.randn(STAGES, *work.maps.shape, generator=generator)
    maps = (target + noise.to(work.device)).requires_grad_()
    stages = [stage.detach().clone().requires_grad_() for stage in maps]
    compiled = torch.compile(stage_loss_reference, dynamic=False)
    copied, plain = torch.empty_like(maps, requires_grad=False), maps.detach()

    def passes(loss: Callable[..., Tensor], *arguments, **options) -> Callable[[], tuple[Tensor, Tensor]]:
        def run() -> tuple[Tensor, Tensor]:
            total = loss(maps, *arguments, **options).sum()
            return total.detach(), torch.autograd.grad(total, maps)[0]

        return run

    def six_losses() -> tuple[Tensor, ...]:
        total = sum(F.mse_loss(stage, target) for stage in stages)
        return total.detach(), *torch.autograd.grad(total, stages)

    def stacked(result: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        return result[0], torch.stack(result[1:]) * maps[0].numel()

    def scaled(result: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return result[0], result[1] * maps[0].numel()  # of the order of the maps, for the tolerance

    return Contest(
        op, work.size,
        Contestant(work.backend, passes(stage_loss, described, backend=work.backend), scaled),
        [
            Contestant("plain torch", passes(stage_loss_reference, target), scaled),
            Contestant("torch.compile", passes(compiled, target), scaled),
            Contestant(f"{STAGES} x F.mse_loss", six_losses, stacked),
        ],
        scaled(passes(stage_loss_reference, target)()), 1e-5,
        **work.floor("copy_", lambda: copied.copy_(plain), 2 * STAGES * work.bytes),
    )  # fmt: skip


OPS: dict[str, Callable[[str, Workload], Contest]] = {
    "gaussian_targets": _targets,
    "decode_argmax": _decode("argmax"),
    "decode_log_parabola": _decode("log_parabola"),
    "decode_dark": _decode("dark"),
    "merge_flip_decode": _merge,
    "stage_loss": _stage_loss,
}
