"""Images from their bytes: one function for packing's check, training, extraction and pictures. Torch-free.

Threads may decode side by side: nothing here changes a setting of Pillow's.
"""

import contextlib
import io
from typing import NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

from aml.files.image_sets import ImageSet

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # no TIFF: Pillow turns those by EXIF; no EPS: it starts programs
MAX_PIXELS = 80_000_000  # below Pillow's own warning; the largest image of ROxford has 12 million
_ORIENTATION = 0x0112
_END_OF_JPEG = b"\xff\xd9"


class Checked(NamedTuple):
    """Size in pixels as stored (no EXIF rotation), Pillow mode; problem: why the image cannot be decoded, or None."""

    width: int
    height: int
    mode: str
    is_rotated: bool  # EXIF asks viewers to turn it
    problem: str | None
    can_be_filled: bool  # what the problem leaves of the image can be decoded


def read_pixels(images: ImageSet, row: int) -> np.ndarray:
    """RGB pixels of image `row` as `decode` gives them, filled where the set was packed so. Raises ValueError naming an
    image that cannot be decoded."""
    data = images.read(row)
    try:
        return decode(data, fill=bool(images.filled[row]))
    except ValueError as error:
        raise ValueError(f"image {images.names[row]!r} cannot be decoded ({error})") from error


def decode(data: bytes, *, fill: bool = False) -> np.ndarray:
    """RGB pixels `(H, W, 3)` uint8 in stored order: boxes refer to it, so EXIF rotation is not applied.

    They are Pillow's, also where a faster decoder gives the same. `fill`: what is missing or damaged behind a header is
    filled as by Pillow with ImageFile.LOAD_TRUNCATED_IMAGES [code]: the rest of a truncated JPEG is grey.

    Raises ValueError, with the reason, for bytes that are no image of FORMATS or, unless `fill`, a damaged one, for 16
    bits a channel and for more than MAX_PIXELS.
    """
    image = _opened(data)
    if fill:
        with _reasons(data):
            return np.array(_filled(image, data).convert("RGB"))
    if image.format == "JPEG" and image.mode in ("L", "RGB"):
        with contextlib.suppress(ValueError):  # damage, of which Pillow judges
            return simplejpeg.decode_jpeg(data)
    with _reasons(data):
        return np.array(image.convert("RGB"))


def check(data: bytes) -> Checked:
    """What an image is, and whether it can be decoded; a failure is a `problem`, not an exception."""
    try:
        image = _opened(data)
    except ValueError as error:
        return Checked(0, 0, "", False, str(error), False)
    found = Checked(*image.size, image.mode, _is_rotated(image), None, False)
    try:
        decode(data)
    except ValueError as error:
        found = found._replace(problem=str(error))
        with contextlib.suppress(ValueError):
            decode(data, fill=True)
            found = found._replace(can_be_filled=True)
    return found


def _opened(data: bytes) -> Image.Image:
    """An image of which the header alone is read, within our limits. Raises ValueError with the reason."""
    with _reasons(data):
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels, at most {MAX_PIXELS} in all are accepted")
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"16 or more bits a pixel (mode {image.mode}), which turns white in RGB; 8 bits a channel are accepted"
        )
    return image


def _filled(image: Image.Image, data: bytes) -> Image.Image:
    """What LOAD_TRUNCATED_IMAGES would give, without that setting, which all threads would share: an end mark makes
    libjpeg fill what is missing, and of an image whose decoder fails the part decoded before is kept."""
    if image.format in ("JPEG", "MPO"):
        image = Image.open(io.BytesIO(data + _END_OF_JPEG), formats=FORMATS)
    try:
        image.load()
    except OSError:
        image.tile = []  # nothing is left to decode
    return image


@contextlib.contextmanager
def _reasons(data: bytes):
    """Turns whatever Pillow raises about these bytes into a ValueError with the reason."""
    try:
        yield
    except Image.DecompressionBombError:
        reason = f"more than {2 * Image.MAX_IMAGE_PIXELS} pixels, at most {MAX_PIXELS} are accepted"
        raise ValueError(reason) from None
    except Image.UnidentifiedImageError:
        reason = f"no image of a known format ({', '.join(FORMATS)})" if data else "an empty file"
        raise ValueError(reason) from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ... on damaged files
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _is_rotated(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception:  # damaged EXIF; nobody else reads it
        return False
