"""Photos in formats that packed sets do not hold are converted once, at packing."""

import contextlib
import io

from PIL import Image, ImageOps

from aml.images import FORMATS, Checked, check, opened

with contextlib.suppress(ImportError):
    import pillow_heif

    pillow_heif.register_heif_opener()

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif")
_TIFF = (b"II*\0", b"MM\0*")


def as_stored(data: bytes, *, turn: bool) -> tuple[bytes, Checked]:
    """Return a photo's bytes as they are packed, and what they are.

    The bytes are the photo's own if `aml.images` reads them and nothing is to be turned. A TIFF, a HEIF (if pillow-heif
    is installed) and, with `turn`, an image that EXIF asks viewers to turn become PNGs. Pillow turns TIFF and HEIF
    without being asked. A failure is returned as `problem`, not raised.
    """
    found, is_heif = check(data), data[4:8] == b"ftyp"
    is_foreign = is_heif or data.startswith(_TIFF)
    if not is_foreign and (found.problem or not (turn and found.is_rotated)):
        return data, found
    if is_heif and "HEIF" not in Image.OPEN:
        return data, found._replace(problem="HEIF, which needs pillow-heif: pip install pillow-heif")
    try:
        converted = _png(data, formats=(*FORMATS, "TIFF", *(["HEIF"] if is_heif else [])))
    except Exception as error:  # Pillow's decoders raise any on damaged files
        return data, found._replace(problem=f"{type(error).__name__}: {error}")
    return converted, check(converted)


def _png(data, formats) -> bytes:
    """Return the image upright, in RGB, as a PNG: quickly compressed, since it is read many times and written once."""
    upright, file = ImageOps.exif_transpose(opened(data, formats)).convert("RGB"), io.BytesIO()
    upright.save(file, "PNG", compress_level=1, icc_profile=None)
    return file.getvalue()
