"""Decoding: numbers by hand, and the rules for ties, NaN, borders, empty input and errors."""

import math

import pytest
import torch

from cpm_edu import decoding
from cpm_edu.decoding import METHODS

SIZES = [(1, 1), (1, 5), (4, 1), (3, 3), (5, 4), (17, 33), (46, 46)]
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def decode(backend, device):
    """`decoding.decode` by this backend; maps are moved to its device, results back."""

    def run(maps, method, **options):
        joints, scores = decoding.decode(maps.to(device), method, backend=backend, **options)
        return joints.cpu(), scores.cpu()

    return run


def gaussians(centers, size, sigma):
    """(N, J, H, W) float32 Gaussians of height 1 around centers (N, J, 2) in cells."""
    y = torch.arange(size[0], dtype=torch.float64)[:, None]
    x = torch.arange(size[1], dtype=torch.float64)
    centers = torch.as_tensor(centers, dtype=torch.float64)[..., None, None, :]
    square = (x - centers[..., 0]).square() + (y - centers[..., 1]).square()
    return torch.exp(-square / (2 * sigma**2)).float()


def random_maps(*shape, seed=0):
    """Normal noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def one_map(rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]


# ---- by hand


@every_method
def test_peak_at_known_cell(decode, method):
    maps = torch.zeros(1, 1, 5, 7)
    maps[0, 0, 3, 6] = 1.0  # y = 3, x = 6
    joints, scores = decode(maps, method)
    assert joints.tolist() == [[[6.0, 3.0]]], "joints are (x, y); a (y, x) answer reads [3, 6]"
    assert scores.tolist() == [[1.0]]


def test_quarter_steps_toward_the_higher_neighbour(decode):
    maps = one_map([[0, 1, 0, 0, 0], [2, 9, 3, 0, 0], [0, 4, 0, 0, 0]])
    joints, _ = decode(maps, "quarter")
    assert joints[0, 0].tolist() == [1.25, 1.25]  # 3 > 2 to the right, 4 > 1 below
    joints, _ = decode(maps.flip(-1).flip(-2), "quarter")
    assert joints[0, 0].tolist() == [2.75, 0.75]


def test_quarter_treats_the_axes_apart_at_the_border(decode):
    maps = one_map([[9, 5, 0], [0, 0, 0], [0, 0, 0]])
    maps = torch.cat([maps, one_map([[1, 9, 2], [5, 5, 5], [0, 0, 0]])], 1)
    joints, _ = decode(maps, "quarter")
    assert joints[0].tolist() == [[0.0, 0.0], [1.25, 0.0]]


def test_msra_border_quirks(decode):
    def peak(x, y):
        maps = torch.zeros(1, 1, 6, 6)
        maps[..., y, x] = 1.0
        for a, b in ((x + 1, y), (x, y + 1)):
            if a < 6 and b < 6:
                maps[..., b, a] = 0.5
        return decode(maps, "msra")[0][0, 0].tolist()

    assert peak(2, 2) == [2.25, 2.25]
    assert peak(1, 2) == [1.0, 2.25], "column 1 takes no step on x"
    assert peak(2, 1) == [2.25, 1.0], "row 1 takes no step on y"
    assert peak(0, 2) == [0.0, 2.0], "column 0 takes no step on y either"
    assert peak(2, 0) == [2.0, 0.0], "row 0 takes no step on x either"
    assert peak(5, 2) == [5.0, 2.25], "the last column still steps on y"
    assert peak(4, 4) == [4.25, 4.25]


def test_msra_marks_maps_that_never_rise_above_zero(decode):
    maps = torch.stack([torch.zeros(4, 4), torch.full((4, 4), -2.0), torch.full((4, 4), 0.25)])[None]
    for joints, scores in (decode(maps, "msra"), decode(maps, "dark")):
        assert joints[0].tolist() == [[-1.0, -1.0], [-1.0, -1.0], [0.0, 0.0]]
        assert scores[0].tolist() == [0.0, -2.0, 0.25]


def test_log_parabola_by_hand(decode):
    # ln: 0, 2, 1 -> dx = (0 - 1) / (2 (0 - 4 + 1)) = 1/6
    row = torch.tensor([0.0, 2.0, 1.0]).exp()
    joints, scores = decode(row.view(1, 1, 1, 3), "log_parabola")
    assert joints[0, 0].tolist() == pytest.approx([1 + 1 / 6, 0.0], abs=1e-6)
    assert scores.item() == row[1].item()


def test_dark_by_hand(decode):
    # Without blur (one tap) on ln b = -(x - 4)^2 / 8 - (y - 4.2)^2 / 8 the Newton step is exact: (0, 0.2).
    joints, _ = decode(gaussians([[[4.0, 4.2]]], (9, 9), 2.0), "dark", blur_kernel=1)
    assert joints[0, 0].tolist() == pytest.approx([4.0, 4.2], abs=1e-5)


# ---- edges


@every_method
def test_ties_go_to_the_lowest_row_then_column(decode, method):
    maps = torch.zeros(1, 1, 9, 9)
    maps[..., 4, 6] = maps[..., 4, 3] = maps[..., 6, 1] = 1.0
    # a blur of one cell, lest DARK feels the two others
    joints, _ = decode(maps, method, **({"blur_kernel": 1} if method == "dark" else {}))
    assert joints[0, 0].tolist() == [3.0, 4.0]


@every_method
@pytest.mark.parametrize("value", [0.0, -3.0, 0.25, -math.inf, math.inf])
def test_constant_maps(decode, method, value):
    joints, scores = decode(torch.full((1, 2, 17, 33), value), method)
    empty = method in ("msra", "dark") and value <= 0
    assert joints.tolist() == [[[-1.0, -1.0] if empty else [0.0, 0.0]] * 2]
    assert scores.tolist() == [[value] * 2]


@every_method
def test_plateaus(decode, method):
    """The first cell of a plateau is taken; equal neighbours cancel, and half a cell is the furthest step."""
    maps = torch.full((1, 1, 9, 9), 0.5)
    maps[..., 3, 4] = maps[..., 4, 3:6] = 1.0
    joints, _ = decode(maps, method)
    expected = {"argmax": [4.0, 3.0], "log_parabola": [4.0, 3.5], "dark": None}.get(method, [4.0, 3.25])
    if expected:
        assert joints[0, 0].tolist() == expected
    assert joints.isfinite().all()


@every_method
def test_nan_never_wins_against_a_number(decode, method):
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
def test_a_bad_neighbour_takes_no_step(decode, method, bad):
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
def test_dark_leaves_maps_that_are_not_finite_at_their_cell(decode, bad):
    maps = gaussians([[[4.3, 4.3]]], (33, 33), 1.5)
    maps[..., 30, 30] = bad  # far beyond the reach of the blur
    assert decode(maps, "dark")[0][0, 0].tolist() == [4.0, 4.0]


def test_log_parabola_where_the_logs_are_equal(decode):
    below = torch.nextafter(torch.tensor(100.0), torch.tensor(0.0)).item()
    assert decode(one_map([[below, 100.0, below]]), "log_parabola")[0][0, 0].tolist() == [1.0, 0.0]


def test_log_parabola_at_the_border_and_at_zero(decode):
    joints, _ = decode(gaussians([[[0.2, 3.2], [6.0, 0.3], [3.4, 5.6]]], (7, 7), 1.0), "log_parabola")
    assert joints[0].tolist() == [
        [0.0, pytest.approx(3.2, abs=1e-3)],
        [6.0, 0.0],
        [pytest.approx(3.4, abs=1e-3), 6.0],
    ]
    maps = one_map([[0, 1, 0.5]])  # ln 0 does not exist
    assert decode(maps, "log_parabola")[0][0, 0].tolist() == [1.0, 0.0]


def test_dark_needs_two_cells_on_each_side(decode):
    for x, moved in ((1.2, False), (2.2, True), (13.8, True), (14.8, False)):
        joints, _ = decode(gaussians([[[x, 8.0]]], (17, 17), 2.0), "dark")
        assert (joints[0, 0, 0].item() != round(x)) == moved, x


def test_dark_takes_no_step_where_the_hessian_is_singular(decode):
    """Powers of two make it exactly singular: hxx = hyy = -hxy. A product fused into the sum would not be 0."""
    maps = torch.full((7, 7), 2.0**-9)
    maps[3, 3] = 1.0
    maps[3, 1] = maps[3, 5] = maps[1, 3] = maps[5, 3] = 0.5
    maps[4, 4] = maps[2, 4] = 0.5
    maps[4, 2], maps[2, 2] = 1 / 16, 1 / 4
    maps[3, 4], maps[3, 2], maps[4, 3], maps[2, 3] = 0.5, 0.25, 0.25, 0.125
    joints, _ = decode(maps[None, None], "dark", blur_kernel=1)
    assert joints[0, 0].tolist() == [3.0, 3.0]


def test_dark_is_not_bounded(decode):
    steps = decode(random_maps(20, 17, 24, 24), "dark")[0] - decode(random_maps(20, 17, 24, 24), "argmax")[0]
    assert steps.abs().max() > 5


@every_method
@pytest.mark.parametrize("shape", [(0, 5, 7, 9), (3, 0, 7, 9), (0, 0, 1, 1)])
def test_nothing_in_nothing_out(decode, method, shape):
    joints, scores = decode(torch.zeros(shape), method)
    assert joints.shape == (*shape[:2], 2)
    assert scores.shape == shape[:2]
    assert joints.dtype == scores.dtype == torch.float32


@every_method
@pytest.mark.parametrize("size", SIZES)
def test_stride_of_the_memory_does_not_matter(decode, method, size):
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
def test_bfloat16_is_decoded_as_its_float32_values(decode, method):
    maps = random_maps(2, 3, 17, 33).bfloat16()
    joints, scores = decode(maps, method)
    expected = decode(maps.float(), method)
    assert joints.dtype == scores.dtype == torch.float32
    assert torch.equal(joints, expected[0])
    assert torch.equal(scores, expected[1])


@every_method
def test_input_is_left_alone(decode, method):
    maps = random_maps(1, 2, 6, 6)
    before = maps.clone()
    decode(maps, method)
    assert torch.equal(maps, before)


# ---- errors


def test_errors_say_what_was_expected(backend):
    with pytest.raises(ValueError, match="argmax, quarter, msra, log_parabola, dark"):
        decoding.decode(torch.zeros(1, 1, 2, 2), "darkest", backend=backend)
    for decoder in METHODS.values():
        with pytest.raises(ValueError, match=r"\(N, J, H, W\), not \(2, 2\)"):
            decoder(torch.zeros(2, 2), backend=backend)
        with pytest.raises(ValueError, match="no cells"):
            decoder(torch.zeros(1, 1, 0, 4), backend=backend)
        with pytest.raises(TypeError, match="float64"):
            decoder(torch.zeros(1, 1, 2, 2, dtype=torch.float64), backend=backend)
        with pytest.raises(TypeError, match=r"torch\.Tensor"):
            decoder([[1.0]], backend=backend)
    for kernel in (0, 4, -3, 2.5):
        with pytest.raises(ValueError, match="odd positive integer"):
            decoding.decode_dark(torch.zeros(1, 1, 2, 2), kernel, backend=backend)
    with pytest.raises(TypeError):
        decoding.decode(torch.zeros(1, 1, 2, 2), "argmax", blur_kernel=3, backend=backend)


# ---- gradients


@every_method
def test_decoders_give_no_gradient(decode, method):
    joints, scores = decode(random_maps(1, 2, 6, 6).requires_grad_(), method)
    assert not joints.requires_grad
    assert not scores.requires_grad
