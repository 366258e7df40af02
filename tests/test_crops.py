"""Painting reads only what a crop shows, and less of it where the crop is coarser than the picture."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image
from test_augment import make_person

from cpm_edu.coords import warp_images
from cpm_edu.datasets.augment import MmposeAugmentation, plain_crop, plain_sketch, training_sketch
from cpm_edu.datasets.crops import ANTIALIASED, PAD_VALUE, paint, visible_parts
from cpm_edu.datasets.pictures import Picture, Pictures
from cpm_edu.images import ImageError
from cpm_edu.skeletons import LSP

STILL = MmposeAugmentation(flip=0.0, shift_probability=0.0, rotation_probability=0.0, scale=(1.0, 1.0))


def smooth_picture(height, width):
    """Random blobs, as a photo has: little changes from one pixel to the next."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def saved_person(folder, picture, scale, name="a.jpg"):
    """A person in the middle of a picture in a file, in a box of scale x scale px."""
    Image.fromarray(picture).save(folder / name, **({"quality": 95} if name.endswith("jpg") else {}))
    height, width = picture.shape[:2]
    return dataclasses.replace(
        make_person(),
        image=Picture(Pictures([folder]), name),
        center_px=np.array([width / 2, height / 2], np.float32),
        scale_px=np.array([scale, scale], np.float32),
    )


def training_sketch_of(person, convention="center", **changes):
    options = dataclasses.replace(STILL, **changes)
    return training_sketch(person, LSP, (96, 96), np.random.default_rng(0), options, convention=convention)


# ---- only what is shown


@pytest.mark.parametrize("convention", ["center", "msra"])
@pytest.mark.parametrize("scale", [40.0, 150.0, 460.0, 900.0])
@pytest.mark.parametrize("place", [(150, 110), (3, 5), (290, 210), (-200, 400)])
def test_a_part_of_the_picture_gives_the_crop_of_the_whole(convention, scale, place):
    picture = np.random.default_rng(0).integers(0, 256, (221, 301, 3), np.uint8)
    person = dataclasses.replace(
        make_person(), image=picture, center_px=np.array(place, np.float32), scale_px=np.array([scale, scale])
    )
    for seed in range(3):
        options = MmposeAugmentation(rotation_probability=1.0)
        sketch = training_sketch(
            person, LSP, (64, 48), np.random.default_rng(seed), options, convention=convention
        )
        whole = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        expected = warp_images(
            whole, torch.from_numpy(sketch.matrix), (64, 48), fill=PAD_VALUE[convention],
            antialias=ANTIALIASED[convention],
        )[0]  # fmt: skip
        torch.testing.assert_close(paint(sketch).image, expected, rtol=0, atol=0.05)


def test_a_small_box_needs_a_small_part():
    picture = np.zeros((1000, 1000, 3), np.uint8)
    person = dataclasses.replace(
        make_person(), image=picture, center_px=np.array([500, 500]), scale_px=np.array([100.0, 100.0])
    )
    [part] = visible_parts(plain_sketch(person, (50, 50)))
    assert part.block == 2
    assert max(part.pixels.shape[:2]) <= 110
    assert np.shares_memory(part.pixels, picture)


# ---- decoded at a lower resolution


@pytest.mark.parametrize(
    ("scale", "times"), [(150, 1), (190, 1), (195, 2), (380, 2), (390, 4), (760, 4), (770, 8), (2000, 8)]
)
def test_training_decodes_no_more_than_the_crop_shows(tmp_path, scale, times):
    """A crop of 96 px: a box of 192 px or more is shown at half its size or less."""
    person = saved_person(tmp_path, smooth_picture(800, 800), scale)
    [part] = visible_parts(training_sketch_of(person))
    assert np.hypot(*part.matrix[0, :2]) == pytest.approx(96 / scale * times)
    [part] = visible_parts(plain_sketch(person, (96, 96)))
    assert np.hypot(*part.matrix[0, :2]) == pytest.approx(96 / scale), "testing decodes the whole picture"


@pytest.mark.parametrize("convention", ["center", "msra"])
@pytest.mark.parametrize("shape", [(800, 800), (801, 799), (603, 797)])
@pytest.mark.parametrize("scale", [220, 400, 800])
def test_the_crop_hardly_changes(tmp_path, shape, scale, convention):
    """Compared with averaged blocks ("center"), and with single pixels, whose places no block can be wrong about."""
    person = saved_person(tmp_path, smooth_picture(*shape), scale)
    fast = paint(training_sketch_of(person, convention)).image

    def difference(shift: float) -> float:
        moved = dataclasses.replace(person, center_px=person.center_px.astype(float) + shift * scale / 96)
        return (plain_crop(moved, (96, 96), convention).image - fast).abs().mean().item()

    if convention == "center":
        assert 0 < difference(0) < 0.8, "of 255 levels"
    for tenth in (-0.1, 0.1):
        assert difference(tenth) > difference(0), "a tenth of a pixel either way fits worse"


def test_small_pictures_and_other_formats_are_decoded_whole(tmp_path):
    small = saved_person(tmp_path, smooth_picture(200, 200), 200.0)
    sketch = training_sketch_of(small, scale=(3.0, 3.0))
    [part] = visible_parts(sketch)
    assert np.hypot(*part.matrix[0, :2]) == pytest.approx(96 / 600)
    png = saved_person(tmp_path, smooth_picture(600, 600), 590.0, "a.png")
    torch.testing.assert_close(
        paint(training_sketch_of(png)).image, plain_crop(png, (96, 96)).image, rtol=0, atol=1e-3
    )


def test_a_picture_that_a_camera_turned_is_decoded_whole(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth_picture(600, 801)).save(tmp_path / "a.jpg", exif=exif)
    person = dataclasses.replace(
        make_person(), image=Picture(Pictures([tmp_path]), "a.jpg"), center_px=np.array([300, 400]),
        scale_px=np.array([590.0, 590.0]),
    )  # fmt: skip
    fast, exact = paint(training_sketch_of(person)).image, plain_crop(person, (96, 96)).image
    torch.testing.assert_close(fast, exact, rtol=0, atol=1e-3)


def test_the_same_crop_whatever_was_read_before(tmp_path):
    """The picture that testing keeps is no reason to decode training's otherwise."""
    person = saved_person(tmp_path, smooth_picture(600, 600), 590.0)
    first = paint(training_sketch_of(person)).image
    plain_crop(person, (96, 96))
    assert torch.equal(paint(training_sketch_of(person)).image, first)


# ---- errors


def test_a_damaged_picture_names_file_and_person(tmp_path):
    person = dataclasses.replace(
        saved_person(tmp_path, smooth_picture(99, 99), 50.0), name="a.jpg, annotation 7"
    )
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    for sketch in (plain_sketch(person, (96, 96)), training_sketch_of(person)):
        with pytest.raises(
            ImageError, match=r"^a\.jpg, annotation 7: .*a\.jpg: the picture is damaged"
        ) as error:
            paint(sketch)
        assert "\n" not in str(error.value)


def test_pictures_in_memory_still_work():
    buffer = io.BytesIO()
    Image.fromarray(smooth_picture(50, 50)).save(buffer, "PNG")
    person = dataclasses.replace(make_person(), image=np.asarray(Image.open(buffer)))
    assert plain_crop(person, (20, 20)).image.shape == (3, 20, 20)
