"""Drawing Gaussians: numbers by hand, the formula, output options, backends and types, errors, gradients."""

import math

import numpy as np
import pytest
import torch

from cpm_edu import targets
from cpm_edu.targets import GaussianTargets, background_map, belief_map_gaussians, gaussian_targets_reference

SIZES = [(1, 1), (17, 33), (46, 46)]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")


@pytest.fixture(scope="module")
def gaussian_targets(backend, device):
    """`targets.gaussian_targets` by this backend; points are moved to its device, maps back."""

    def run(centers, size, sigma_cells, **options):
        return targets.gaussian_targets(
            centers.to(device), size, sigma_cells, backend=backend, **options
        ).cpu()

    return run


# ---- by hand


def test_peak_and_neighbours(gaussian_targets):
    maps = gaussian_targets(torch.tensor([[[3.0, 1.0]]]), (4, 6), 1.0)
    assert maps.shape == (1, 1, 4, 6)
    assert maps.dtype == torch.float32
    assert maps[0, 0, 1, 3] == 1.0, "points are (x, y): the peak belongs to row 1, column 3"
    assert maps[0, 0, 1, 4].item() == pytest.approx(math.exp(-1 / 2))
    assert maps[0, 0, 2, 4].item() == pytest.approx(math.exp(-2 / 2))
    assert maps[0, 0, 3, 0].item() == pytest.approx(math.exp(-(9 + 4) / 2))


def test_sigma_is_a_standard_deviation(gaussian_targets):
    maps = gaussian_targets(torch.tensor([[0.0, 0.0]]), (1, 4), 2.0)
    expected = [1.0, math.exp(-1 / 8), math.exp(-4 / 8), math.exp(-9 / 8)]
    assert maps[0, 0].tolist() == pytest.approx(expected)


def test_point_between_cells_and_off_the_map(gaussian_targets):
    between = gaussian_targets(torch.tensor([[0.5, 0.0]]), (1, 2), 1.0)[0, 0]
    assert between.tolist() == pytest.approx([math.exp(-1 / 8)] * 2)
    outside = gaussian_targets(torch.tensor([[-2.0, 0.0]]), (1, 2), 1.0)[0, 0]
    assert outside.tolist() == pytest.approx([math.exp(-4 / 2), math.exp(-9 / 2)])


def test_gaussians_against_the_formula(gaussian_targets, backend):
    generator = torch.Generator().manual_seed(0)
    centers = torch.rand(2, 5, 2, generator=generator, dtype=torch.float64) * 50 - 5
    maps = targets.gaussian_targets(centers, (17, 33), 1.7)
    assert maps.dtype == torch.float64
    y, x = torch.meshgrid(torch.arange(17), torch.arange(33), indexing="ij")
    squared = (x - centers[..., 0, None, None]) ** 2 + (y - centers[..., 1, None, None]) ** 2
    torch.testing.assert_close(maps, torch.exp(-squared / (2 * 1.7**2)), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        gaussian_targets(centers.float(), (17, 33), 1.7).double(), maps, rtol=1e-5, atol=1e-6
    )


def test_patch_is_square(gaussian_targets):
    drawn = gaussian_targets(torch.tensor([[4.0, 4.0]]), (9, 9), 1.0, patch_sigmas=3)[0]
    assert (drawn > 0).sum() == 7 * 7
    assert drawn[1, 1].item() == pytest.approx(math.exp(-9)), "the corner of the patch is drawn"
    assert drawn[0, 4] == 0.0


def test_weight_zero_leaves_a_blank_map_even_for_nan(gaussian_targets):
    centers = torch.tensor([[[1.0, 1.0], [math.nan, 2.0]]])
    maps = gaussian_targets(centers, (3, 3), 1.0, weights=torch.tensor([[1.0, 0.0]]))
    assert maps[0, 0].amax() == 1.0
    assert maps[0, 1].tolist() == [[0.0] * 3] * 3


def test_background_by_hand(gaussian_targets):
    points = torch.tensor([[[0.0, 0.0], [3.0, 0.0]]])
    maps = gaussian_targets(points, (1, 4), 1.0, background=True)
    near, far = math.exp(-1 / 2), math.exp(-4 / 2)
    assert maps[0, 2, 0].tolist() == pytest.approx([0.0, 1 - near, 1 - near, 0.0])
    assert maps[0, 0, 0].tolist() == pytest.approx([1.0, near, far, math.exp(-9 / 2)])


# ---- agreement


