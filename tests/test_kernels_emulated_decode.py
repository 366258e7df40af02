"""csrc/decoding.cuh, every rung of the ladder, under the emulator; and what launchers.cu makes of it."""

from __future__ import annotations

import math

import pytest
import torch
from emulated_device import METHODS, Fenced, kernel

from cpm_edu.decoding_reference import decode_reference, gaussian_taps, merge_flip_decode_reference
from cpm_edu.targets import gaussian_targets_reference

pytest_plugins = ("emulated_fixtures",)

SIZES = [(46, 46), (64, 48), (17, 33), (1, 1), (5, 3), (3, 1), (1, 9), (5, 5), (9, 8)]
NAN, INF = math.nan, math.inf
TAPS = gaussian_taps(11)
# The kernels blur in another order than the reference, and one Newton step divides by a small curvature.
TOLERANCE = {"argmax": 0, "quarter": 0, "msra": 0, "log_parabola": 1e-5, "dark": 2e-4}


def noisy_gaussians(size, N=2, J=5, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(N, J, 2, generator=generator) * torch.tensor([size[1], size[0]])
    maps = gaussian_targets_reference(centers, size, 2.0) + 0.01 * torch.randn(
        N, J, *size, generator=generator
    )
    return maps.to(dtype)


def awkward_maps(size) -> torch.Tensor:
    """(1, J, H, W): every kind of map that has a rule of its own."""
    generator = torch.Generator().manual_seed(1)
    cells = size[0] * size[1]
    noise = torch.randn(cells, generator=generator)
    bump = gaussian_targets_reference(
        torch.tensor([[size[1] / 2 - 0.3, size[0] / 2 + 0.2]]), size, 1.5
    ).flatten()

    def with_(values: dict, start=bump):
        maps = start.clone()
        for cell, value in values.items():
            maps[cell % cells] = value
        return maps

    flat = torch.zeros(cells)
    kinds = [
        flat, -flat, with_({2: -0.0}, flat), with_({1: 0.0}, -flat),  # zeros of both signs tie
        with_({0: -0.0}, -1 - flat), torch.full((cells,), NAN), torch.full((cells,), -INF),
        torch.full((cells,), INF), with_({cells - 1: -INF}, torch.full((cells,), NAN)),
        with_({cells // 2: 0.25}, torch.full((cells,), NAN)), with_({3: NAN}), with_({cells // 2: INF}),
        with_({3: -INF}), with_({5: 7.0, 2: 7.0, cells - 1: 7.0}, noise), -noise.abs() - 1, noise,
        bump * 1e38, bump * 1e-38, bump * 1e-44, noise * 1e38, bump * 1e-9, bump * 1e-11, bump - 1e-3,
        with_({cells // 2: 1e-12}, flat), with_({cells // 2: 1.0}, flat), with_({cells // 2: 1.0}, flat - 1),
    ]  # fmt: skip
    return torch.stack(kinds).view(1, len(kinds), *size)


def in_layout(maps, layout):
    """The same values, elsewhere in memory."""
    N, J, H, W = maps.shape
    if layout == "joints of more":  # the background map left out
        return torch.cat([maps, maps[:, :1]], 1)[:, :J]
    if layout == "off boundary":
        memory = torch.empty(maps.numel() + 1, dtype=maps.dtype)
        memory[1:] = maps.flatten()
        return memory[1:].view(maps.shape)
    if layout == "channels last":
        return maps.contiguous(memory_format=torch.channels_last)
    if layout == "joints of more, last":
        return torch.cat([maps, maps[:, :1]], 1).contiguous(memory_format=torch.channels_last)[:, :J]
    if layout == "columns first":
        return maps.transpose(2, 3).contiguous().transpose(2, 3)
    if layout == "every second":
        memory = torch.full((N, J, H, 2 * W), NAN, dtype=maps.dtype)
        memory[..., ::2] = maps
        return memory[..., ::2]
    return maps.contiguous()


LAYOUTS = ("plain", "joints of more", "off boundary", "channels last", "joints of more, last", "columns first", "every second")  # fmt: skip


def same(answer, expected, method):
    joints, scores = answer
    torch.testing.assert_close(scores, expected[1], rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(joints, expected[0], rtol=0, atol=TOLERANCE[method])


def decode_v1(maps, method, order="forward"):
    N, J, H, W = maps.shape
    memory = torch.as_strided(maps, (maps.untyped_storage().nbytes() // 4,), (1,), 0)
    joints, scores = Fenced((N, J, 2)), Fenced((N, J))
    taps = torch.tensor(TAPS)
    kernel("decoding.cuh", "decode_v1_f32").launch(
        -(-N * J // 32), 32, 0, memory, *maps.stride(), joints.tensor, scores.tensor, N * J, J, H, W, METHODS[method],
        taps, len(taps), order=order,
    )  # fmt: skip
    return joints.checked(), scores.checked()


def test_number_by_hand(emulated):
    maps = torch.zeros(1, 1, 5, 7)
    maps[0, 0, 3, 5], maps[0, 0, 3, 4], maps[0, 0, 3, 6] = 1.0, 0.5, 0.25
    step = 0.5 * (math.log(2) - math.log(4)) / (math.log(2) + math.log(4))  # -1/6: left is higher
    for answer in (decode_v1(maps, "log_parabola"), emulated.decode(maps, "log_parabola")):
        assert answer[1].item() == 1.0
        assert answer[0].flatten().tolist() == pytest.approx([5 + step, 3.0]), "(x, y), not (y, x)"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_v1_agrees_with_reference(emulated, method, size):
    for maps in (
        noisy_gaussians(size),
        awkward_maps(size),
        in_layout(noisy_gaussians(size), "columns first"),
    ):
        same(decode_v1(maps, method), decode_reference(maps, method), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_launcher_agrees_with_reference(emulated, method, size, layout):
    for maps in (noisy_gaussians(size), noisy_gaussians(size, dtype=torch.bfloat16), awkward_maps(size)):
        answer = emulated.decode(in_layout(maps, layout), method, TAPS if method == "dark" else ())
        same(answer, decode_reference(maps, method), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shift", [False, True])
def test_merging_launcher_agrees_with_reference(emulated, method, size, layout, shift):
    permutation = [1, 0, 2, 4, 3]
    for dtype in (torch.float32, torch.bfloat16):
        maps = noisy_gaussians(size, dtype=dtype)
        mirrored = noisy_gaussians(size, seed=0).flip(-1)[:, permutation].to(dtype)
        expected = merge_flip_decode_reference(maps, mirrored, permutation, shift=shift, method=method)
        answer = emulated.decode(
            in_layout(maps, layout), method, TAPS if method == "dark" else (), in_layout(mirrored, layout),
            permutation, shift,
        )  # fmt: skip
        same(answer, expected, method)


@pytest.mark.parametrize("layout", ["plain", "channels last", "columns first"])
def test_merging_awkward_maps(emulated, layout):
    maps = awkward_maps((9, 8))
    mirrored, permutation = maps.flip(1), list(range(maps.shape[1]))
    expected = merge_flip_decode_reference(maps, mirrored, permutation, shift=True, method="quarter")
    answer = emulated.decode(
        in_layout(maps, layout), "quarter", (), in_layout(mirrored, layout), permutation, True
    )
    same(answer, expected, "quarter")


def test_merging_unlike_layouts(emulated):
    maps, permutation = noisy_gaussians((9, 8)), [0, 2, 1, 3, 4]
    expected = merge_flip_decode_reference(maps, maps.flip(-1), permutation, shift=False, method="argmax")
    mirrored = in_layout(maps.flip(-1), "channels last")
    same(emulated.decode(maps, "argmax", (), mirrored, permutation), expected, "argmax")
    assert emulated.kernels == ["merge_decode_v2_f32"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("method", ["quarter", "dark"])
def test_any_order_of_threads(emulated, thread_order, layout, method):
    maps = in_layout(awkward_maps((17, 33)), layout)
    answer = emulated.decode(maps, method, TAPS if method == "dark" else ())
    emulated.order = "forward"
    again = emulated.decode(maps, method, TAPS if method == "dark" else ())
    for one, other in zip(answer, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("taps", [1, 3, 17, 61])
@pytest.mark.parametrize("layout", ["plain", "channels last", "columns first"])
def test_dark_with_other_kernels(emulated, taps, layout):
    maps = noisy_gaussians((24, 32))
    answer = emulated.decode(in_layout(maps, layout), "dark", gaussian_taps(taps))
    same(answer, decode_reference(maps, "dark", blur_kernel=taps), "dark")


def test_dark_blurs_the_whole_map_only_where_the_floor_cuts(emulated):
    """A peak so sharp that its logarithm is cut at 1e-10: the reference's rescaling no longer cancels."""
    maps = torch.zeros(1, 2, 12, 14)
    maps[0, :, 6, 7] = 1.0
    maps[0, 1, 6, 8], maps[0, 1, 2, 2] = 0.5, 0.9
    maps *= 3e-9
    expected = decode_reference(maps, "dark", blur_kernel=3)
    assert (expected[0][0, 1] - torch.tensor([7.0, 6.0])).abs().max() > 0.01, "the test needs a step"
    for layout in ("plain", "channels last", "columns first"):
        same(emulated.decode(in_layout(maps, layout), "dark", gaussian_taps(3)), expected, "dark")


def test_many_joints_and_one(emulated):
    for J in (1, 2, 200, 300):  # channels last: one block has 256 threads
        maps = noisy_gaussians((4, 5), N=2, J=J)
        same(
            emulated.decode(in_layout(maps, "joints of more, last"), "quarter"),
            decode_reference(maps, "quarter"),
            "quarter",
        )
        assert emulated.kernels == ["decode_channels_last_f32"]
        assert emulated.launched[0].grid == (2, -(-J // 256), 1)


@pytest.mark.parametrize(("N", "J"), [(0, 3), (2, 0)])
def test_nothing_to_decode_launches_nothing(emulated, N, J):
    joints, scores = emulated.decode(torch.zeros(N, J, 5, 6), "quarter")
    assert joints.shape == (N, J, 2)
    assert scores.shape == (N, J)
    assert emulated.launched == []
