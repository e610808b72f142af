import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageFile

from aml.datasets.image_set_writer import PackWriter
from aml.files.image_sets import read_images
from aml.images import MAX_PIXELS, check, decode, read_pixels
from aml.pages.contact_sheet import thumbnail
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
    cuts = [data[:length] for length in range(0, len(data), 7) if check(data[:length]).problem]
    filled = sum(map(require_the_authors_pixels, cuts))
    assert filled > 10 or (options == {"file_format": "WEBP"} and len(cuts) > 50)  # a cut one is beyond Pillow too


@pytest.mark.parametrize("options", KINDS[:6], ids=str)
def test_a_jpeg_with_wrong_bytes_is_filled_as_by_the_authors(options):
    random, whole, filled = np.random.default_rng(0), image(0, (64, 48), **options), 0
    for _ in range(200):
        data = bytearray(whole)
        for place in random.integers(20, len(data), random.integers(1, 5)):
            data[place] = random.integers(256)
        if check(bytes(data)).problem:
            filled += require_the_authors_pixels(bytes(data))
    assert filled


def test_what_is_missing_of_a_jpeg_is_grey_and_the_rest_as_it_was():
    whole = picture(pixels(64, 64), "JPEG")
    found, expected = decode(whole[: len(whole) // 2], fill=True), decode(whole)
    np.testing.assert_array_equal(found[:8], expected[:8])
    assert found.shape == expected.shape and (found[-16:] == 128).all()
    np.testing.assert_array_equal(decode(whole, fill=True), expected)


def test_filling_one_image_leaves_the_others_refused():
    """Also those that are decoded meanwhile: no setting of Pillow's is touched."""
    data = image(0, (300, 200))[:1500]
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda number: decode(data, fill=True) if number % 2 else check(data), range(40)):
            assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with pytest.raises(ValueError, match="image file is truncated"):
        decode(data)


def test_readers_fill_what_was_packed_so(tmp_path):
    data = image(0, (300, 200))[:1500]
    (tmp_path / "set").mkdir()
    with PackWriter(tmp_path / "set") as pack:
        pack.add("filled", data, 300, 200, filled=True)
        pack.add("whole", data, 300, 200)
        pack.write_list("images.csv", ["whole", "filled"])
    images = read_images(tmp_path / "set")
    for of_list, row in ((images, 1), (images.subset(np.array([1])), 0)):
        np.testing.assert_array_equal(read_pixels(of_list, row), by_the_authors(data))
    expected = Image.fromarray(by_the_authors(data))
    expected.thumbnail((96, 96), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(thumbnail(images, 1), expected)
    for reader in (read_pixels, thumbnail):
        with pytest.raises(ValueError, match="image 'whole' cannot be decoded"):
            reader(images, 0)
