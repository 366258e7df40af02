"""The multi-scale test: zooms, the way back to image pixels, the mean, the best pixel."""

import numpy as np
import pytest
import torch
from PIL import Image

from cpm_edu.coords import apply_affine, invert_affine, px_from_cells
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.datasets.people import Person
from cpm_edu.datasets.synthetic import SyntheticPeople
from cpm_edu.evaluation.multiscale import multiscale_joints, multiscale_maps
from cpm_edu.models import CPM
from cpm_edu.skeletons import LSP, Skeleton

TWO = Skeleton(name="two", joints=("left_hand", "right_hand"), limbs=(), upper_body=(), lower_body=())


class Painted(CPM):
    """Believes what it is told: maps (T, S, J, H, W), whatever the S crops show."""

    kind, has_background, uses_center_map = "painted", False, False

    def __init__(self, maps, convention="center"):
        super().__init__(TWO, num_stages=len(maps), input_size=(64, 64))
        self.maps, self.convention = torch.as_tensor(maps, dtype=torch.float32), convention

    def preprocess(self, images):
        return images

    def stages(self, images, center_maps):
        assert len(images) == self.maps.shape[1]
        return list(self.maps)


def person(size=(64, 64), center=(31.5, 31.5), scale=64.0):
    return Person(
        image=np.zeros((*size, 3), np.uint8),
        joints_px=np.zeros((2, 2), np.float32),
        labelled=np.ones(2, bool),
        center_px=np.array(center, np.float32),
        scale_px=np.array([scale, scale], np.float32),
        name="somebody",
    )


def spot(x, y, value=1.0):
    maps = torch.zeros(8, 8)
    maps[y, x] = value
    return maps


def keys(d):
    """The cubic kernel within one cell."""
    return 1.5 * d**3 - 2.5 * d**2 + 1


def test_one_zoom_is_the_map_at_image_resolution():
    """The crop is the picture: cell (5, 3) has its centre at 8 * 5 + 3.5, 8 * 3 + 3.5, between four pixels.

    They are 1/16 cell away in x and in y; the tie goes to the lowest row, then column.
    """
    model = Painted(torch.stack([spot(5, 3), spot(2, 6)])[None, None])
    joints, scores = multiscale_joints(model, [person()], [1.0])
    assert joints.tolist() == [[[[43.0, 27.0], [19.0, 51.0]]]]
    assert scores[0, 0, 0].item() == pytest.approx(keys(1 / 16) ** 2, abs=1e-6)


def test_zooms_meet_in_the_picture():
    """At zoom 0.5 the crop covers pixels -32 .. 95, so that cell (4, 4) has its centre at 31.5 + 4 / 0.5 = 39.5.

    At zoom 1 there is 0.6 at cell (1, 1), pixel 11.5, and 0.2 at cell (5, 5), pixel 43.5. In x and in y alike:
        pixel 40   1 x keys(0.5 / 16)^2 + 0.2 x keys(3.5 / 8)^2 = 0.995 + 0.084 = 1.079
        pixel 41   1 x keys(1.5 / 16)^2 + 0.2 x keys(2.5 / 8)^2 = 0.959 + 0.129 = 1.087
        pixel 42   1 x keys(2.5 / 16)^2 + 0.2 x keys(1.5 / 8)^2 = 0.892 + 0.170 = 1.062
    """
    half = torch.stack([spot(4, 4), spot(0, 0)])
    whole = torch.stack([spot(1, 1, 0.6) + spot(5, 5, 0.2), spot(0, 0)])
    maps = torch.stack([half, whole])[None]
    joints, scores = multiscale_joints(Painted(maps), [person()], [0.5, 1.0])
    assert joints[0, 0, 0].tolist() == [41.0, 41.0], "between the two spots, nearer to the stronger one"
    expected = (keys(1.5 / 16) ** 2 + 0.2 * keys(2.5 / 8) ** 2) / 2
    assert expected == pytest.approx(1.087 / 2, abs=1e-3)
    assert scores[0, 0, 0].item() == pytest.approx(expected, abs=1e-6)


def test_a_zoom_counts_as_nothing_where_its_crop_ends():
    """Zoom 2 covers pixels 16 .. 47 (its crop 15.75 .. 47.25): outside of it the mean is half of zoom 1's."""
    maps = torch.ones(1, 2, 2, 8, 8)
    [(mean, corner)] = multiscale_maps(Painted(maps), person(), [1.0, 2.0])
    assert corner == (0, 0)
    expected = torch.full((64, 64), 0.5)
    expected[16:48, 16:48] = 1.0
    torch.testing.assert_close(mean[0], expected)


