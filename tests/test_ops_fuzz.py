"""Random shapes, strides, types and values: compiled ops agree with plain torch or refuse as documented.

2,900 cases, the same in every run. `CPM_EDU_FUZZ=20 pytest tests/test_ops_fuzz.py` runs 20 times as many, others
each time.
"""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import torch
from conftest import compiled_backends_only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpm_edu import decoding_reference
from cpm_edu.decoding import METHODS, decode, decode_reference, merge_flip, merge_flip_decode
from cpm_edu.losses import stage_loss, stage_loss_reference
from cpm_edu.targets import GaussianTargets, gaussian_targets, gaussian_targets_reference

TIMES = int(os.environ.get("CPM_EDU_FUZZ", "1"))
EPSILON = 2.0**-23  # of float32

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


def cases(count: int):
    return settings(
        max_examples=count * TIMES, derandomize=TIMES == 1, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([torch.float32, torch.float32, torch.bfloat16])
sides = st.one_of(
    st.integers(1, 6), st.integers(1, 40), st.sampled_from([7, 8, 9, 15, 16, 17, 31, 32, 33, 46])
)
counts = st.sampled_from([0, 1, 1, 2, 3, 5])
kinds = st.sampled_from(["noise", "ties", "smooth", "smooth", "faint", "huge", "subnormal", "constant"])
specials = st.lists(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e38, -1e38, 1e-40]), max_size=3
)
layouts = st.sampled_from(
    ["plain", "transposed", "channels_last", "sliced", "offset", "expanded", "permuted"]
)


