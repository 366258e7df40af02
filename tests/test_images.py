"""Photos of every kind become upright 8-bit RGB; what is no photo gets one sentence."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from cpm_edu.images import ImageError, load_image, open_image

# 2 x 3 pixels: red green blue / black white grey
SMALL = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255], [128, 128, 128]]], np.uint8
)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


def assert_close(image: np.ndarray, expected, tolerance: int) -> None:
    assert image.dtype == np.uint8
    assert image.shape == np.shape(expected)
    assert np.abs(image.astype(int) - np.asarray(expected, int)).max() <= tolerance


# ---- by hand -------------------------------------------------------------------------------------------


def test_rgb_comes_back_as_it_is(tmp_path):
    assert_close(load_image(saved(tmp_path / "a.png", Image.fromarray(SMALL))), SMALL, 0)
    assert_close(load_image(str(tmp_path / "a.png")), SMALL, 0)  # a path as text


def test_16_bit_grey_keeps_its_whole_range(tmp_path):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    image = load_image(saved(tmp_path / "a.png", Image.fromarray(values)))
    assert image[0, :, 0].tolist() == [0, 1, 128, 255], "Pillow's own conversion clips all above 255 to white"
    assert (image == image[..., :1]).all()
    dark = Image.fromarray(np.array([[0, 5000]], np.uint16))
    assert load_image(saved(tmp_path / "dark.png", dark))[0, :, 0].tolist() == [0, 19], "dark stays dark"


def test_32_bit_and_float_grey(tmp_path):
    whole = Image.fromarray(np.array([[0, 100, 255]], np.int32), mode="I")
    assert load_image(saved(tmp_path / "i.tif", whole))[0, :, 0].tolist() == [0, 100, 255]
    floating = Image.fromarray(np.array([[0.0, 100.0, 255.0]], np.float32))
    assert load_image(saved(tmp_path / "f.tif", floating))[0, :, 0].tolist() == [0, 100, 255]
    negative = Image.fromarray(np.array([[-5.0, 50.0]], np.float32))
    assert load_image(saved(tmp_path / "n.tif", negative))[0, :, 0].tolist() == [0, 50]


def test_greyscale_and_black_and_white(tmp_path):
    grey = Image.fromarray(SMALL).convert("L")
    assert_close(
        load_image(saved(tmp_path / "l.png", grey)), np.repeat(np.asarray(grey)[..., None], 3, -1), 0
    )
    bits = load_image(saved(tmp_path / "1.png", Image.fromarray(np.array([[True, False]]))))
    assert bits.tolist() == [[[255] * 3, [0] * 3]]


def test_palette(tmp_path):
    palette = Image.fromarray(SMALL).quantize(6)
    assert_close(load_image(saved(tmp_path / "p.png", palette)), SMALL, 1)
    assert_close(load_image(saved(tmp_path / "p.gif", palette)), SMALL, 1)


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 0] = 255  # red, with alpha 0, half, whole
    pixels[0, :, 3] = 0, 128, 255
    image = load_image(saved(tmp_path / "a.png", Image.fromarray(pixels)))
    assert_close(image, [[[255, 255, 255], [255, 127, 127], [255, 0, 0]]], 1)
    grey = Image.fromarray(np.array([[[0, 0], [0, 255]]], np.uint8), mode="LA")
    assert_close(load_image(saved(tmp_path / "la.png", grey)), [[[255] * 3, [0] * 3]], 0)


def test_transparent_colours_of_palette_and_rgb(tmp_path):
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    image = load_image(saved(tmp_path / "p.png", palette, transparency=0))
    assert image.tolist() == [[[255, 255, 255], [200, 100, 50]]]
    image = load_image(saved(tmp_path / "rgb.png", Image.fromarray(SMALL), transparency=(255, 0, 0)))
    assert image[0, :2].tolist() == [[255, 255, 255], [0, 255, 0]]


def test_cmyk_jpeg(tmp_path):
    color = (200, 60, 30)
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (16, 16), color).convert("CMYK"), quality=95)
    with Image.open(path) as image:
        assert image.mode == "CMYK"
    assert_close(load_image(path), np.broadcast_to(color, (16, 16, 3)), 6)


# EXIF 2.32, tag 0x0112: which way the stored rows and columns were turned. `upright` undoes it.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),  # show it rotated by 90 degrees clockwise
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("format", ["png", "jpg", "tif"])
def test_camera_rotation_is_applied(orientation, format, tmp_path):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 250  # a bright corner: top left as stored
    stored[8:, 24:] = 120
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if format == "jpg" else {}
    image = load_image(saved(tmp_path / f"a.{format}", Image.fromarray(stored), exif=exif, **options))
    assert_close(image, TURNS[orientation](stored), 6 if format == "jpg" else 0)


def test_result_can_be_used_by_torch(tmp_path):
    image = load_image(saved(tmp_path / "a.png", Image.fromarray(SMALL)))
    assert np.ascontiguousarray(image).shape == (2, 3, 3)


# ---- smaller than stored


def test_a_jpeg_is_decoded_smaller_when_asked(tmp_path):
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[16:24, 32:48] = 250
    path, asked = saved(tmp_path / "a.jpg", Image.fromarray(stored), quality=95), []
    for times in (1, 2, 4, 8):
        image, smaller = open_image(path, "a.jpg", shrink=lambda size, t=times: asked.append(size) or t)
        assert smaller == times
        assert image.size == (96 // times, 64 // times)
        pixels = np.asarray(image)
        assert pixels[20 // times, 40 // times, 0] > 200
        assert pixels[40 // times, 10 // times, 0] < 30
    assert set(asked) == {(64, 96)}


def test_a_picture_of_odd_size_keeps_its_last_pixels(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (33, 17), "white"), quality=95)
    assert open_image(path, "a", shrink=lambda _: 2)[0].size == (17, 9)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_other_formats_are_decoded_whole(name, tmp_path):
    path = saved(tmp_path / name, Image.new("RGB", (32, 16), "white"))
    assert open_image(path, name, shrink=lambda _: 4)[1] == 1


def test_turned_pictures_are_decoded_whole(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (32, 16), "white"), exif=exif)
    image, times = open_image(path, "a.jpg", shrink=lambda _: 4)
    assert (image.size, times) == ((16, 32), 1)


def test_grey_jpegs_become_rgb_when_smaller(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("L", (32, 16), 77))
    image, times = open_image(path, "a.jpg", shrink=lambda _: 2)
    assert (image.mode, image.size, times) == ("RGB", (16, 8), 2)
    assert_close(np.asarray(image), np.full((8, 16, 3), 77), 2)


# ---- errors --------------------------------------------------------------------------------------------


def assert_sentence(path, *words) -> None:
    with pytest.raises(ImageError) as error:
        load_image(path)
    text = str(error.value)
    assert str(path) in text, "it names the file"
    assert "\n" not in text
    for word in words:
        assert word in text


def test_no_photo_at_all(tmp_path):
    assert_sentence(tmp_path / "none.jpg", "no such file")
    assert_sentence(tmp_path, "is a folder")
    (tmp_path / "empty.jpg").touch()
    assert_sentence(tmp_path / "empty.jpg", "0 bytes")
    (tmp_path / "a.jpg").write_text("hello")
    assert_sentence(tmp_path / "a.jpg", "not a picture")
    assert issubclass(ImageError, ValueError)


@pytest.mark.parametrize("format", ["png", "jpg", "gif", "tif", "webp", "bmp"])
def test_truncated(format, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = saved(tmp_path / f"a.{format}", Image.fromarray(noise)).read_bytes()
    (tmp_path / f"cut.{format}").write_bytes(whole[: len(whole) // 2])
    assert_sentence(tmp_path / f"cut.{format}")


def test_too_many_pixels(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(SMALL))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    assert_sentence(path, "too many pixels")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_damaged_bytes_give_a_picture_or_a_sentence(format, tmp_path):
    """Whatever a decoder raises on damaged bytes becomes an ImageError."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    buffer = io.BytesIO()
    picture = Image.fromarray(rng.integers(0, 256, (24, 31, 3), np.uint8))
    picture.save(buffer, format, **({} if format == "GIF" else {"exif": exif}))
    refused = 0
    for attempt in range(60):
        data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
        span = len(data) if attempt % 2 else min(len(data), 120)  # every other time in the header
        data[rng.integers(0, span, rng.integers(1, 6))] = rng.integers(0, 256)
        (tmp_path / "a").write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                image = load_image(tmp_path / "a")
                assert image.dtype == np.uint8
                assert image.ndim == 3
            except ImageError:
                refused += 1
    assert refused, "the damage was never felt"
