"""Checks one image by decoding it whole, as training and extraction will."""

import io
from typing import NamedTuple

from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # no TIFF: Pillow turns those by EXIF; no EPS: it starts programs
MAX_PIXELS = 80_000_000  # below Pillow's own warning; the largest image of ROxford has 12 million
_ORIENTATION = 0x0112


class Decoded(NamedTuple):
    """Size in pixels as stored (no EXIF rotation), Pillow mode; problem: why the image cannot be used, or None."""

    width: int
    height: int
    mode: str
    is_rotated: bool  # EXIF asks viewers to turn it
    problem: str | None


def decode(data: bytes) -> Decoded:
    """What decoding and converting to RGB gives; a failure is a `problem`, not an exception."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            return Decoded(width, height, image.mode, _is_rotated(image), _problem(image))
    except Image.DecompressionBombError:
        problem = f"more than {2 * Image.MAX_IMAGE_PIXELS} pixels, at most {MAX_PIXELS} are accepted"
    except Image.UnidentifiedImageError:
        problem = f"no image of a known format ({', '.join(FORMATS)})" if data else "an empty file"
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ... on damaged files
        problem = f"{type(error).__name__}: {error}"
    return Decoded(0, 0, "", False, problem)


def _problem(image):
    width, height = image.size
    if width * height > MAX_PIXELS:
        return f"{width} x {height} pixels, at most {MAX_PIXELS} in all are accepted"
    if image.mode.startswith(("I", "F")):
        return f"16 or more bits a pixel (mode {image.mode}), which turns white in RGB; 8 bits a channel are accepted"
    image.convert("RGB")
    return None


def _is_rotated(image):
    try:
        return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception:  # damaged EXIF; nobody else reads it
        return False