def values(shape, kind: str, seed: int, special=()) -> torch.Tensor:
    """float32 values of a kind; each of `special` is put into a few places."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(shape).astype(np.float32)
    if kind == "ties":
        noise = rng.integers(-2, 3, shape).astype(np.float32)
    elif kind in ("smooth", "faint"):
        y, x = np.ogrid[: shape[-2], : shape[-1]]
        centers = rng.uniform(-1, 1, (2, *shape[:-2], 1, 1)) * 0.6 + 0.5
        away = (x - centers[0] * shape[-1]) ** 2 + (y - centers[1] * shape[-2]) ** 2
        noise = np.exp(-away / (2 * rng.uniform(0.8, 4) ** 2)).astype(np.float32) + 0.003 * np.abs(noise)
        noise = noise * np.float32(2e-9 if kind == "faint" else 1)
    elif kind == "huge":
        noise = noise * np.float32(1e37)
    elif kind == "subnormal":
        noise = noise * np.float32(1e-40)
    elif kind == "constant":
        noise = np.full(shape, noise.flat[0] if noise.size else 0, np.float32)
    for value in special if noise.size else ():
        noise.flat[rng.integers(0, noise.size, 1 + noise.size // 200)] = value
    return torch.from_numpy(noise)


def laid_out(tensor: torch.Tensor, layout: str, seed: int) -> torch.Tensor:
    """The same numbers (but "expanded": the first repeated) in memory of another order."""
    if layout == "transposed":
        return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "channels_last" and tensor.ndim == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "sliced":
        return torch.stack([tensor, tensor * 0 - 7], -1)[..., 0]
    if layout == "offset":
        return torch.cat([torch.full((3,), 7.0, dtype=tensor.dtype), tensor.flatten()])[3:].view(tensor.shape)
    if layout == "expanded" and tensor.shape[0]:
        return tensor[:1].expand(tensor.shape)
    if layout == "permuted":
        order = np.random.default_rng(seed).permutation(tensor.ndim).tolist()
        return tensor.permute(order).contiguous().permute([order.index(d) for d in range(tensor.ndim)])
    return tensor


# ---- decoding


def uncertainty(maps: torch.Tensor, joints: torch.Tensor, method: str, kernel: int) -> torch.Tensor:
    """(N, J, 2) how far apart two right float32 computations of a step may be; inf: anywhere."""
    maps = maps.float().double()
    x, y, peak = decoding_reference._peaks(maps)

    def at(table, dx, dy):
        return decoding_reference._at(table, x + dx, y + dy)

    if method == "log_parabola":
        bounds = []
        for dx, dy in ((1, 0), (0, 1)):
            three = torch.stack([at(maps, -dx, -dy), peak, at(maps, dx, dy)])
            logs = three.log()
            error = 4 * EPSILON * (1 + logs.abs().amax(0))
            bound = (4 * error / (2 * logs[1] - logs[0] - logs[2]).abs()).nan_to_num(nan=math.inf)
            exact = (three <= 0).any(0) | ~three.isfinite().all(0)  # no step at all
            bounds.append(bound.clamp(max=1.0).masked_fill(exact, 0.0))  # it is at most half a cell
        return torch.stack(bounds, -1) + 1e-6 * (1 + joints.abs())
    if method != "dark":
        return torch.zeros_like(joints)
    taps = decoding_reference.gaussian_taps(kernel)
    blurred, largest = decoding_reference._blur(maps, taps), decoding_reference._blur(maps.abs(), taps)
    rounding = 2 * kernel * EPSILON * largest + 1e-44  # float32 has no finer steps
    top = blurred.amax((-2, -1), keepdim=True)
    rescale = maps.amax((-2, -1), keepdim=True) / top
    relative = rounding.amax((-2, -1), keepdim=True) / top.abs() + 4 * EPSILON
    value = blurred * rescale
    error = rounding * rescale.abs() + value.abs() * relative
    log = value.clamp(min=1e-10).log()
    error = (error / value.clamp(min=1e-10) + EPSILON * log.abs()).masked_fill(value + error < 1e-10, 0.0)
    error = torch.stack([at(error, a, b) for a in range(-2, 3) for b in range(-2, 3)]).amax(0)
    gx, gy = (at(log, 1, 0) - at(log, -1, 0)) / 2, (at(log, 0, 1) - at(log, 0, -1)) / 2
    hxx = (at(log, 2, 0) - 2 * at(log, 0, 0) + at(log, -2, 0)) / 4
    hyy = (at(log, 0, 2) - 2 * at(log, 0, 0) + at(log, 0, -2)) / 4
    hxy = (at(log, 1, 1) - at(log, 1, -1) - at(log, -1, 1) + at(log, -1, -1)) / 4
    wrong = error * (hxx.abs() + hyy.abs() + 2 * hxy.abs() + gx.abs() + gy.abs() + error)
    determinant = (hxx * hyy - hxy * hxy).abs()
    step = 1 + torch.maximum((hxy * gy - hyy * gx).abs(), (hxy * gx - hxx * gy).abs()) / determinant
    bound = (wrong * step / (determinant - wrong)).where(determinant > 2 * wrong, math.inf)
    height, width = maps.shape[-2:]
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    moves = inside & (peak > 0) & maps.isfinite().flatten(-2).all(-1) & (error != 0)
    return bound.nan_to_num(nan=math.inf).where(moves, 0.0)[..., None] + 1e-5 * (1 + joints.abs())


def assert_same_joints(found, maps, method, kernel):
    options = {"blur_kernel": kernel} if method == "dark" else {}
    joints, scores = decode_reference(maps, method, **options)
    torch.testing.assert_close(found[1].cpu(), scores, rtol=0, atol=0, equal_nan=True)
    bound = uncertainty(maps, joints, method, kernel)
    apart = (found[0].cpu().double() - joints.double()).abs()
    assert found[0].isfinite().all()
    worst = (apart - bound).argmax() if apart.numel() else None
    assert (apart <= bound).all(), (
        f"{found[0].flatten()[worst]} {joints.flatten()[worst]}, {bound.flatten()[worst]}"
    )


@compiled_backends_only
@cases(1500)
@given(
    st.sampled_from([*METHODS]), counts, counts, sides, sides, kinds, specials, layouts, dtypes,
    st.sampled_from([1, 3, 9, 11, 17]), seeds,
)  # fmt: skip
def test_decode(
    backend, device, method, people, joints, height, width, kind, special, layout, dtype, kernel, seed
):
    maps = laid_out(values((people, joints, height, width), kind, seed, special).to(dtype), layout, seed)
    options = {"blur_kernel": kernel} if method == "dark" else {}
    found = decode(maps.to(device), method, backend=backend, **options)
    assert_same_joints(found, maps, method, kernel)


@compiled_backends_only
@cases(400)
@given(
    st.sampled_from([*METHODS]), counts, counts, sides, sides, kinds, specials, layouts, layouts, dtypes,
    st.booleans(), seeds,
)  # fmt: skip
def test_merge_flip_decode(
    backend, device, method, people, joints, height, width, kind, special, layout, other, dtype, shift, seed
):
    shape = (people, joints, height, width)
    maps = laid_out(values(shape, kind, seed, special).to(dtype), layout, seed)
    mirrored = laid_out(values(shape, kind, seed + 1, special).to(dtype), other, seed)
    order = np.random.default_rng(seed).permutation(joints).tolist()
    found = merge_flip_decode(
        maps.to(device), mirrored.to(device), order, shift=shift, method=method, backend=backend
    )
    assert_same_joints(found, merge_flip(maps, mirrored, order, shift=shift), method, 11)


# ---- targets

places = st.one_of(
    st.floats(-60, 60, width=32),
    st.sampled_from([0.0, 0.5, -0.0, 1e-40, 1e9, -1e38, 1e38, math.nan, math.inf, -math.inf]),
)
weights = st.sampled_from([1.0, 1.0, 1.0, 0.0, -1.0, 1e-45, math.nan, math.inf, -math.inf, 1e38])
sigmas = st.one_of(st.floats(0.3, 8), st.sampled_from([1e-9, 1e-3, 1e3, 1e9, 1e18]))
patches = st.one_of(st.none(), st.floats(0, 6), st.sampled_from([0.0, 1e38]))


@compiled_backends_only
@cases(600)
@given(
    counts, counts, st.integers(0, 40), st.integers(0, 40), st.data(), sigmas, patches, st.booleans(), dtypes,
    st.booleans(),
)  # fmt: skip
def test_gaussian_targets(
    backend, device, people, joints, height, width, data, sigma, patch, background, dtype, into
):
    flat = data.draw(st.lists(places, min_size=2 * people * joints, max_size=2 * people * joints))
    drawn = data.draw(st.lists(weights, min_size=people * joints, max_size=people * joints))
    points = torch.tensor(flat).view(people, joints, 2)
    drawn = torch.tensor(drawn).view(people, joints)
    options = {"weights": drawn.to(device), "patch_sigmas": patch, "background": background}
    options |= {"backend": backend, "dtype": dtype}
    if into:
        shape = (people, joints + background, height, width)
        options["out"] = torch.full(shape, math.nan, dtype=dtype, device=device)
    expected_options = {"weights": drawn, "patch_sigmas": patch, "background": background}
    if not points[drawn > 0].isfinite().all():
        if height * width and backend != "cuda":
            with pytest.raises(ValueError, match="not a finite number"):
                gaussian_targets(points.to(device), (height, width), sigma, **options)
        return
    maps = gaussian_targets(points.to(device), (height, width), sigma, **options).cpu()
    expected = gaussian_targets_reference(points, (height, width), sigma, **expected_options)
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 2**-7, "atol": 1e-6}
    torch.testing.assert_close(maps, expected.to(dtype), **tolerance)


# ---- the loss


def assert_close_or_both_overflow(found, expected, size, dtype=torch.float32):
    """Equal to rounding of terms of `size`; where float32 overflows on the way, an intermediate may not have."""
    found, expected, size = found.double().cpu(), expected.double(), size.double()
    assert torch.equal(found.isnan(), expected.isnan()) or size.max() > 1e30
    compared = expected.isfinite() & found.isfinite()
    rounding = 2.0**-7 if dtype == torch.bfloat16 else 2e-5
    assert ((found - expected).abs() <= rounding * size + 1e-37)[compared].all()
    assert (size[~compared & ~expected.isnan()] > 1e30).all(), "one overflows where nothing is large"


@compiled_backends_only
@cases(400)
@given(
    st.integers(1, 4), counts, counts, sides, sides, kinds, specials, layouts, dtypes, st.booleans(),
    st.sampled_from(["mean", "euclidean"]), st.sampled_from(["none", "shared", "each"]), st.booleans(), seeds,
)  # fmt: skip
def test_stage_loss(
    backend, device, stages, people, maps, height, width, kind, special, layout, dtype, own, normalization,
    weighted, described, seed,
):  # fmt: skip
    shape = (stages, people, maps, height, width)
    beliefs = laid_out(values(shape, kind, seed, special).to(dtype), layout, seed)
    counted = values((1, 1, *shape[:3]), "noise", seed + 2)[0, 0].abs()
    counted = {"none": None, "shared": counted[0], "each": counted}[weighted]
    if described:
        points = 40 * torch.rand(people, maps, 2, generator=torch.Generator().manual_seed(seed)) - 3
        targets = GaussianTargets(
            points.to(device), torch.ones(people, maps, device=device), (height, width), 1.7
        )
        plain = gaussian_targets_reference(points, (height, width), 1.7)
    else:
        plain = laid_out(values(shape if own else shape[1:], "smooth", seed + 1), layout, seed)
        targets = plain.to(device)
    leaf, expected_leaf = beliefs.clone().to(device).requires_grad_(), beliefs.clone().requires_grad_()
    on_device = None if counted is None else counted.to(device)
    losses = stage_loss(leaf, targets, on_device, normalization=normalization, backend=backend)
    expected = stage_loss_reference(expected_leaf, plain, counted, normalization=normalization)
    assert losses.dtype == torch.float32
    assert_close_or_both_overflow(losses, expected.detach(), expected.detach().abs().nan_to_num(nan=math.inf))
    losses.sum().backward()
    expected.sum().backward()
    assert leaf.grad.dtype == dtype
    size = (2 * (beliefs.double().abs() + plain.double().abs())).nan_to_num(nan=math.inf)
    assert_close_or_both_overflow(leaf.grad, expected_leaf.grad, size, dtype)
