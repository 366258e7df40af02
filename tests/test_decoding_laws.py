"""Decoding against slow loops over cells, and the laws that tie decoders to targets, mirrors and each other."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu import decoding
from cpm_edu.decoding import METHODS
from cpm_edu.targets import gaussian_targets

SIZES = [(1, 1), (1, 5), (4, 1), (3, 3), (5, 4), (17, 33), (46, 46)]
few = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def decode(backend, device):
    """`decoding.decode` by this backend; maps are moved to its device, results back."""

    def run(maps, method, **options):
        joints, scores = decoding.decode(maps.to(device), method, backend=backend, **options)
        return joints.cpu(), scores.cpu()

    return run


def gaussians(centers, size, sigma):
    return gaussian_targets(torch.tensor(centers, dtype=torch.float32), size, sigma)


def random_maps(*shape, seed=0, levels=None):
    """Normal noise; with `levels`, small whole numbers, so that ties and plateaus are common."""
    generator = torch.Generator().manual_seed(seed)
    if levels:
        return torch.randint(-1, levels, shape, generator=generator).float()
    return torch.randn(shape, generator=generator)


# ---- agreement with slow loops


def slow_peak(rows):
    """(x, y, value) of the first largest number, skipping NaN."""
    best = None
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            if not math.isnan(value) and (best is None or value > best[2]):
                best = (x, y, value)
    return best or (0, 0, rows[0][0])


def slow_step(rows, x, y, method):
    height, width = len(rows), len(rows[0])

    def sign(a, b):
        return 0.25 * ((b > a) - (b < a))

    def vertex(a, b, c):
        if not (a > 0 and b > 0 and c > 0) or math.isinf(b) or a == b == c:
            return 0.0
        a, b, c = math.log(a), math.log(b), math.log(c)
        return (a - c) / (2 * (a - 2 * b + c))

    in_x, in_y = 0 < x < width - 1, 0 < y < height - 1
    if method == "quarter":
        return (
            sign(rows[y][x - 1], rows[y][x + 1]) if in_x else 0.0,
            sign(rows[y - 1][x], rows[y + 1][x]) if in_y else 0.0,
        )
    if method == "msra":
        return (
            sign(rows[y][x - 1], rows[y][x + 1]) if in_x and x > 1 and y > 0 else 0.0,
            sign(rows[y - 1][x], rows[y + 1][x]) if in_y and y > 1 and x > 0 else 0.0,
        )
    if method == "log_parabola":
        return (
            vertex(rows[y][x - 1], rows[y][x], rows[y][x + 1]) if in_x else 0.0,
            vertex(rows[y - 1][x], rows[y][x], rows[y + 1][x]) if in_y else 0.0,
        )
    return 0.0, 0.0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["argmax", "quarter", "msra", "log_parabola"])
def test_agrees_with_a_loop_over_cells(decode, method, size):
    maps = torch.cat([random_maps(3, 4, *size), random_maps(3, 4, *size, levels=4)])
    maps[0, 0] = maps[0, 0].abs() + 0.1
    maps[1, 1, 0, 0] = math.nan
    joints, scores = decode(maps, method)
    for n in range(maps.shape[0]):
        for j in range(maps.shape[1]):
            rows = maps[n, j].tolist()
            x, y, value = slow_peak(rows)
            dx, dy = slow_step(rows, x, y, method)
            expected = (x + dx, y + dy)
            if method == "msra" and not value > 0:
                expected = (-1.0, -1.0)
            # log in float32 against float64; all other steps are exact
            tolerance = 1e-4 if method == "log_parabola" else 0
            assert joints[n, j].tolist() == pytest.approx(expected, abs=tolerance), (method, size, n, j)
            assert scores[n, j].item() == pytest.approx(value, abs=0, nan_ok=True)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 11, 17])
def test_dark_agrees_with_a_loop(decode, kernel):
    """The rule of peer mmpose written as loops in float64, on smooth maps that keep the step well posed."""
    maps = gaussians([[[7.3, 6.8], [2.2, 9.4], [1.4, 5.0], [12.0, 11.9]]], (14, 16), 2.0)
    # maps so faint that only the rescaling lifts them above the floor of 1e-10
    maps = torch.cat([maps + 0.05, 2e-10 * maps], 1)
    tables = {
        3: (1, 2, 1),
        5: (1, 4, 6, 4, 1),
        7: (8, 28, 56, 72, 56, 28, 8),
        9: (4, 13, 30, 51, 60, 51, 30, 13, 4),
    }
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    taps = tables.get(kernel, [math.exp(-((i - kernel // 2) ** 2) / (2 * sigma**2)) for i in range(kernel)])
    taps = [t / sum(taps) for t in taps]
    joints, _ = decode(maps, "dark", blur_kernel=kernel)
    height, width = maps.shape[-2:]
    for j in range(maps.shape[1]):
        rows = maps[0, j].tolist()
        half = kernel // 2

        def blurred(y, x, rows=rows, half=half):
            return sum(
                taps[a + half] * taps[b + half] * rows[y + a][x + b]
                for a in range(-half, half + 1)
                for b in range(-half, half + 1)
                if 0 <= y + a < height and 0 <= x + b < width
            )

        x, y, value = slow_peak(rows)
        expected = [x, y]
        if 1 < x < width - 2 and 1 < y < height - 2:
            new_max = max(blurred(b, a) for b in range(height) for a in range(width))
            near = {
                (a, b): math.log(max(blurred(y + b, x + a) * value / new_max, 1e-10))
                for a in range(-2, 3)
                for b in range(-2, 3)
            }
            gx, gy = (near[1, 0] - near[-1, 0]) / 2, (near[0, 1] - near[0, -1]) / 2
            xx = (near[2, 0] - 2 * near[0, 0] + near[-2, 0]) / 4
            yy = (near[0, 2] - 2 * near[0, 0] + near[0, -2]) / 4
            xy = (near[1, 1] - near[1, -1] - near[-1, 1] + near[-1, -1]) / 4
            determinant = xx * yy - xy * xy
            expected = [x - (yy * gx - xy * gy) / determinant, y - (xx * gy - xy * gx) / determinant]
        assert joints[0, j].tolist() == pytest.approx(expected, abs=1e-4), j  # float32 against float64


# ---- laws


@few
@given(
    st.tuples(st.floats(1, 31), st.floats(1, 15)),
    st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    st.floats(0.01, 50.0),
)
def test_log_parabola_brings_a_gaussian_back(decode, center, sigma, height):
    joints, _ = decode(height * gaussians([[center]], (17, 33), sigma), "log_parabola")
    assert (joints[0, 0] - torch.tensor(center)).abs().max() < 1e-3


@few
@given(
    st.tuples(st.floats(0, 45), st.floats(0, 45)),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([*METHODS]),
)
def test_every_decoder_lands_within_its_reach(decode, center, sigma, method):
    joints, scores = decode(gaussians([[center]], (46, 46), sigma), method)
    if min(center) > 4 and max(center) < 41:  # the blur of DARK sees the border beyond
        reach = {"argmax": 0.5, "quarter": 0.25, "msra": 0.25, "log_parabola": 1e-3, "dark": 0.12}[method]
    else:
        reach = 0.75
    assert (joints[0, 0] - torch.tensor(center)).abs().max() <= reach + 1e-4
    assert 0 < scores.item() <= 1


@few
@given(st.permutations(range(6)), st.sampled_from([*METHODS]), st.integers(0, 1000))
def test_order_of_joints_does_not_matter(decode, order, method, seed):
    maps = random_maps(2, 6, 9, 11, seed=seed)
    joints, scores = decode(maps, method)
    permuted = decode(maps[:, order], method)
    assert torch.equal(permuted[0], joints[:, order])
    assert torch.equal(permuted[1], scores[:, order])


@few
@given(st.sampled_from(["argmax", "quarter", "log_parabola"]), st.integers(0, 1000))
def test_mirrored_maps_give_mirrored_joints(decode, method, seed):
    maps = random_maps(2, 3, 9, 11, seed=seed)  # noise: no ties
    joints, _ = decode(maps, method)
    mirrored, _ = decode(maps.flip(-1), method)
    torch.testing.assert_close(mirrored, torch.stack([10 - joints[..., 0], joints[..., 1]], -1))
