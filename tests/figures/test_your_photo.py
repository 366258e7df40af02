"""Your photo: what people upload, right and wrong, and the box."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cpm_edu.figures.interactive import your_photo as module
from cpm_edu.figures.interactive.your_photo import read_picture, your_photo
from cpm_edu.images import ImageError
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO
from cpm_edu.weights import load_lite


def encoded(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def colors(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([255 * x // max(width - 1, 1), 255 * y // max(height - 1, 1), 0 * x], 2)
    return Image.fromarray(rgb.astype(np.uint8))


@pytest.fixture(scope="module")
def model():
    return load_lite()


@pytest.fixture
def figure(model):
    return your_photo(model)


def upload(figure, name: str, content: bytes) -> str:
    """The figure's words after an upload by the browser's messages."""
    figure.send = lambda *message: None
    message = {
        "kind": "upload",
        "name": "photo",
        "file": name,
        "size": len(content),
        "offset": 0,
        "request": 1,
    }
    figure._receive(figure, {**message, "from": "me"}, [memoryview(content)])
    return figure.status


# ---- files


def test_a_photo_is_read_as_it_is():
    picture = read_picture("a.png", encoded(colors(300, 200), "PNG"))
    assert (picture.image == np.asarray(colors(300, 200))).all()
    assert picture.box == (6, 6, 293, 193)


def test_a_large_photo_is_shrunk():
    picture = read_picture("a.jpg", encoded(colors(5000, 2500), "JPEG", quality=90))
    assert picture.image.shape == (600, 1200, 3)
    assert picture.shown.shape == (200, 400, 3)
    assert abs(picture.image[300, 600].astype(int) - (127, 127, 0)).max() <= 4


def test_40_megapixels_just_work():
    picture = read_picture("a.jpg", encoded(colors(7300, 5480), "JPEG"))
    assert max(picture.image.shape) == 1200


@pytest.mark.parametrize("tag", [3, 6, 8])
def test_the_cameras_rotation_is_applied(tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    picture = read_picture("a.jpg", encoded(colors(400, 300), "JPEG", exif=exif, quality=95))
    top_left = picture.image[2, 2].astype(int)
    expected = {3: (255, 255), 6: (0, 255), 8: (255, 0)}[tag]  # what lay bottom right, bottom left, top right
    assert picture.image.shape[:2] == ((300, 400) if tag == 3 else (400, 300))
    assert abs(top_left[:2] - expected).max() < 20


def animation() -> bytes:
    frames = [Image.new("P", (60, 40), k) for k in (0, 1)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


DEEP = Image.fromarray((np.arange(64 * 48).reshape(48, 64) * 21).astype(np.uint16))
WORKING = {
    "an animated GIF": ("a.gif", animation()),
    "16-bit grey PNG": ("deep.png", encoded(DEEP, "PNG")),
    "a picture with transparency": ("a.png", encoded(Image.new("RGBA", (50, 50), (9, 9, 9, 0)), "PNG")),
    "CMYK": ("a.jpg", encoded(Image.new("CMYK", (50, 50)), "JPEG")),
    "palette": ("a.png", encoded(colors(50, 50).quantize(8), "PNG")),
    "black and white": ("a.png", encoded(colors(50, 50).convert("1"), "PNG")),
    "a strip": ("a.png", encoded(colors(900, 16), "PNG")),
    "a tower": ("a.png", encoded(colors(16, 900), "PNG")),
    "no ending": ("photo", encoded(colors(50, 50), "JPEG")),
}
JPEG = encoded(colors(300, 200), "JPEG")
REFUSED = {
    "one pixel": ("dot.png", encoded(colors(1, 1), "PNG"), "dot.png: 1 x 1 pixels show nobody"),
    "a long strip": (
        "strip.png",
        encoded(colors(30000, 16), "PNG"),
        "strip.png: 1200 x 1 pixels show nobody",
    ),
    "text": ("essay.txt", b"I am not a picture." * 30, "essay.txt: not a picture"),
    "text called JPEG": ("essay.jpg", b"I am not a picture." * 30, "essay.jpg: not a picture"),
    "nothing": ("empty.jpg", b"", "empty.jpg: the file is empty"),
    "HEIC": (
        "IMG_1.HEIC",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500),
        "IMG_1.HEIC: a HEIC photo cannot be read",
    ),
    "a cut JPEG": ("cut.jpg", JPEG[: len(JPEG) // 2], "cut.jpg: the picture is damaged or incomplete"),
    "a cut PNG": ("cut.png", encoded(colors(300, 200), "PNG")[:400], "cut.png: "),
    "PDF": ("cv.pdf", b"%PDF-1.7\n" + bytes(200), "cv.pdf: not a picture"),
    "a bomb": ("bomb.png", None, "bomb.png: too many pixels"),
}


@pytest.mark.parametrize("kind", WORKING)
def test_unusual_pictures_work(figure, kind):
    name, content = WORKING[kind]
    assert upload(figure, name, content).startswith(f"{name}: in the last of 4 stages")
    figure.snapshot()


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_file_is_a_sentence_and_the_figure_lives_on(figure, kind):
    name, content, words = REFUSED[kind]
    if content is None:
        content = encoded(Image.new("1", (20000, 10000)), "PNG")
    last = figure.frame
    status = upload(figure, name, content)
    assert status.startswith(words)
    assert "\n" not in status
    assert figure.frame is last
    assert upload(figure, "good.png", encoded(colors(90, 60), "PNG")).startswith("good.png: in the last")
    figure.reset()
    assert figure.status.startswith("astronaut: in the last")


def test_between_the_bomb_and_its_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow warns from here and refuses from twice this
    with pytest.raises(ImageError, match="too many pixels"):
        read_picture("a.png", encoded(colors(40, 40), "PNG"))


# ---- the box


def test_a_corner_moves_alone_and_the_middle_takes_all(figure):
    x1, y1 = 511.0, 511.0
    figure.set(**{"box start": (100, 120)})
    assert figure.state["box end"] == (x1, y1)
    assert figure.state["box middle"] == ((100 + x1) / 2, (120 + y1) / 2)
    figure.set(**{"box end": (300, 320)})
    assert figure.state["box start"] == (100, 120)
    figure.set(**{"box middle": (210, 215)})
    assert (figure.state["box start"], figure.state["box end"]) == ((110, 115), (310, 315))
    figure.set(**{"box middle": (0, 0)})
    assert (figure.state["box start"], figure.state["box end"]) == ((0, 0), (200, 200)), (
        "it stays in the photo"
    )
    assert "200 x 200 of 512 x 512" in figure.status


def test_the_corners_cannot_change_places(figure):
    figure.set(**{"box start": (500, 500)})
    x0, y0 = figure.state["box start"]
    assert x0 < 511 - 50
    assert y0 < 511 - 50
    figure.set(**{"box end": (0, 0)})
    assert figure.state["box end"] == pytest.approx((x0 + 61.44, y0 + 61.44))


def test_a_new_photo_brings_its_own_box(figure):
    figure.set(**{"box start": (200, 200)})
    upload(figure, "a.png", encoded(colors(100, 50), "PNG"))
    assert figure.state["box start"] == pytest.approx((1.5, 1.5))
    figure.reset()
    assert figure.state["box start"] == (0, 0)


def test_the_joint_changes_maps_and_words_without_asking_the_model(figure, monkeypatch):
    words, picture = figure.status, figure.snapshot()
    monkeypatch.setattr(module, "pose_in_boxes", None)
    figure.set(joint="left wrist")
    assert "the left wrist's peak" in figure.status != words
    assert figure.snapshot() != picture


def test_a_slow_model_is_asked_on_release(model, monkeypatch):
    monkeypatch.setattr(module, "SLOW_S", 1e9)
    assert not any(handle.on_release for handle in your_photo(model).frame.handles)
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    assert all(handle.on_release for handle in your_photo(model).frame.handles)


@pytest.mark.parametrize("stages", [1, 3, 6])
def test_any_model(stages):
    network = CPM.lite(COCO, num_stages=stages)
    figure = your_photo(network)
    names = [panel.name for row in figure.frame.rows for panel in row]
    assert names[3:] == [f"stage {t + 1}" for t in range(stages)]
    assert f"of {stages} stages" in figure.status
    assert "of 17 joints" in figure.status
    figure.snapshot()


def test_what_travels_while_dragging_is_small(figure):
    """The photo is sent once; a moved box brings a crop, in colour and grey, and one small map a stage."""
    sent = []
    figure.send = lambda message, buffers=(): sent.append(sum(len(part) for part in buffers))
    figure.set(**{"box start": (100, 120)})
    figure.set(**{"box start": (101, 120)})
    assert 20 * 20 * 4 * 4 < sent[-1] < 130_000
