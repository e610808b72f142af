import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from aml.reports.contact_sheet import thumbnail
from aml.storage.decoding import MAX_PIXELS, check, decode, read_pixels
from aml.storage.imagesets import read_images
from aml.storage.pack import PackWriter
from tests.datasets.raw_folders import image


def encoded(image, file_format="PNG", **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def pixels(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def picture(of_pixels, kind="PNG", mode="RGB", **options):
    return encoded(Image.fromarray(of_pixels).convert(mode), kind, **options)


def by_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


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
    found = check(data)
    assert found.problem is None and (found.width, found.height) == size
    assert found.mode == mode and not found.is_rotated


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_rotation_is_noted_and_the_stored_size_kept(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for data in (image(0, exif=exif), image(0, file_format="PNG", exif=exif)):
        found = check(data)
        assert (found.width, found.height, found.is_rotated, found.problem) == (40, 30, True, None)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_damage_to_the_image():
    found = check(image(0, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40))
    assert found.problem is None and not found.is_rotated


def test_several_pictures_in_one_file():
    first, second = Image.open(io.BytesIO(image(0))), Image.open(io.BytesIO(image(1)))
    assert check(encoded(first, "MPO", save_all=True, append_images=[second])).problem is None


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
    found = check(data).problem
    assert found and (problem == "." or problem in found)


def test_every_cut_of_a_jpeg_is_noticed():
    data = image(0, (64, 48))
    for length in range(0, len(data) - 40, 11):
        assert check(data[:length]).problem, length


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1"])
def test_every_mode_becomes_rgb(mode):
    data = picture(pixels(8, 6), "JPEG" if mode == "CMYK" else "PNG", mode)
    np.testing.assert_array_equal(decode(data), by_pillow(data))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 100, "subsampling": "4:4:4"},
        {"quality": 75, "subsampling": "4:2:2"},
        {"quality": 30, "subsampling": "4:2:0"},
        {"quality": 5, "subsampling": "4:1:1", "optimize": True},
        {"progressive": True},
        {"progressive": True, "subsampling": "4:2:0", "restart_marker_blocks": 2},
        {"keep_rgb": True},
    ],
    ids=str,
)
def test_jpegs_have_pillow_s_pixels(mode, options):
    if mode == "CMYK":
        options = {name: value for name, value in options.items() if name != "keep_rgb"}
    for seed, size in enumerate([(1, 1), (7, 9), (16, 16), (33, 50), (130, 61)]):
        data = picture(pixels(*size, seed), "JPEG", mode, **options)
        found = decode(data)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, by_pillow(data))


@pytest.mark.parametrize("sampling", ["444", "440", "422", "420", "411"])
def test_every_sampling_of_colours_has_pillow_s_pixels(sampling):
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    _, data = cv2.imencode(".jpg", pixels(45, 37), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])
    np.testing.assert_array_equal(decode(data.tobytes()), by_pillow(data.tobytes()))


def test_jpegs_do_not_wait_for_pillow(monkeypatch):
    data = picture(pixels(8, 6), "JPEG")
    expected = by_pillow(data)
    monkeypatch.setattr(Image.Image, "convert", None)
    np.testing.assert_array_equal(decode(data), expected)


def test_pillow_judges_of_damage():
    whole = picture(pixels(64, 64), "JPEG")
    data = whole[:-300] + whole[-2:]  # it has an end, and Pillow fills what is missing
    with pytest.raises(ValueError):
        simplejpeg.decode_jpeg(data)
    np.testing.assert_array_equal(decode(data), by_pillow(data))


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("WEBP", "RGB")])
def test_exif_rotation_is_not_applied(kind, mode):
    """Neither by the faster decoder, which reads the first alone, nor by Pillow."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    data = picture(pixels(8, 6), kind, mode, exif=exif)
    assert Image.open(io.BytesIO(data)).getexif()[0x0112] == 6
    assert decode(data).shape == (6, 8, 3)


def packed(folder, **images):
    """An image set of these bytes by name, checked by nobody."""
    folder.mkdir()
    with PackWriter(folder) as pack:
        for name, data in images.items():
            pack.add(name, data, 40, 30)
        pack.write_list("images.csv", list(images))
    return read_images(folder)


def test_what_cannot_be_decoded_is_named(tmp_path):
    images = packed(tmp_path / "set", a=b"<html></html>", b=image(0, (300, 200))[:1500], c=image(1))
    with pytest.raises(ValueError, match=r"image 'a' cannot be decoded \(no image of a known format \(JPEG"):
        read_pixels(images, 0)
    for reader in (read_pixels, thumbnail):
        with pytest.raises(ValueError, match=r"image 'b' cannot be decoded \(OSError: image file is truncated"):
            reader(images, 1)
    np.testing.assert_array_equal(read_pixels(images, 2), by_pillow(image(1)))
    np.testing.assert_array_equal(thumbnail(images, 2), by_pillow(image(1)))
