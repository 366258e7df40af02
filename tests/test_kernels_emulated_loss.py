"""csrc/stage_loss.cuh, every rung of the ladder, under the emulator; and what launchers.cu makes of it."""

from __future__ import annotations

import math

import pytest
import torch
from emulated_device import Fenced, kernel

from cpm_edu.losses import stage_loss_reference
from cpm_edu.targets import gaussian_targets_reference

pytest_plugins = ("emulated_fixtures",)

SIZES = [(46, 46), (64, 48), (17, 33), (1, 1), (5, 3), (3, 1), (1, 9), (3, 701)]
SIGMA = 2.0


def scene(size, T=3, N=2, J=3, background=False, dtype=torch.float32, seed=0):
    """Maps, centres, which joints are drawn, weights, and the target in full."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(N, J, 2, generator=generator) * torch.tensor([size[1], size[0]])
    drawn = torch.ones(N, J)
    if N and J:
        drawn[-1, 0], centers[-1, 0] = 0.0, math.nan
    maps = torch.randn(T, N, J + background, *size, generator=generator).to(dtype)
    weights = torch.rand(N, J + background, generator=generator)
    target = gaussian_targets_reference(centers, size, SIGMA, weights=drawn, background=background)
    return maps, centers, drawn, weights, target


def reference(maps, target, weights, scale):
    """Losses and gradient by plain torch; `scale` instead of its divisor."""
    exact = maps.float().clone().requires_grad_()
    divisor = max(maps[0].numel(), 1)
    losses = stage_loss_reference(exact, target, weights) * (divisor * scale)
    losses.sum().backward()
    return losses.detach(), exact.grad


def same(answer, expected, dtype=torch.float32):
    torch.testing.assert_close(answer[0], expected[0], rtol=1e-5, atol=1e-6, equal_nan=True)
    rtol = 1e-5 if dtype == torch.float32 else 2**-8  # the gradient is rounded to the maps' type
    torch.testing.assert_close(answer[1].float(), expected[1], rtol=rtol, atol=1e-6, equal_nan=True)


def ladder(version, maps, centers, drawn, weights, scale, order="forward"):
    """One rung by hand, with the second launch that every version needs."""
    T, N, J, H, W = maps.shape
    gradient, partial, losses = Fenced(maps.shape), Fenced((T, N * J)), Fenced((T,))
    shape = (N * J, H, W, 0.5 / SIGMA**2, math.inf, scale)
    run = kernel("stage_loss.cuh", f"stage_loss_gaussian_{version}").launch
    if version == "v1_f32":
        run(
            -(-T * N * J // 32), 32, 0, maps, gradient.tensor, centers, drawn, weights, 0, partial.tensor, T, *shape,
            order=order,
        )  # fmt: skip
    elif version == "v2_f32":
        run(
            T * N * J, 64, 4 * (W + H), maps, gradient.tensor, centers, drawn, weights, 0, partial.tensor, *shape,
            order=order,
        )  # fmt: skip
    else:
        run(
            (N * J, 2), 96, 4 * (W + H), maps, gradient.tensor, centers, drawn, J, weights, 0, partial.tensor, T, N, J,
            *shape[1:], order=order,
        )  # fmt: skip
    kernel("stage_loss.cuh", "stage_loss_reduce").launch(
        T, 64, 0, partial.tensor, losses.tensor, N * J, scale
    )
    partial.checked()
    return losses.checked(), gradient.checked()


@pytest.mark.parametrize("version", ["v1_f32", "v2_f32", "v3_f32"])
def test_number_by_hand(emulated, version):
    maps = torch.tensor([[0.5, 0.0], [2.0, 1.0]]).view(2, 1, 1, 1, 2)  # two stages of a map of 1 x 2 cells
    losses, gradient = ladder(
        version, maps, torch.zeros(1, 1, 2), torch.ones(1, 1), torch.full((1, 1), 3.0), 0.5
    )
    near = math.exp(-1 / 8)  # the target is (1, exp(-1 / (2 * 2^2)))
    assert losses.tolist() == pytest.approx([1.5 * (0.25 + near**2), 1.5 * (1 + (1 - near) ** 2)])
    assert gradient.flatten().tolist() == pytest.approx([-1.5, -3 * near, 3.0, 3 * (1 - near)])


@pytest.mark.parametrize("version", ["v1_f32", "v2_f32", "v3_f32"])
@pytest.mark.parametrize("size", SIZES)
def test_ladder_agrees_with_reference(emulated, version, size):
    maps, centers, drawn, weights, target = scene(size)
    answer = ladder(version, maps, centers, drawn, weights, 0.01)
    same(answer, reference(maps, target, weights, 0.01))


@pytest.mark.parametrize("version", ["v1_f32", "v2_f32", "v3_f32"])
def test_order_of_threads_changes_no_bit(emulated, version):
    maps, centers, drawn, weights, _ = scene((17, 33))
    first, *others = [
        ladder(version, maps, centers, drawn, weights, 0.01, order=o)
        for o in ("forward", "reverse", "random")
    ]
    for other in others:
        assert torch.equal(first[0], other[0])
        assert torch.equal(first[1], other[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", ["gaussian", "tensor", "tensor of every stage"])
@pytest.mark.parametrize("offset", [0, 1])  # of the gradient: 1, and it never meets a boundary with the maps
def test_launcher_agrees_with_reference(emulated, dtype, background, size, source, offset):
    maps, centers, drawn, weights, target = scene(size, background=background, dtype=dtype)
    if source == "gaussian":
        options = {"centers": centers, "drawn": drawn, "sigma": SIGMA, "background": background}
    elif source == "tensor":
        options = {"targets": target}
    else:
        target = torch.stack([target, target + 0.5, 0.5 * target])
        weights = torch.stack([weights, 2 * weights, 1 - weights])
        options = {"targets": target}
    answer = emulated.stage_loss(maps, weights, 1e-3, offset=offset, **options)
    same(answer, reference(maps, target, weights, 1e-3), dtype)
    kind = "gaussian" if source == "gaussian" else "tensor"
    assert emulated.kernels == [
        f"stage_loss_{kind}_v3_" + ("f32" if dtype == torch.float32 else "bf16"),
        "stage_loss_reduce",
    ]


@pytest.mark.parametrize("source", ["gaussian", "tensor"])
@pytest.mark.parametrize("off", [1, 2, 3])
def test_maps_off_the_boundary(emulated, source, off):
    maps, centers, drawn, weights, target = scene((17, 33))
    memory = torch.empty(maps.numel() + off)
    memory[off:] = maps.flatten()
    moved = memory[off:].view(maps.shape)
    options = (
        {"centers": centers, "drawn": drawn, "sigma": SIGMA} if source == "gaussian" else {"targets": target}
    )
    for offset in (0, off):  # of the gradient
        answer = emulated.stage_loss(moved, weights, 1e-3, offset=offset, **options)
        same(answer, reference(maps, target, weights, 1e-3))


@pytest.mark.parametrize("source", ["gaussian", "tensor"])
def test_launcher_in_any_order(emulated, thread_order, source):
    maps, centers, drawn, weights, target = scene((46, 46), background=True)
    options = {"centers": centers, "drawn": drawn, "sigma": SIGMA, "background": True}
    options = options if source == "gaussian" else {"targets": target}
    losses, gradient = emulated.stage_loss(maps, weights, 1e-3, **options)
    emulated.order = "forward"
    again = emulated.stage_loss(maps, weights, 1e-3, **options)
    assert torch.equal(losses, again[0])
    assert torch.equal(gradient, again[1])


@pytest.mark.parametrize("source", ["gaussian", "tensor"])
def test_without_gradient(emulated, source):
    maps, centers, drawn, weights, target = scene((17, 33))
    options = (
        {"centers": centers, "drawn": drawn, "sigma": SIGMA} if source == "gaussian" else {"targets": target}
    )
    losses, gradient = emulated.stage_loss(maps, weights, 1e-3, with_gradient=False, **options)
    assert gradient is None
    torch.testing.assert_close(losses, reference(maps, target, weights, 1e-3)[0], rtol=1e-5, atol=1e-6)


def test_patch_cuts_the_target(emulated):
    maps, centers, drawn, weights, _ = scene((17, 33))
    target = gaussian_targets_reference(centers, (17, 33), SIGMA, weights=drawn, patch_sigmas=3)
    answer = emulated.stage_loss(
        maps, weights, 1e-3, centers=centers, drawn=drawn, sigma=SIGMA, reach=3 * SIGMA
    )
    same(answer, reference(maps, target, weights, 1e-3))


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
@pytest.mark.parametrize("source", ["gaussian", "tensor"])
def test_weight_zero_multiplies_and_is_not_skipped(emulated, value, source):
    maps, centers, drawn, weights, target = scene((5, 6))
    maps[1, 0, 0, 2, 2], weights[0, 0] = value, 0.0
    options = (
        {"centers": centers, "drawn": drawn, "sigma": SIGMA} if source == "gaussian" else {"targets": target}
    )
    answer = emulated.stage_loss(maps, weights, 1e-3, **options)
    assert answer[0].isnan().tolist() == [False, True, False], "0 * NaN and 0 * infinity are NaN"
    expected = reference(maps, target, weights, 1e-3)
    torch.testing.assert_close(answer[0], expected[0], rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize(("N", "J", "size"), [(0, 3, (5, 6)), (2, 0, (5, 6)), (2, 3, (0, 6))])
def test_no_cells_are_a_loss_of_zero(emulated, N, J, size):
    maps = torch.zeros(2, N, J, *size)
    losses, _ = emulated.stage_loss(
        maps, torch.ones(N, J), 1.0, centers=torch.zeros(N, J, 2), drawn=torch.ones(N, J)
    )
    assert losses.tolist() == [0.0, 0.0]
    assert emulated.launched == []


def test_no_stages_launch_nothing(emulated):
    emulated.stage_loss(torch.zeros(0, 1, 1, 5, 6), torch.ones(1, 1), 1.0, targets=torch.zeros(1, 1, 5, 6))
    assert emulated.launched == []


# ---- backward


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 1000, 20_001])
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_scaling_stages(emulated, dtype, size, offset):
    maps = torch.randn(4, size, generator=torch.Generator().manual_seed(0)).to(dtype)
    factors = torch.tensor([2.0, 1.0, 0.0, -0.3])
    scaled = emulated.scale_stages(maps, factors, offset)
    assert torch.equal(scaled, (maps.float() * factors[:, None]).to(dtype))


def test_a_factor_of_one_touches_nothing(emulated):
    signalling = torch.full((2, 100), 0x7FA00000, dtype=torch.int32).view(
        torch.float32
    )  # any product quiets it
    scaled = emulated.scale_stages(signalling, torch.tensor([1.0, 2.0]))
    assert (scaled[0].view(torch.int32) == 0x7FA00000).all(), "stage 0 was written"
    assert (scaled[1].view(torch.int32) == 0x7FE00000).all(), "stage 1 was not"


def test_scaling_nothing_launches_nothing(emulated):
    emulated.scale_stages(torch.zeros(0, 5), torch.zeros(0))
    assert emulated.launched == []
    emulated.scale_stages(torch.zeros(3, 0), torch.zeros(3))
    assert emulated.launched == []
