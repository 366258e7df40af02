"""Reading photos: any file that Pillow knows, as upright 8-bit RGB, or one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["ImageError", "load_image", "open_image"]

ORIENTATION = 0x0112  # EXIF 2.32, the tag that says how the camera was held

# Pillow keeps two freed blocks of pixels (32 MB at most) for the next pictures. Without that, the system hands out every
# picture's memory page by page anew: 0.35 of the 2 ms that a photo of 640 x 480 takes.
Image.core.set_blocks_max(2)


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
    return np.asarray(open_image(path, str(path))[0])


def open_image(
    source: Path | BinaryIO, name: str, *, shrink: Callable[[tuple[int, int]], int] | None = None
) -> tuple[Image.Image, int]:
    """`load_image` as an RGB image of Pillow, of which a part can be had without copying the rest.

    Args:
        source: a file or an open binary stream.
        name: what messages call it.
        shrink: asked, where the picture is an upright JPEG, with its (height, width), for how many times smaller it
            may be decoded: 1, 2, 4 or 8. Decoding blocks of 8 x 8 pixels at a lower resolution saves time.

    Returns:
        The image and how many times smaller than stored it is. Its pixel (x, y) is about the mean of the stored
        ones from (x * times, y * times) on.
    """
    try:
        with Image.open(source) as image:
            times = 1 if shrink is None or image.format != "JPEG" else shrink(image.size[::-1])
            if times > 1 and _is_upright(image):
                image.draft(None, (image.width // times, image.height // times))
            else:
                times = 1
            image.load()
            if not _is_upright(image):
                image = ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a picture, or a format that Pillow cannot read") from None
    except PermissionError:
        raise ImageError(f"{name}: you may not read this file") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name}: too many pixels to open safely; make it smaller first") from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's decoders raise all three
        raise ImageError(f"{name}: the picture is damaged or incomplete ({error})") from None
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_from_deep_grey(np.asarray(image), name)), times
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB"), times


def _is_upright(image: Image.Image) -> bool:
    """Whether EXIF says that the picture is stored as it is to be seen."""
    return image.getexif().get(ORIENTATION, 1) == 1


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
