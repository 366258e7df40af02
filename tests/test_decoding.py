"""Decoding against numbers by hand, slow loops over cells, and the laws that every decoder keeps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu.decoding import (
    METHODS,
    decode,
    decode_argmax,
    decode_dark,
    decode_log_parabola,
    decode_msra,
    decode_quarter,
    merge_flip,
)
from cpm_edu.skeletons import COCO, LSP

SIZES = [(1, 1), (1, 5), (4, 1), (3, 3), (5, 4), (17, 33), (46, 46)]
every_method = pytest.mark.parametrize("method", METHODS)
few = settings(max_examples=40, deadline=None)


def gaussians(centers, size, sigma):
    """(N, J, H, W) float32 Gaussians of height 1 around centers (N, J, 2) in cells."""
    y = torch.arange(size[0], dtype=torch.float64)[:, None]
    x = torch.arange(size[1], dtype=torch.float64)
    centers = torch.as_tensor(centers, dtype=torch.float64)[..., None, None, :]
    square = (x - centers[..., 0]).square() + (y - centers[..., 1]).square()
    return torch.exp(-square / (2 * sigma**2)).float()


def random_maps(*shape, seed=0, levels=None):
    """Normal noise; with `levels`, small whole numbers, so that ties and plateaus are common."""
    generator = torch.Generator().manual_seed(seed)
    if levels:
        return torch.randint(-1, levels, shape, generator=generator).float()
    return torch.randn(shape, generator=generator)


def one_map(rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]


# ---- by hand


@every_method
def test_peak_at_known_cell(method):
    maps = torch.zeros(1, 1, 5, 7)
    maps[0, 0, 3, 6] = 1.0  # y = 3, x = 6
    joints, scores = decode(maps, method)
    assert joints.tolist() == [[[6.0, 3.0]]], "joints are (x, y); a (y, x) answer reads [3, 6]"
    assert scores.tolist() == [[1.0]]


def test_quarter_steps_toward_the_higher_neighbour():
    maps = one_map([[0, 1, 0, 0, 0], [2, 9, 3, 0, 0], [0, 4, 0, 0, 0]])
    joints, _ = decode_quarter(maps)
    assert joints[0, 0].tolist() == [1.25, 1.25]  # 3 > 2 to the right, 4 > 1 below
    joints, _ = decode_quarter(maps.flip(-1).flip(-2))
    assert joints[0, 0].tolist() == [2.75, 0.75]


def test_quarter_treats_the_axes_apart_at_the_border():
    maps = one_map([[9, 5, 0], [0, 0, 0], [0, 0, 0]])
    maps = torch.cat([maps, one_map([[1, 9, 2], [5, 5, 5], [0, 0, 0]])], 1)
    joints, _ = decode_quarter(maps)
    assert joints[0].tolist() == [[0.0, 0.0], [1.25, 0.0]]


def test_msra_border_quirks():
    def peak(x, y):
        maps = torch.zeros(1, 1, 6, 6)
        maps[..., y, x] = 1.0
        for a, b in ((x + 1, y), (x, y + 1)):
            if a < 6 and b < 6:
                maps[..., b, a] = 0.5
        return decode_msra(maps)[0][0, 0].tolist()

    assert peak(2, 2) == [2.25, 2.25]
    assert peak(1, 2) == [1.0, 2.25], "column 1 takes no step on x"
    assert peak(2, 1) == [2.25, 1.0], "row 1 takes no step on y"
    assert peak(0, 2) == [0.0, 2.0], "column 0 takes no step on y either"
    assert peak(2, 0) == [2.0, 0.0], "row 0 takes no step on x either"
    assert peak(5, 2) == [5.0, 2.25], "the last column still steps on y"
    assert peak(4, 4) == [4.25, 4.25]


def test_msra_marks_maps_that_never_rise_above_zero():
    maps = torch.stack([torch.zeros(4, 4), torch.full((4, 4), -2.0), torch.full((4, 4), 0.25)])[None]
    for joints, scores in (decode_msra(maps), decode_dark(maps)):
        assert joints[0].tolist() == [[-1.0, -1.0], [-1.0, -1.0], [0.0, 0.0]]
        assert scores[0].tolist() == [0.0, -2.0, 0.25]


def test_log_parabola_by_hand():
    # ln: 0, 2, 1 -> dx = (0 - 1) / (2 (0 - 4 + 1)) = 1/6
    row = torch.tensor([0.0, 2.0, 1.0]).exp()
    joints, scores = decode_log_parabola(row.view(1, 1, 1, 3))
    assert joints[0, 0].tolist() == pytest.approx([1 + 1 / 6, 0.0], abs=1e-6)
    assert scores.item() == row[1].item()


def test_dark_by_hand():
    # Without blur (one tap) on ln b = -(x - 4)^2 / 8 - (y - 4.2)^2 / 8 the Newton step is exact: (0, 0.2).
    joints, _ = decode_dark(gaussians([[[4.0, 4.2]]], (9, 9), 2.0), blur_kernel=1)
    assert joints[0, 0].tolist() == pytest.approx([4.0, 4.2], abs=1e-5)


def test_merge_flip_by_hand():
    maps = torch.zeros(1, 2, 1, 4)
    mirrored = torch.tensor([[[[1.0, 2, 3, 4]], [[5, 6, 7, 8]]]])
    assert (2 * merge_flip(maps, mirrored, (1, 0), shift=False)).tolist() == [
        [[[8, 7, 6, 5]], [[4, 3, 2, 1]]]
    ]
    assert (2 * merge_flip(maps, mirrored, (1, 0), shift=True)).tolist() == [[[[8, 8, 7, 6]], [[4, 4, 3, 2]]]]


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
def test_agrees_with_a_loop_over_cells(method, size):
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
def test_dark_agrees_with_a_loop(kernel):
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
    joints, _ = decode_dark(maps, kernel)
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
def test_log_parabola_brings_a_gaussian_back(center, sigma, height):
    joints, _ = decode_log_parabola(height * gaussians([[center]], (17, 33), sigma))
    assert (joints[0, 0] - torch.tensor(center)).abs().max() < 1e-3


@few
@given(
    st.tuples(st.floats(0, 45), st.floats(0, 45)),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([*METHODS]),
)
def test_every_decoder_lands_within_its_reach(center, sigma, method):
    joints, scores = decode(gaussians([[center]], (46, 46), sigma), method)
    if min(center) > 4 and max(center) < 41:  # the blur of DARK sees the border beyond
        reach = {"argmax": 0.5, "quarter": 0.25, "msra": 0.25, "log_parabola": 1e-3, "dark": 0.12}[method]
    else:
        reach = 0.75
    assert (joints[0, 0] - torch.tensor(center)).abs().max() <= reach + 1e-4
    assert 0 < scores.item() <= 1


@few
@given(st.permutations(range(6)), st.sampled_from([*METHODS]), st.integers(0, 1000))
def test_order_of_joints_does_not_matter(order, method, seed):
    maps = random_maps(2, 6, 9, 11, seed=seed)
    joints, scores = decode(maps, method)
    permuted = decode(maps[:, order], method)
    assert torch.equal(permuted[0], joints[:, order])
    assert torch.equal(permuted[1], scores[:, order])


@few
@given(st.sampled_from(["argmax", "quarter", "log_parabola"]), st.integers(0, 1000))
def test_mirrored_maps_give_mirrored_joints(method, seed):
    maps = random_maps(2, 3, 9, 11, seed=seed)  # noise: no ties
    joints, _ = decode(maps, method)
    mirrored, _ = decode(maps.flip(-1), method)
    torch.testing.assert_close(mirrored, torch.stack([10 - joints[..., 0], joints[..., 1]], -1))


@few
@given(st.sampled_from([COCO, LSP]), st.booleans(), st.integers(0, 1000))
def test_mirroring_twice_changes_nothing(skeleton, background, seed):
    channels = skeleton.num_joints + background
    maps = random_maps(2, channels, 5, 7, seed=seed)
    zeros = torch.zeros_like(maps)
    once = 2 * merge_flip(zeros, maps, skeleton.flip_permutation, shift=False)
    twice = 2 * merge_flip(zeros, once, skeleton.flip_permutation, shift=False)
    assert torch.equal(twice, maps)
    assert not torch.equal(once, maps)


def test_merge_of_a_symmetric_network_changes_nothing():
    """If the mirrored pass sees exactly the mirrored world, the mean is the first pass."""
    permutation = list(LSP.flip_permutation)
    maps = random_maps(2, 15, 6, 8)
    mirrored = maps.flip(-1)[:, [*permutation, 14]]
    torch.testing.assert_close(merge_flip(maps, mirrored, permutation, shift=False), maps)


def test_background_keeps_its_place():
    maps = random_maps(1, 3, 4, 5)
    merged = merge_flip(torch.zeros_like(maps), maps, (1, 0), shift=False)
    assert torch.equal(2 * merged[:, 2], maps[:, 2].flip(-1))


def test_shift_mends_the_msra_convention():
    """Stride 8, joint on pixel 100 of a 192 px crop: cell 12.5; mirrored it stands on (191 - 100) / 8 = 11.375."""
    maps = gaussians([[[12.5, 8.0]]], (17, 24), 2.0)
    mirrored = gaussians([[[(191 - 100) / 8, 8.0]]], (17, 24), 2.0)
    zeros = torch.zeros_like(maps)
    shifted = decode_log_parabola(merge_flip(zeros, mirrored, (0,), shift=True))[0][0, 0, 0].item()
    plain = decode_log_parabola(merge_flip(zeros, mirrored, (0,), shift=False))[0][0, 0, 0].item()
    assert plain == pytest.approx(12.5 - 7 / 8, abs=1e-3)
    assert shifted == pytest.approx(12.5 + 1 / 8, abs=1e-3)


# ---- edges


@every_method
def test_ties_go_to_the_lowest_row_then_column(method):
    maps = torch.zeros(1, 1, 9, 9)
    maps[..., 4, 6] = maps[..., 4, 3] = maps[..., 6, 1] = 1.0
    # a blur of one cell, lest DARK feels the two others
    joints, _ = decode(maps, method, **({"blur_kernel": 1} if method == "dark" else {}))
    assert joints[0, 0].tolist() == [3.0, 4.0]


@every_method
@pytest.mark.parametrize("value", [0.0, -3.0, 0.25, -math.inf, math.inf])
def test_constant_maps(method, value):
    joints, scores = decode(torch.full((1, 2, 17, 33), value), method)
    empty = method in ("msra", "dark") and value <= 0
    assert joints.tolist() == [[[-1.0, -1.0] if empty else [0.0, 0.0]] * 2]
    assert scores.tolist() == [[value] * 2]


@every_method
def test_plateaus(method):
    """The first cell of a plateau is taken; equal neighbours cancel, and half a cell is the furthest step."""
    maps = torch.full((1, 1, 9, 9), 0.5)
    maps[..., 3, 4] = maps[..., 4, 3:6] = 1.0
    joints, _ = decode(maps, method)
    expected = {"argmax": [4.0, 3.0], "log_parabola": [4.0, 3.5], "dark": None}.get(method, [4.0, 3.25])
    if expected:
        assert joints[0, 0].tolist() == expected
    assert joints.isfinite().all()


@every_method
def test_nan_never_wins_against_a_number(method):
    maps = torch.full((1, 3, 7, 9), math.nan)
    maps[0, 0, 4, 5] = 0.5
    maps[0, 1, 4, 5] = -math.inf
    joints, scores = decode(maps, method)
    empty = [-1.0, -1.0]
    marks = method in ("msra", "dark")
    assert joints[0].tolist() == [[5.0, 4.0], empty if marks else [5.0, 4.0], empty if marks else [0.0, 0.0]]
    assert scores[0, 0].item() == 0.5
    assert scores[0, 1].item() == -math.inf
    assert scores[0, 2].isnan()


@every_method
@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_a_bad_neighbour_takes_no_step(method, bad):
    maps = gaussians([[[4.3, 4.3]]], (9, 9), 1.5)
    maps[..., 4, 5] = bad
    joints, _ = decode(maps, method)
    if method in ("quarter", "msra"):
        # -inf is an ordinary, very low number to a comparison
        assert joints[0, 0].tolist() == [4.0 if math.isnan(bad) else 3.75, 4.25]
    elif method == "log_parabola":
        assert joints[0, 0].tolist() == [4.0, pytest.approx(4.3, abs=1e-3)]
    else:
        assert joints[0, 0].tolist() == [4.0, 4.0]


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_dark_leaves_maps_that_are_not_finite_at_their_cell(bad):
    maps = gaussians([[[4.3, 4.3]]], (33, 33), 1.5)
    maps[..., 30, 30] = bad  # far beyond the reach of the blur
    assert decode_dark(maps)[0][0, 0].tolist() == [4.0, 4.0]


def test_log_parabola_where_the_logs_are_equal():
    below = torch.nextafter(torch.tensor(100.0), torch.tensor(0.0)).item()
    assert decode_log_parabola(one_map([[below, 100.0, below]]))[0][0, 0].tolist() == [1.0, 0.0]


def test_log_parabola_at_the_border_and_at_zero():
    joints, _ = decode_log_parabola(gaussians([[[0.2, 3.2], [6.0, 0.3], [3.4, 5.6]]], (7, 7), 1.0))
    assert joints[0].tolist() == [
        [0.0, pytest.approx(3.2, abs=1e-3)],
        [6.0, 0.0],
        [pytest.approx(3.4, abs=1e-3), 6.0],
    ]
    maps = one_map([[0, 1, 0.5]])  # ln 0 does not exist
    assert decode_log_parabola(maps)[0][0, 0].tolist() == [1.0, 0.0]


def test_dark_needs_two_cells_on_each_side():
    for x, moved in ((1.2, False), (2.2, True), (13.8, True), (14.8, False)):
        joints, _ = decode_dark(gaussians([[[x, 8.0]]], (17, 17), 2.0))
        assert (joints[0, 0, 0].item() != round(x)) == moved, x


def test_dark_is_not_bounded():
    steps = decode_dark(random_maps(20, 17, 24, 24))[0] - decode_argmax(random_maps(20, 17, 24, 24))[0]
    assert steps.abs().max() > 5


@every_method
@pytest.mark.parametrize("shape", [(0, 5, 7, 9), (3, 0, 7, 9), (0, 0, 1, 1)])
def test_nothing_in_nothing_out(method, shape):
    joints, scores = decode(torch.zeros(shape), method)
    assert joints.shape == (*shape[:2], 2)
    assert scores.shape == shape[:2]
    assert joints.dtype == scores.dtype == torch.float32


def test_merge_flip_of_nothing():
    assert merge_flip(torch.zeros(0, 3, 4, 5), torch.zeros(0, 3, 4, 5), (0, 1, 2), shift=True).shape == (
        0,
        3,
        4,
        5,
    )
    assert merge_flip(torch.zeros(2, 0, 4, 5), torch.zeros(2, 0, 4, 5), (), shift=True).shape == (2, 0, 4, 5)
    assert merge_flip(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1), (0,), shift=True).item() == 1.0


@every_method
@pytest.mark.parametrize("size", SIZES)
def test_stride_of_the_memory_does_not_matter(method, size):
    maps = random_maps(2, 3, *size)
    expected = decode(maps, method)
    transposed = maps.transpose(-1, -2).contiguous().transpose(-1, -2)
    channels_last = maps.contiguous(memory_format=torch.channels_last)
    sliced = torch.zeros(2, 3, *size, 2)[..., 1].copy_(maps)
    expanded = maps[:1].expand(2, -1, -1, -1)
    for same in (transposed, channels_last, sliced):
        joints, scores = decode(same, method)
        # the blur of DARK may sum in another order
        torch.testing.assert_close(joints, expected[0], rtol=0, atol=1e-2 if method == "dark" else 0)
        assert torch.equal(scores, expected[1])
    assert torch.equal(decode(expanded, method)[1][1], expected[1][0])


@every_method
def test_bfloat16_is_decoded_as_its_float32_values(method):
    maps = random_maps(2, 3, 17, 33).bfloat16()
    joints, scores = decode(maps, method)
    expected = decode(maps.float(), method)
    assert joints.dtype == scores.dtype == torch.float32
    assert torch.equal(joints, expected[0])
    assert torch.equal(scores, expected[1])


@every_method
def test_input_is_left_alone(method):
    maps = random_maps(1, 2, 6, 6)
    before = maps.clone()
    decode(maps, method)
    assert torch.equal(maps, before)


# ---- errors


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="argmax, quarter, msra, log_parabola, dark"):
        decode(torch.zeros(1, 1, 2, 2), "darkest")
    for decoder in METHODS.values():
        with pytest.raises(ValueError, match=r"\(N, J, H, W\), not \(2, 2\)"):
            decoder(torch.zeros(2, 2))
        with pytest.raises(ValueError, match="no cells"):
            decoder(torch.zeros(1, 1, 0, 4))
        with pytest.raises(TypeError, match="float64"):
            decoder(torch.zeros(1, 1, 2, 2, dtype=torch.float64))
        with pytest.raises(TypeError, match=r"torch\.Tensor"):
            decoder([[1.0]])
    for kernel in (0, 4, -3, 2.5):
        with pytest.raises(ValueError, match="odd positive integer"):
            decode_dark(torch.zeros(1, 1, 2, 2), kernel)
    with pytest.raises(TypeError):
        decode(torch.zeros(1, 1, 2, 2), "argmax", blur_kernel=3)


def test_merge_flip_errors():
    maps = torch.zeros(1, 3, 4, 5)
    with pytest.raises(ValueError, match="differ in shape"):
        merge_flip(maps, maps[..., :4], (0, 1, 2), shift=False)
    for wrong in ((0,), (0, 0, 1), (0, 1, 3), (0, 1, 2, 3), (-1, 0, 1)):
        with pytest.raises(ValueError, match=r"each of 0\.\.J-1 once"):
            merge_flip(maps, maps, wrong, shift=False)
    with pytest.raises(TypeError, match="maps_of_mirrored"):
        merge_flip(maps, maps.long(), (0, 1, 2), shift=False)


# ---- gradients


@every_method
def test_decoders_give_no_gradient(method):
    joints, scores = decode(random_maps(1, 2, 6, 6).requires_grad_(), method)
    assert not joints.requires_grad
    assert not scores.requires_grad


def test_merge_flip_is_differentiable():
    a, b = random_maps(1, 3, 4, 5).requires_grad_(), random_maps(1, 3, 4, 5, seed=1).requires_grad_()
    merge_flip(a, b, (1, 0), shift=True).sum().backward()
    assert torch.equal(a.grad, torch.full_like(a, 0.5))
    # mirrored, the first column comes back as the last one, which the shift pushes out
    assert torch.equal(b.grad[..., -1], torch.ones(1, 3, 4))
    assert torch.equal(b.grad[..., 0], torch.zeros(1, 3, 4))