@sizes
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("patch_sigmas", [None, 3, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_agrees_with_the_reference(gaussian_targets, dtype, patch_sigmas, background, size):
    points = torch.rand(3, 5, 2, generator=torch.Generator().manual_seed(0)) * 60 - 8
    weights = torch.tensor([1.0, 0.0, 0.3, -1.0, math.nan]).expand(3, 5)  # drawn: the first and the third
    options = {"weights": weights, "patch_sigmas": patch_sigmas, "background": background}
    maps = gaussian_targets(points, size, 1.7, dtype=dtype, **options)
    expected = gaussian_targets_reference(points, size, 1.7, **options).to(dtype)
    assert maps.dtype == dtype
    # bfloat16: a last bit may round the other way
    torch.testing.assert_close(maps, expected, rtol=1e-5 if dtype == torch.float32 else 2**-7, atol=1e-6)
    assert (maps != expected).sum() <= 2 + maps.numel() // 100 or dtype == torch.float32, "rounded, not cut"
    assert not maps[:, [1, 3, 4]].any()


def test_the_cut_is_where_the_reference_has_it(gaussian_targets):
    """Points whose distance to a cell is just at the reach, where rounding decides."""
    sigma = 0.7
    offsets = torch.linspace(-1e-5, 1e-5, 41) + 3 * sigma
    points = torch.stack([10 + offsets, 10 - offsets], -1)[None]
    maps = gaussian_targets(points, (21, 21), sigma, patch_sigmas=3)
    expected = gaussian_targets_reference(points, (21, 21), sigma, patch_sigmas=3)
    assert torch.equal(maps > 0, expected > 0)


@sizes
@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("joints", [0, 1, 4])
def test_any_number_of_leading_dimensions(gaussian_targets, joints, batch, size):
    points = torch.rand(*batch, joints, 2, generator=torch.Generator().manual_seed(0)) * 40
    maps = gaussian_targets(points, size, 2.0)
    assert maps.shape == (*batch, joints, *size)
    torch.testing.assert_close(maps, gaussian_targets_reference(points, size, 2.0), rtol=1e-5, atol=1e-6)
    assert gaussian_targets(points, size, 2.0, background=True).shape == (*batch, joints + 1, *size)


def test_strided_points_and_weights(gaussian_targets):
    points, weights = (
        torch.rand(3, 2, 8).transpose(0, 1)[..., ::2].unflatten(-1, (2, 2)),
        torch.ones(4).expand(2, 3, 4),
    )
    points, weights = points * 20, weights[..., ::2]
    maps = gaussian_targets(points, (9, 11), 2.0, weights=weights)
    torch.testing.assert_close(maps, gaussian_targets_reference(points, (9, 11), 2.0), rtol=1e-5, atol=1e-6)


# ---- out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_out_is_drawn_into(backend, device, dtype):
    points = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(0)).to(device) * 20
    out = torch.full((2, 4, 17, 33), math.nan, device=device, dtype=dtype)
    drawn = targets.gaussian_targets(points, (17, 33), 2.0, background=True, out=out, backend=backend)
    assert drawn is out
    expected = targets.gaussian_targets(points, (17, 33), 2.0, background=True, dtype=dtype, backend=backend)
    assert torch.equal(out, expected)


def test_out_that_does_not_fit(backend, device):
    points = torch.zeros(2, 3, 2, device=device)
    for out, message in (
        (torch.zeros(2, 3, 5, 4), r"contiguous \(2, 3, 4, 5\), not \(2, 3, 5, 4\)"),
        (torch.zeros(2, 3, 5, 4).transpose(-1, -2), "not contiguous"),
        (torch.zeros(1, 1, 4, 5).expand(2, 3, 4, 5), "not contiguous"),
    ):
        with pytest.raises(ValueError, match=message):
            targets.gaussian_targets(points, (4, 5), 1.0, out=out.to(device), backend=backend)
    out = torch.zeros(2, 3, 4, 5, device=device)
    with pytest.raises(ValueError, match="bfloat16"):
        targets.gaussian_targets(points, (4, 5), 1.0, out=out, dtype=torch.bfloat16, backend=backend)


@pytest.mark.parametrize(
    ("size", "error"),
    [
        ((-1, 4), ValueError),
        ((4,), ValueError),
        ((4, 4, 4), ValueError),
        ((4.0, 4), TypeError),
        (4, TypeError),
        (None, TypeError),
        ("44", TypeError),
    ],
)
def test_a_size_that_is_none(backend, device, size, error):
    points = torch.zeros(1, 1, 2, device=device)
    with pytest.raises(error, match=r"^size .*, not |^size .* must not be negative"):
        targets.gaussian_targets(points, size, 1.0, backend=backend)
    with pytest.raises(error, match=r"^size "):
        targets.center_map(points[0], size, backend=backend)
    with pytest.raises(error, match=r"^size "):
        belief_map_gaussians(points, torch.ones(1, 1), size=size, stride=8, sigma_cells=1)


def test_a_type_that_maps_never_have(backend, device):
    points = torch.zeros(1, 2, device=device)
    for dtype in (torch.int32, torch.float16, torch.bool, torch.float64):
        with pytest.raises(ValueError, match=f"maps are float32 or bfloat16 .*, not {dtype}"):
            targets.gaussian_targets(points, (4, 5), 1.0, dtype=dtype, backend=backend)
        out = torch.zeros(1, 4, 5, dtype=dtype, device=device)
        with pytest.raises(ValueError, match=f"maps are float32 or bfloat16 .*, not {dtype}"):
            targets.gaussian_targets(points, (4, 5), 1.0, out=out, backend=backend)
    with pytest.raises(TypeError, match=r"dtype must be a torch.dtype, not 'float32'"):
        targets.gaussian_targets(points, (4, 5), 1.0, dtype="float32", backend=backend)
    with pytest.raises(TypeError, match=r"out must be a torch.Tensor, not ndarray"):
        targets.gaussian_targets(points, (4, 5), 1.0, out=np.zeros((1, 4, 5)), backend=backend)
    points = points.double()
    for dtype in (torch.float64, torch.float32):
        assert targets.gaussian_targets(points, (4, 5), 1.0, dtype=dtype).dtype == dtype


# ---- torch.compile


def test_plain_torch_compiles_in_one_piece():
    torch._dynamo.reset()

    def draw(points, weights):
        return targets.gaussian_targets(
            points, (4, 5), 1.0, weights=weights, background=True, backend="torch"
        )

    points, weights = torch.rand(2, 3, 2), torch.tensor([1.0, 0.0, 1.0]).expand(2, 3)
    compiled = torch.compile(draw, fullgraph=True, backend="eager")
    assert torch.equal(compiled(points, weights), draw(points, weights))


# ---- described, not drawn


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("convention", ["center", "msra"])
def test_gaussians_of_belief_maps_draw_the_same(convention, background):
    joints = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0)) * 200 - 20
    visible = torch.tensor([1.0, 1.0, 0.0, 0.3]).expand(3, 4)
    options = {
        "size": (17, 23),
        "stride": 8,
        "sigma_cells": 2,
        "convention": convention,
        "background": background,
    }
    described, weights = belief_map_gaussians(joints, visible, **options)
    maps, same = targets.belief_map_targets(joints, visible, **options)
    assert described.shape == maps.shape == (3, 4 + background, 17, 23)
    assert torch.equal(described.draw(), maps)
    assert torch.equal(weights, same)
    assert weights.shape == maps.shape[:2]
    if background:
        assert torch.equal(maps[:, 4:], background_map(maps[:, :4]))
        assert not weights[:, 4].any(), "a joint of everybody is unlabelled"


