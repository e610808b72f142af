import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from aml.datasets.decoding import MAX_PIXELS, decode
from tests.datasets.raw_folders import image


def encoded(picture, file_format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def png_header(width, height):
    """A PNG that promises width x height pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + b"\0\0\0\0IDAT"


@pytest.mark.parametrize(
    ("data", "mode", "size"),
    [
        (image(0), "RGB", (40, 30)),
        (image(0, (2000, 16)), "RGB", (2000, 16)),
        (image(0, (1, 1)), "RGB", (1, 1)),
        (image(0, mode="L"), "L", (40, 30)),
        (image(0, mode="CMYK"), "CMYK", (40, 30)),
        (image(0, progressive=True), "RGB", (40, 30)),
        (image(0, mode="P", file_format="PNG"), "P", (40, 30)),
        (image(0, mode="P", file_format="PNG", transparency=0), "P", (40, 30)),
        (image(0, mode="RGBA", file_format="PNG"), "RGBA", (40, 30)),
        (image(0, mode="LA", file_format="PNG"), "LA", (40, 30)),
        (image(0, mode="1", file_format="PNG"), "1", (40, 30)),
        (image(0, file_format="WEBP"), "RGB", (40, 30)),
        (image(0, file_format="BMP"), "RGB", (40, 30)),
        (image(0, mode="P", file_format="GIF"), "P", (40, 30)),
    ],
)
def test_modes_and_sizes_that_are_fine(data, mode, size):
    decoded = decode(data)
    assert decoded.problem is None and (decoded.width, decoded.height) == size
    assert decoded.mode == mode and not decoded.is_rotated


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_rotation_is_noted_and_the_stored_size_kept(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for data in (image(0, exif=exif), image(0, file_format="PNG", exif=exif)):
        decoded = decode(data)
        assert (decoded.width, decoded.height, decoded.is_rotated, decoded.problem) == (40, 30, True, None)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_damage_to_the_image():
    decoded = decode(image(0, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40))
    assert decoded.problem is None and not decoded.is_rotated


def test_several_pictures_in_one_file():
    first, second = Image.open(io.BytesIO(image(0))), Image.open(io.BytesIO(image(1)))
    assert decode(encoded(first, "MPO", save_all=True, append_images=[second])).problem is None


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "an empty file"),
        (b"\0" * 100, "no image of a known format"),
        (b"<html>403</html>", "no image of a known format"),
        (image(0)[:20], "."),
        (image(0, (300, 200))[:1500], "truncated"),
        (image(0, (300, 200), file_format="PNG")[:1500], "truncated"),
        (image(0, file_format="TIFF"), "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "no image of a known format"),
        (encoded(Image.fromarray(np.full((4, 4), 40000, np.uint16))), "16 or more bits"),
        (png_header(10000, 8001), f"10000 x 8001 pixels, at most {MAX_PIXELS}"),
        (png_header(60000, 60000), "more than"),
        (png_header(0, 5), "."),
    ],
)
@pytest.mark.filterwarnings("error")  # our limit comes before Pillow's warning
def test_problems(data, problem):
    found = decode(data).problem
    assert found and (problem == "." or problem in found)


def test_every_cut_of_a_jpeg_is_noticed():
    data = image(0, (64, 48))
    for length in range(0, len(data) - 40, 11):
        assert decode(data[:length]).problem, length
