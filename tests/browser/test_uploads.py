"""Files that people choose in "Your photo", through a real browser and server: a sentence, or it just works."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from real_lab import HERE

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def noisy_jpeg(width: int, height: int) -> bytes:
    """A JPEG as large as a camera's: noise is hard to compress."""
    rows = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rows).resize((width, height)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def shown(lab, browser):
    """The figure on the screen, for all files after one another: each must leave it alive."""
    scene = (HERE / "scenes" / "your_photo.py").read_text()
    browser.notebook(file=lab.write("uploads.ipynb", [scene, "figure", "'the kernel lives'"]))
    browser.wait()
    yield browser
    browser.close()


FILES = {
    "essay.txt": (b"not a picture " * 99, "essay.txt: not a picture"),
    "IMG_1.HEIC": (b"\0\0\0\x18ftypheic" + bytes(900), "IMG_1.HEIC: a HEIC photo cannot be read"),
    "dot.png": (png(1, 1), "dot.png: 1 x 1 pixels"),
    "cut.jpg": (noisy_jpeg(640, 480)[:9000], "cut.jpg: the picture is damaged"),
    "empty.jpg": (b"", "empty.jpg: the file is empty"),
    "small.png": (png(64, 48), "small.png: in the last of 4 stages"),
    "camera.jpg": (None, "camera.jpg: in the last of 4 stages"),
    "film.mov": (bytes(51_000_000), "film.mov has 51 MB; at most 50 MB"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file(shown, tmp_path, name):
    content, words = FILES[name]
    if content is None:
        content = noisy_jpeg(7300, 5480)  # 40 megapixels
        assert len(content) > 10_000_000, "more than the server takes in one message"
    file = tmp_path / name
    file.write_bytes(content)
    shown.errors()
    was = shown.read()
    shown.upload(name="photo", files=str(file))
    now = was
    for _ in range(60):
        now = shown.changed(was=now, what=["status"], timeout=1000)
        if name in now["status"]:
            break
    assert now["status"].startswith(words), now["status"]
    assert now["wrong"] == ("in the last" not in words)
    assert shown.errors() == []
    shown.click(name="reset")
    home = shown.changed(was=now, what=["status"], timeout=8000)
    assert home["status"].startswith("astronaut: in the last")
    kernel = "window.shown.sessionContext.session.kernel.status"
    assert shown.evaluate(code=kernel) in ("idle", "busy")


def test_a_file_that_is_gone(shown, tmp_path):
    file = tmp_path / "gone.jpg"
    file.write_bytes(png(64, 48))
    shown.errors()
    was = shown.read()
    whole = "File.prototype.arrayBuffer"
    shown.evaluate(code=f"window.kept = {whole}; {whole} = () => Promise.reject(new Error('gone'))")
    shown.upload(name="photo", files=str(file))
    now = shown.changed(was=was, what=["status"])
    shown.evaluate(code=f"{whole} = window.kept; 0")
    assert now["status"].startswith("gone.jpg: the browser cannot read this file")
    assert now["wrong"]
    assert shown.errors() == []
