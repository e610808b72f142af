"""Photos as a camera or a browser gives them: turned upright, cropped to a box, small pictures for pages."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from aml.images import decode, shrink

ORIENTATION = 0x0112  # of EXIF
SIDE = 240  # longer side of a picture on a page, pixels


def upright(data: bytes) -> np.ndarray:
    """Return RGB pixels `(H, W, 3)` of a photo, turned as its EXIF says, so that a box is where a viewer shows it.

    Raises ValueError, with the reason, for bytes that are not an image.
    """
    image = Image.fromarray(decode(data))
    try:
        image.getexif()[ORIENTATION] = Image.open(io.BytesIO(data)).getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF
        return np.array(image)
    return np.array(ImageOps.exif_transpose(image))


def query_pixels(pixels: np.ndarray, box: Sequence[float] | None, image_size: int) -> np.ndarray:
    """Return the part of a photo that the student sees: its box, shrunk as in testing. Raises ValueError for a box
    outside the photo."""
    if box is None:
        return shrink(pixels, image_size)
    (x0, y0, x1, y1), (height, width) = np.round(box), pixels.shape[:2]  # rounded as the crop does; nan stays nan
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(
            f"box {' '.join(f'{side:g}' for side in box)}; accepted: whole pixels with 0 <= x0 < x1 <= {width} and "
            f"0 <= y0 < y1 <= {height}"
        )
    return shrink(pixels, image_size, box)


def picture(pixels: np.ndarray, box: Sequence[float] | None = None) -> str:
    """Return a small JPEG of a photo, its box drawn on it, as a data: URI."""
    image = Image.fromarray(shrink(pixels, SIDE))
    if box is not None:
        scale = max(image.size) / max(pixels.shape[:2])
        ImageDraw.Draw(image).rectangle([scale * side for side in box], outline="#ff0000", width=2)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