def test_a_description_is_a_value():
    described = GaussianTargets(torch.zeros(1, 2, 2), torch.ones(1, 2), (4, 5), 1.0)
    with pytest.raises(AttributeError):
        described.sigma_cells = 2.0


# ---- errors


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_sigma_must_be_positive(gaussian_targets, sigma):
    with pytest.raises(ValueError, match="sigma must be positive"):
        gaussian_targets(torch.zeros(1, 2), (4, 4), sigma)


def test_infinite_sigma_is_refused(gaussian_targets):
    with pytest.raises(ValueError, match="sigma must be positive"):
        gaussian_targets(torch.zeros(1, 2), (4, 4), math.inf)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_drawn_point_that_is_no_number(backend, device, bad):
    points = torch.zeros(2, 3, 2)
    points[1, 2, 0] = bad
    if backend == "cuda":  # looking would stall the device
        drawn = targets.gaussian_targets(points.to(device), (4, 4), 1.0, backend=backend)
        assert drawn[1, 2].isnan().all()
        assert drawn[1, :2].isfinite().all()
        return
    with pytest.raises(ValueError, match="not a finite number") as error:
        targets.gaussian_targets(points, (4, 4), 1.0, backend=backend)
    if backend == "cpp":
        assert str(error.value).startswith("joint 2 of person 1 has a weight above 0")


# ---- gradients


def test_gradient_with_respect_to_the_points():
    centers = torch.tensor([[[1.3, 2.2], [0.4, 0.7]]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[1.0, 0.0]])
    assert torch.autograd.gradcheck(
        lambda c: targets.gaussian_targets(c, (4, 5), 1.1, weights=weights), centers
    )
    targets.gaussian_targets(centers, (4, 5), 1.1, weights=weights).sum().backward()
    assert centers.grad[0, 0].any()
    assert not centers.grad[0, 1].any(), "an undrawn joint gets no gradient"


def test_gradient_survives_a_nan_that_is_not_drawn():
    centers = torch.tensor([[1.0, 1.3], [math.nan, math.nan]], requires_grad=True)
    targets.gaussian_targets(centers, (3, 3), 1.0, weights=torch.tensor([1.0, 0.0])).sum().backward()
    assert centers.grad.isfinite().all()


def test_a_named_backend_gives_no_gradient_to_points(backend, device):
    points = torch.zeros(1, 2, device=device, requires_grad=True)
    if backend == "torch":
        assert targets.gaussian_targets(points, (4, 4), 1.0, backend=backend).requires_grad
        return
    with pytest.raises(ValueError, match=f'backend "{backend}" gives no gradient to centers_cells'):
        targets.gaussian_targets(points, (4, 4), 1.0, backend=backend)
    with torch.no_grad():
        assert targets.gaussian_targets(points, (4, 4), 1.0, backend=backend).amax() == 1.0
