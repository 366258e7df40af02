"""Reading photos: any file that Pillow knows, as upright 8-bit RGB, or one clear sentence."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["ImageError", "decode_image", "load_image"]


class ImageError(ValueError):
    """A photo that cannot be read; the message says which and why."""


def load_image(path: str | Path) -> np.ndarray:
    """A photo as the eye sees it.

    Greyscale, palette, CMYK and 16-bit pictures are converted, transparency is laid on white, and the
    rotation that a camera notes in EXIF is applied.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: no such file, a folder, an empty or truncated file, or no picture at all.
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(
            f"{path}: {'is a folder, not a photo' if path.is_dir() else 'there is no such file'}"
        )
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: the file is empty (0 bytes)")
    return decode_image(path, str(path))


def decode_image(source: Path | BinaryIO, name: str) -> np.ndarray:
    """`load_image` of a file or an open binary stream; `name` is what messages call it."""
    try:
        with Image.open(source) as image:
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a picture, or a format that Pillow cannot read") from None
    except PermissionError:
        raise ImageError(f"{name}: you may not read this file") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name}: too many pixels to open safely; make it smaller first") from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's decoders raise all three
        raise ImageError(f"{name}: the picture is damaged or incomplete ({error})") from None
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep_grey(np.asarray(upright), name)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    return np.asarray(upright.convert("RGB"))


def _from_deep_grey(values: np.ndarray, name: str) -> np.ndarray:
    """16-bit, 32-bit and floating point greyscale: Pillow would clip everything above 255."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError(f"{name}: holds values that are NaN or infinite")
    largest = values.max(initial=0)
    top = next((top for top in (1.0, 255.0, 65535.0) if largest <= top), largest)
    if top == 1.0 and (values == np.rint(values)).all():
        top = 255.0  # whole numbers 0 and 1: a dark picture, not a range of 0..1
    grey = np.clip(values / top * 255, 0, 255).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)