def test_part_of_a_wide_picture():
    """Picture 100 x 40, crop around (80, 20): crop pixel = image pixel - (48.5, -11.5).

    Cell (1, 3) has its centre at crop pixel (11.5, 27.5), image pixel (60, 16); x and y are not to be swapped.
    """
    model = Painted(torch.stack([spot(1, 3), spot(3, 1)])[None, None])
    wide = person(size=(40, 100), center=(80.0, 20.0))
    joints, scores = multiscale_joints(model, [wide], [1.0])
    assert joints[0, 0, 0].tolist() == [60.0, 16.0]
    assert scores[0, 0, 0].item() == pytest.approx(1.0)
    assert joints[0, 0, 1].tolist() == [76.0, 0.0]
    [(mean, corner)] = multiscale_maps(model, wide, [1.0])
    assert corner == (48, 0), "the crop begins at image pixel 48.5 - 0.5"
    assert mean.shape == (2, 40, 52)


def test_stages_and_flip_test():
    """Stage 2's map is another; the mirrored map of the other joint is averaged in."""
    maps = torch.stack([torch.stack([spot(5, 3), spot(5, 3)]), torch.stack([spot(6, 1), spot(6, 1)])])[
        :, None
    ]
    joints, scores = multiscale_joints(Painted(maps), [person(), person()], [1.0])
    assert joints.shape == (2, 2, 2, 2)
    assert joints[:, 1, 0].tolist() == [[43.0, 27.0], [51.0, 11.0]]
    flipped, lower = multiscale_joints(Painted(maps), [person(), person()], [1.0], flip_test=True)
    assert flipped[0, 0, 0].tolist() == [19.0, 27.0], "columns 5 and 7 - 5 = 2 share the peak; the lower wins"
    torch.testing.assert_close(lower, scores / 2)


@pytest.mark.parametrize("convention", ["center", "msra"])
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_cells_land_where_single_crops_put_them(convention, scale):
    model = Painted(torch.stack([spot(2, 4), spot(5, 3)])[None, None], convention)
    someone = person(size=(70, 90), center=(40.3, 33.7), scale=75.0)
    zoomed = person(size=(70, 90), center=(40.3, 33.7), scale=75.0 / scale)
    matrix = plain_crop(zoomed, (64, 64), convention).matrix
    centers_px = px_from_cells(torch.tensor([[2.0, 4.0], [5.0, 3.0]], dtype=torch.float64), 8, convention)
    expected = apply_affine(invert_affine(matrix), centers_px)
    joints, _ = multiscale_joints(model, [someone], [scale])
    assert (joints[0, 0] - expected).abs().max() <= 0.5 + 1e-6, "the nearest whole pixel"


def test_like_pillows_bicubic_away_from_the_border():
    """Another implementation of the same kernel (a = -0.5)."""
    maps = torch.rand(1, 1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    [(mean, _)] = multiscale_maps(Painted(maps), person(), [1.0])
    for ours, map_cells in zip(mean, maps[0, 0], strict=True):
        theirs = np.asarray(Image.fromarray(map_cells.numpy()).resize((64, 64), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(ours[12:-12, 12:-12], theirs[12:-12, 12:-12], atol=1e-5)


def test_a_model_with_center_map_and_background():
    torch.manual_seed(0)
    scene = SyntheticPeople(1, seed=0, size=(64, 64))[0].person()
    model = CPM.lite(LSP, num_stages=2, input_size=(64, 64), features=16, width=8, image_features=8, kernel=3)
    joints, scores = multiscale_joints(model, [scene], [0.8, 1.0])
    assert joints.shape == (2, 1, 14, 2)
    assert torch.isfinite(scores).all()


def test_refusals():
    model = Painted(torch.zeros(1, 1, 2, 8, 8))
    for scales in ([], [0.0], [1.0, -1.0]):
        with pytest.raises(ValueError, match="positive zooms"):
            multiscale_joints(model, [person()], scales)
    with pytest.raises(ValueError, match=r"somebody.*outside the picture"):
        multiscale_joints(model, [person(center=(500.0, 30.0))], [1.0])
