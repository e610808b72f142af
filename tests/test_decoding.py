import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile

from aml.datasets.image_set_writer import PackWriter
from aml.files.image_sets import read_images
from aml.images import MAX_PIXELS, check, decode, read_pixels
from aml.pages.contact_sheet import thumbnail
from tests.datasets.raw_folders import image
from tests.pictures import encoded, pixels


def by_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def png_header(width, height):
    """A PNG that promises width x height pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + b"\0\0\0\0IDAT"


SAMPLED = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440]  # which Pillow does not write
WHOLE = encoded(pixels(64, 64), "JPEG")


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
        # with an end: Pillow fills what is missing, simplejpeg refuses it
        (WHOLE[:-300] + WHOLE[-2:], "RGB", (64, 64)),
        (cv2.imencode(".jpg", pixels(45, 37), SAMPLED)[1].tobytes(), "RGB", (45, 37)),
    ],
)
def test_modes_sizes_and_samplings_of_colours_that_are_fine(data, mode, size):
    found = check(data)
    assert found.problem is None and (found.width, found.height) == size
    assert found.mode == mode and not found.is_rotated
    np.testing.assert_array_equal(decode(data), by_pillow(data))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_rotation_is_noted_and_not_applied():
    """By the faster decoder, which reads some JPEGs alone, and by Pillow. Damaged EXIF and several pictures in one file
    are no damage to the image."""
    for orientation in (3, 6, 8):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind, mode in (("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("WEBP", "RGB")):
            found = check(data := image(0, file_format=kind, mode=mode, exif=exif))
            assert (found.width, found.height, found.is_rotated, found.problem) == (40, 30, True, None)
            assert decode(data).shape == (30, 40, 3)
    found = check(image(0, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40))
    assert found.problem is None and not found.is_rotated
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
        (encoded(np.full((4, 4), 40000, np.uint16)), "16 or more bits"),
        (png_header(10000, 8001), f"10000 x 8001 pixels, at most {MAX_PIXELS}"),
        (png_header(60000, 60000), "more than"),
        (png_header(0, 5), "."),
    ],
)
@pytest.mark.filterwarnings("error")  # our limit comes before Pillow's warning
def test_problems(data, problem):
    found = check(data).problem
    assert found and (problem == "." or problem in found)


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
def test_jpegs_have_pillow_s_pixels(mode, options, monkeypatch):
    """RGB images are decoded without waiting for Pillow."""
    if mode == "CMYK":
        options = {name: value for name, value in options.items() if name != "keep_rgb"}
    images = [
        encoded(pixels(*size, seed), "JPEG", mode, **options)
        for seed, size in enumerate([(1, 1), (7, 9), (16, 16), (33, 50), (130, 61)])
    ]
    expected = [by_pillow(data) for data in images]
    if mode == "RGB":
        monkeypatch.setattr(Image.Image, "convert", None)
    for data, pixels_of_pillow in zip(images, expected, strict=True):
        found = decode(data)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, pixels_of_pillow)


def by_the_authors(data):
    """The pixels with Pillow's own setting, as the authors' loader has it; None where it raises too."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return by_pillow(data)
    except (OSError, SyntaxError, ValueError):
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def require_the_authors_pixels(data):
    """Gives 1 for an image that is filled, 0 for one that can't be."""
    expected = by_the_authors(data)
    assert check(data).can_be_filled == (expected is not None)
    if expected is None:
        with pytest.raises(ValueError):
            decode(data, fill=True)
        return 0
    np.testing.assert_array_equal(decode(data, fill=True), expected)
    return 1


KINDS = [{}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}, {"restart_marker_blocks": 2}, {"subsampling": 0}]
KINDS += [{"file_format": "GIF", "mode": "P"}, {"file_format": "BMP"}, {"file_format": "WEBP"}]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_a_truncated_image_is_filled_as_by_the_authors(options):
    data = image(0, (64, 48), **options)
    lengths = range(0, len(data), 7)
    cuts = [length for length in lengths if check(data[:length]).problem]
    assert options or {length for length in lengths if length < len(data) - 40} <= set(cuts)  # of a JPEG every one
    filled = sum(require_the_authors_pixels(data[:length]) for length in cuts)
    assert filled > 10 or (options == {"file_format": "WEBP"} and len(cuts) > 50)  # a cut one is beyond Pillow too


def test_filling_one_image_leaves_the_others_refused():
    """Also those that are decoded meanwhile: no setting of Pillow's is touched."""
    data = image(0, (300, 200))[:1500]
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda number: decode(data, fill=True) if number % 2 else check(data), range(40)):
            assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with pytest.raises(ValueError, match="image file is truncated"):
        decode(data)


def test_readers_fill_what_was_packed_so_and_name_what_cannot_be_decoded(tmp_path):
    data, folder = image(0, (300, 200))[:1500], tmp_path / "set"
    folder.mkdir()
    with PackWriter(folder) as pack:
        pack.add("filled", data, 300, 200, filled=True)
        for name, content in {"cut": data, "page": b"<html></html>", "whole": image(1)}.items():
            pack.add(name, content, 300, 200)
        pack.write_list("images.csv", ["cut", "filled", "page", "whole"])
    images = read_images(folder)
    for of_list, row in ((images, 1), (images.subset(np.array([1])), 0)):
        np.testing.assert_array_equal(read_pixels(of_list, row), by_the_authors(data))
    expected = Image.fromarray(by_the_authors(data))
    expected.thumbnail((96, 96), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(thumbnail(images, 1), expected)
    for reader in (read_pixels, thumbnail):
        with pytest.raises(ValueError, match=r"image 'cut' cannot be decoded \(OSError: image file is truncated"):
            reader(images, 0)
        np.testing.assert_array_equal(reader(images, 3), by_pillow(image(1)))
    with pytest.raises(ValueError, match=r"image 'page' cannot be decoded \(no image of a known format \(JPEG"):
        read_pixels(images, 2)
