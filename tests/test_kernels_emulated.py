"""csrc/targets.cuh, every rung of the ladder, under the emulator; and what launchers.cu makes of it."""

from __future__ import annotations

import math

import pytest
import torch
from emulated_device import Fenced, kernel

from cpm_edu.targets import gaussian_targets_reference

pytest_plugins = ("emulated_fixtures",)

SIZES = [(46, 46), (64, 48), (17, 33), (1, 1), (5, 3), (3, 1), (1, 9), (47, 45), (3, 701)]
LADDER = ("v1_f32", "v2_f32", "v3_f32")
WHOLE = math.inf


def people(size, N=2, J=3, seed=0):
    """Centres up to 40 % beyond the map; the last joint of the first person is not labelled."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    centers = (torch.rand(N, J, 2, generator=generator) * 1.4 - 0.2) * torch.tensor([width, height])
    weights = torch.ones(N, J)
    centers[0, -1], weights[0, -1] = math.nan, 0.0
    return centers, weights


def draw(version, centers, weights, size, sigma, reach=WHOLE, order="forward"):
    """One rung by hand; v1 and v3 take the number of joints twice, as there is no background."""
    (N, J), (H, W) = weights.shape, size
    out, inverse = Fenced((N, J, H, W)), 0.5 / sigma**2
    run = kernel("targets.cuh", f"gaussian_targets_{version}").launch
    if version.startswith("v1"):
        blocks = -(-N * J * H * W // 64)
        run(blocks, 64, 0, centers, weights, out.tensor, N, J, J, H, W, inverse, reach, order=order)
    elif version.startswith("v2"):
        run(N * J, 64, 4 * (W + H), centers, weights, out.tensor, H, W, inverse, reach, order=order)
    else:
        rows = -(-H // 2)
        run(
            (N * J, -(-H // rows)), 64, 4 * (W + rows), centers, weights, out.tensor, N, J, J, H, W, rows, inverse,
            reach, order=order,
        )  # fmt: skip
    return out.checked()


@pytest.mark.parametrize("version", LADDER)
def test_number_by_hand(emulated, version):
    out = draw(version, torch.tensor([[[2.0, 1.0]]]), torch.ones(1, 1), (3, 5), 1.0)[0, 0]
    assert out[1, 2] == 1, "the centre is (x = 2, y = 1), its value 1"
    assert out[1, 3] == pytest.approx(math.exp(-0.5)), "one sigma to the right"
    assert out[0, 0] == pytest.approx(math.exp(-2.5)), "2 to the left and 1 up: squares add to 5"


@pytest.mark.parametrize("version", LADDER)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("patch_sigmas", [None, 3])
def test_ladder_agrees_with_reference(emulated, version, size, patch_sigmas):
    centers, weights = people(size)
    reach = WHOLE if patch_sigmas is None else 1.5 * patch_sigmas
    out = draw(version, centers, weights, size, 1.5, reach)
    expected = gaussian_targets_reference(centers, size, 1.5, weights=weights, patch_sigmas=patch_sigmas)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("version", LADDER)
def test_order_of_threads_does_not_matter(emulated, version):
    centers, weights = people((17, 33))
    outs = [draw(version, centers, weights, (17, 33), 2.0, order=o) for o in ("forward", "reverse", "random")]
    assert torch.equal(outs[0], outs[1])
    assert torch.equal(outs[0], outs[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("offset", [0, 1, 3])  # cells off the 16-byte boundary at which the output begins
def test_launcher_agrees_with_reference(emulated, dtype, background, size, offset):
    centers, weights = people(size)
    out = emulated.gaussian_targets(
        centers, weights, size, 2.0, background=background, dtype=dtype, offset=offset
    )
    expected = gaussian_targets_reference(centers, size, 2.0, weights=weights, background=background)
    tolerance = (
        1e-6 if dtype == torch.float32 else 2**-8
    )  # half a step of bfloat16 at 1, and a whole one here
    torch.testing.assert_close(out.float(), expected, rtol=1e-5, atol=tolerance)
    assert emulated.kernels == ["gaussian_targets_v3_" + ("f32" if dtype == torch.float32 else "bf16")]


def test_launcher_in_any_order(emulated, thread_order):
    centers, weights = people((46, 46), J=4)
    out = emulated.gaussian_targets(centers, weights, (46, 46), 2.0, background=True, reach=6.0)
    expected = gaussian_targets_reference(
        centers, (46, 46), 2.0, weights=weights, background=True, patch_sigmas=3
    )
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "kernel_name"), [((150, 130), "v3"), ((2, 12000), "v1"), ((12000, 1), "v3")]
)
def test_large_maps(emulated, size, kernel_name):
    centers, weights = torch.tensor([[[size[1] - 2.0, size[0] - 1.0]]]), torch.ones(1, 1)
    out = emulated.gaussian_targets(centers, weights, size, 20.0, background=True)
    expected = gaussian_targets_reference(centers, size, 20.0, background=True)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)
    assert emulated.kernels == [f"gaussian_targets_{kernel_name}_f32"], (
        "only very wide maps have no room for factors"
    )


def test_tiny_sigma_draws_one_cell(emulated):
    out = emulated.gaussian_targets(torch.full((1, 1, 2), 2.0), torch.ones(1, 1), (5, 5), 1e-25)
    assert out.sum() == 1
    assert out[0, 0, 2, 2] == 1


@pytest.mark.parametrize("place", [-40.0, 1e6, -1e30, 3e38])
def test_joint_far_off_the_map_draws_nothing(emulated, place):
    centers = torch.tensor([[[place, 3.0], [3.0, place]]])
    out = emulated.gaussian_targets(centers, torch.ones(1, 2), (7, 9), 2.0, background=True)
    assert torch.equal(out[:, :2], torch.zeros(1, 2, 7, 9))
    assert torch.equal(out[:, 2], torch.ones(1, 7, 9))


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("version", LADDER)
def test_joint_that_is_not_drawn_may_be_nan(emulated, weight, version):
    centers = torch.tensor([[[math.nan, math.inf], [3.0, 3.0]]])
    out = draw(version, centers, torch.tensor([[weight, 1.0]]), (5, 6), 2.0)
    assert torch.equal(out[0, 0], torch.zeros(5, 6))
    assert out[0, 1, 3, 3] == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("reach", [WHOLE, 6.0])
def test_drawn_joint_that_is_no_number_shows_as_nan(emulated, bad, axis, reach):
    centers = torch.full((1, 2, 2), 3.0)
    centers[0, 0, axis] = bad
    out = emulated.gaussian_targets(centers, torch.ones(1, 2), (5, 6), 2.0, background=True, reach=reach)
    assert out[0, 0].isnan().all(), "a kernel cannot raise, so the fault must be seen in the result"
    assert out[0, 1].isfinite().all(), "the other joint has nothing to do with it"
    assert out[0, 2].isnan().all()
    by_hand = draw("v1_f32", centers, torch.ones(1, 2), (5, 6), 2.0, reach)
    assert by_hand[0, 0].isnan().all()
    assert by_hand[0, 1].isfinite().all()


def test_patch_includes_its_border(emulated):
    centers = torch.tensor([[[8.0, 8.0]]])
    out = emulated.gaussian_targets(centers, torch.ones(1, 1), (17, 17), 2.0, reach=6.0)[0, 0]
    assert out[8, 2] > 0, "6 cells away is still within 3 sigma"
    assert out[2, 14] > 0
    assert out[8, 1] == 0
    assert out[15, 8] == 0


@pytest.mark.parametrize(("N", "J", "size"), [(0, 3, (5, 6)), (2, 0, (5, 6)), (2, 3, (0, 6)), (2, 3, (5, 0))])
def test_nothing_to_draw_launches_nothing(emulated, N, J, size):
    emulated.gaussian_targets(torch.zeros(N, J, 2), torch.ones(N, J), size, 2.0)
    assert emulated.launched == []


def test_background_without_joints_is_one(emulated):
    out = emulated.gaussian_targets(torch.zeros(2, 0, 2), torch.ones(2, 0), (5, 6), 2.0, background=True)
    assert torch.equal(out, torch.ones(2, 1, 5, 6))
