"""Coordinates: numbers by hand in both conventions, round trips, and pictures that must stay in place."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu.coords import (
    apply_affine,
    box_center_scale,
    cells_from_px,
    crop_matrix,
    fit_aspect,
    invert_affine,
    mirror_points,
    px_from_cells,
    warp_images,
)
from cpm_edu.skeletons import LSP

conventions = pytest.mark.parametrize("convention", ["center", "msra"])
few = settings(max_examples=50, deadline=None)
IDENTITY = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def points(*xy):
    return torch.tensor(xy, dtype=torch.float64)


def blob(size, center, sigma):
    """(1, 1, H, W) Gaussian of height 1 around center (x, y)."""
    y = torch.arange(size[0], dtype=torch.float64)[:, None]
    x = torch.arange(size[1], dtype=torch.float64)
    return torch.exp(-((x - center[0]).square() + (y - center[1]).square()) / (2 * sigma**2))[
        None, None
    ].float()


def centroid(image):
    """(x, y) of the mass of a (1, 1, H, W) image."""
    mass = image[0, 0].double()
    x, y = torch.arange(mass.shape[1]), torch.arange(mass.shape[0])
    return [((mass.sum(0) * x).sum() / mass.sum()).item(), ((mass.sum(1) * y).sum() / mass.sum()).item()]


# ---- by hand


def test_cells_by_hand():
    # stride 8: cell 0 covers pixels 0..7, whose middle is 3.5
    assert cells_from_px(points([3.5, 11.5]), 8).tolist() == [[0.0, 1.0]]
    assert cells_from_px(points([-0.5, 7.5]), 8).tolist() == [[-0.5, 0.5]], "borders between cells"
    assert px_from_cells(points([0.0, 45.0]), 8).tolist() == [[3.5, 363.5]]
    assert cells_from_px(points([8.0, 12.0]), 8, "msra").tolist() == [[1.0, 1.5]]
    assert px_from_cells(points([0.0, 45.0]), 8, "msra").tolist() == [[0.0, 360.0]]


def test_stride_may_differ_between_x_and_y():
    assert cells_from_px(points([8.0, 8.0]), (8, 4), "msra").tolist() == [[1.0, 2.0]]
    assert px_from_cells(points([1.0, 1.0]), (8, 4)).tolist() == [[11.5, 5.5]]


def test_box_by_hand():
    center, scale = box_center_scale(torch.tensor([[10, 20, 50, 100]]))
    assert center.tolist() == [[30.0, 60.0]]
    assert scale.tolist() == [[50.0, 100.0]]  # 40 x 80, times 1.25
    assert fit_aspect(scale, (256, 192)).tolist() == [[75.0, 100.0]], (
        "too narrow: the width grows to 100 * 3/4"
    )
    assert fit_aspect(points([90.0, 100.0]), (256, 192)).tolist() == [[90.0, 120.0]], (
        "too wide: the height grows"
    )
    assert fit_aspect(points([75.0, 100.0]), (256, 192)).tolist() == [[75.0, 100.0]]


@pytest.mark.parametrize(("convention", "middle"), [("center", [95.5, 127.5]), ("msra", [96.0, 128.0])])
def test_crop_by_hand(convention, middle):
    matrix = crop_matrix(points(30, 60)[None][0], points(96, 128), (256, 192), convention=convention)
    there = apply_affine(matrix, points([30, 60], [31, 60], [30, 62]))
    x, y = middle
    assert there.tolist() == [[x, y], [x + 2, y], [x, y + 4]], "zoom is 192 / 96 = 2"


def test_crop_of_the_whole_image_is_the_image_in_the_center_convention():
    height, width = 12, 20
    center = points((width - 1) / 2, (height - 1) / 2)
    matrix = crop_matrix(center, points(width, height), (height, width))
    torch.testing.assert_close(matrix, IDENTITY.double())


def test_rotation_turns_the_picture_counter_clockwise_on_the_screen():
    matrix = crop_matrix(points(50, 50), points(100, 100), (100, 100), rotation_deg=90.0, convention="msra")
    there = apply_affine(matrix, points([50, 50], [60, 50], [50, 60]))
    torch.testing.assert_close(there, points([50, 50], [50, 40], [60, 50]))  # right goes up, down goes right


@conventions
def test_mirror_keeps_the_middle_and_swaps_the_sides(convention):
    arguments = (points(30, 40), points(48, 64), (64, 48))
    plain = crop_matrix(*arguments, rotation_deg=25.0, convention=convention)
    mirrored = crop_matrix(*arguments, rotation_deg=25.0, mirror=True, convention=convention)
    some = points([30, 40], [33, 47], [11, 52])
    expected = apply_affine(plain, some)
    # "center": the crop is mirrored about its own middle (w - 1)/2; "msra": about pixel w/2
    width = 48 if convention == "center" else 49
    torch.testing.assert_close(apply_affine(mirrored, some), mirror_points(expected, width))


def test_mirror_points_by_hand():
    joints = points([0, 5], [9, 6], [3, 7])
    assert mirror_points(joints, 10).tolist() == [[9, 5], [0, 6], [6, 7]]
    assert mirror_points(joints, 10, (1, 0, 2)).tolist() == [[0, 6], [9, 5], [6, 7]]


# ---- laws


@few
@given(
    st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=4),
    st.sampled_from([1, 2, 4, 8, 7.5]),
    st.sampled_from(["center", "msra"]),
)
def test_cells_and_back(xy, stride, convention):
    px = points(*xy)
    torch.testing.assert_close(px_from_cells(cells_from_px(px, stride, convention), stride, convention), px)


@few
@given(
    st.tuples(st.floats(-100, 800), st.floats(-100, 800)),
    st.floats(20, 900),
    st.floats(-180, 180),
    st.booleans(),
    st.sampled_from(["center", "msra"]),
)
def test_image_to_crop_and_back(center, scale, rotation, mirror, convention):
    matrix = crop_matrix(
        points(*center),
        points(scale, scale),
        (368, 368),
        rotation_deg=rotation,
        mirror=mirror,
        convention=convention,
    )
    some = points([0, 0], [100, 7], [-30, 444])
    torch.testing.assert_close(apply_affine(invert_affine(matrix), apply_affine(matrix, some)), some)
    zoom = torch.linalg.det(matrix[:, :2]).item()
    assert zoom == pytest.approx((368 / scale) ** 2 * (-1 if mirror else 1)), "a similarity, mirrored or not"


@few
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=14, max_size=14), st.integers(1, 400)
)
def test_mirroring_twice_changes_nothing(xy, width):
    joints = points(*xy)
    twice = mirror_points(mirror_points(joints, width, LSP.flip_permutation), width, LSP.flip_permutation)
    torch.testing.assert_close(twice, joints)


def test_cells_of_a_mirrored_crop_are_the_mirrored_cells_only_in_the_center_convention():
    px, width, stride = points([37.25, 8.0]), 192, 8
    mirrored_px = mirror_points(px, width)
    for convention, shift in (("center", 0.0), ("msra", 7 / 8)):
        cells = mirror_points(cells_from_px(px, stride, convention), width // stride)
        difference = cells_from_px(mirrored_px, stride, convention) - cells
        assert difference[0, 0].item() == pytest.approx(shift), convention


# ---- pictures


def test_warp_shifts_by_whole_pixels():
    image = torch.arange(12.0).view(1, 1, 3, 4)
    matrix = torch.tensor([[1.0, 0, 1], [0, 1, 1]])  # one to the right, one down
    assert warp_images(image, matrix, (3, 4))[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 2], [0, 4, 5, 6]]


def test_warp_mixes_halves():
    image = torch.tensor([[[[0.0, 8.0, 4.0]]]])
    matrix = torch.tensor([[1.0, 0, -0.5], [0, 1, 0]])  # crop x reads image x + 0.5
    torch.testing.assert_close(warp_images(image, matrix, (1, 3))[0, 0, 0], torch.tensor([4.0, 6.0, 2.0]))


def test_warp_fills_the_outside():
    image = torch.full((1, 2, 3, 3), 10.0)
    matrix = torch.tensor([[1.0, 0, 5], [0, 1, 0]])
    out = warp_images(image, matrix, (3, 10), fill=7.0)
    assert out[0, 1, 1].tolist() == pytest.approx([7, 7, 7, 7, 7, 10, 10, 10, 7, 7], abs=1e-5)


def test_warp_agrees_with_the_points():
    """A blob lands where its centre lands, under rotation, mirror and zoom."""
    image = blob((80, 100), (61.3, 33.8), 3.0)
    for mirror in (False, True):
        matrix = crop_matrix(points(50, 40), points(90, 90), (120, 120), rotation_deg=33.0, mirror=mirror)
        expected = apply_affine(matrix, points([61.3, 33.8]))[0].tolist()
        assert centroid(warp_images(image, matrix, (120, 120))) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("zoom", [1 / 2, 1 / 3, 1 / 4, 1 / 5.3])
@pytest.mark.parametrize("place", [(40.0, 40.0), (45.7, 38.2)])
def test_antialias_keeps_places(zoom, place):
    """Averaging blocks first must not move anything: half a block of error would be 0.4 crop px."""
    image = blob((96, 96), place, 5.0)
    size = math.ceil(96 * zoom)
    matrix = crop_matrix(points(47.5, 47.5), points(96, 96), (size, size))
    matrix = matrix * (96 * zoom / size)  # back to the wanted zoom
    expected = apply_affine(matrix, points(place))[0].tolist()
    assert centroid(warp_images(image, matrix, (size, size))) == pytest.approx(expected, abs=0.02)


def test_antialias_averages_instead_of_skipping():
    image = torch.zeros(1, 1, 32, 32)
    image[..., ::4, :] = 4.0  # every fourth row: mean 1
    matrix = crop_matrix(points(15.5, 15.5), points(32, 32), (8, 8))
    torch.testing.assert_close(warp_images(image, matrix, (8, 8)), torch.ones(1, 1, 8, 8))
    assert (warp_images(image, matrix, (8, 8), antialias=False) - 1).abs().max() > 0.5


def test_a_crop_does_not_depend_on_the_rest_of_its_batch():
    images = torch.rand(3, 2, 40, 40, generator=torch.Generator().manual_seed(0))
    matrices = torch.stack(
        [crop_matrix(points(19.5, 19.5), points(s, s), (10, 10)) for s in (10.0, 40.0, 25.0)]
    )
    together = warp_images(images, matrices, (10, 10))
    for i in range(3):
        assert torch.equal(together[i : i + 1], warp_images(images[i : i + 1], matrices[i], (10, 10)))


def test_opencv_steps():
    """A place of 0.34 px becomes 11/32: OpenCV 4 knows 32 places in a pixel."""
    ramp = torch.arange(8.0).view(1, 1, 1, 8)
    matrix = torch.tensor([[1.0, 0, -0.34], [0, 1, 0]])
    exact = warp_images(ramp, matrix, (1, 4), antialias=False)[0, 0, 0]
    stepped = warp_images(ramp, matrix, (1, 4), antialias=False, steps_per_px=32)[0, 0, 0]
    torch.testing.assert_close(exact, torch.arange(4) + 0.34, rtol=0, atol=1e-5)
    torch.testing.assert_close(stepped, torch.arange(4) + 11 / 32, rtol=0, atol=1e-5)


# ---- edges


@conventions
def test_no_points_no_boxes_no_images(convention):
    assert cells_from_px(torch.zeros(0, 3, 2), 8, convention).shape == (0, 3, 2)
    center, scale = box_center_scale(torch.zeros(0, 4))
    matrix = crop_matrix(center, fit_aspect(scale, (8, 8)), (8, 8), convention=convention)
    assert matrix.shape == (0, 2, 3)
    assert apply_affine(matrix, torch.zeros(0, 5, 2)).shape == (0, 5, 2)
    assert warp_images(torch.zeros(0, 3, 9, 9), matrix, (8, 8)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (46, 46)])
def test_identity_returns_the_image(size):
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(warp_images(image, IDENTITY, size), image, rtol=0, atol=1e-4)
    slanted = image.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert torch.equal(warp_images(slanted, IDENTITY, size), warp_images(image, IDENTITY, size))


def test_whole_numbers_and_mixed_dtypes():
    assert cells_from_px(torch.tensor([[8, 16]]), 8, "msra").tolist() == [[1.0, 2.0]]
    moved = apply_affine(IDENTITY, torch.tensor([[3, 4]]))
    assert moved.tolist() == [[3.0, 4.0]]
    assert apply_affine(IDENTITY.double(), torch.tensor([[3.5, 4.0]])).dtype == torch.float64


def test_batches_broadcast():
    turns = torch.tensor([0.0, 90.0, 180.0])
    flips = torch.tensor([True, False, True])
    for center, scale in (
        (points(5, 6), points(10, 10)),
        (points(5, 6).expand(3, 2), points(10, 10)),
        (points(5, 6), points(10, 10).expand(3, 2)),
    ):
        matrices = crop_matrix(center, scale, (20, 20), rotation_deg=turns, mirror=flips)
        for i in range(3):
            alone = crop_matrix(
                points(5, 6), points(10, 10), (20, 20), rotation_deg=float(turns[i]), mirror=bool(flips[i])
            )
            torch.testing.assert_close(matrices[i], alone)
    assert crop_matrix(points(5, 6), points(10, 10), (20, 20), mirror=flips).shape == (3, 2, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_images_keep_their_places(dtype):
    image = blob((40, 300), (250.0, 20.0), 3.0).to(dtype)
    out = warp_images(image, IDENTITY, (40, 300))
    assert out.dtype == dtype
    assert centroid(out) == pytest.approx([250.0, 20.0], abs=0.05)


# ---- errors


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match='"center" or "msra", not \'udp\''):
        cells_from_px(points([1, 2]), 8, "udp")
    with pytest.raises(ValueError, match="convention"):
        crop_matrix(points(1, 2), points(3, 4), (8, 8), convention="corner")
    with pytest.raises(ValueError, match="4 numbers"):
        box_center_scale(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="float"):
        warp_images(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), IDENTITY, (4, 4))
    with pytest.raises(ValueError, match=r"\(3, 4, 4\)"):
        warp_images(torch.zeros(3, 4, 4), IDENTITY, (4, 4))


# ---- gradients


def test_warp_is_differentiable_in_the_image():
    image = torch.rand(2, 1, 12, 12, dtype=torch.float64, requires_grad=True)
    matrices = torch.stack(
        [crop_matrix(points(5, 6), points(s, s), (4, 4), rotation_deg=20.0) for s in (5.0, 12.0)]
    )
    assert torch.autograd.gradcheck(lambda i: warp_images(i, matrices, (4, 4)), (image,))
