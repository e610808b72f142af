import io

import cv2
import numpy as np
import pytest
import simplejpeg
import torch
from PIL import Image

from aml.vision.images import (
    ImageTensors,
    batches_of_one_size,
    crop_and_shrink,
    decode,
    decoding_processes,
    shrink,
    stack,
    stack_by_shape,
)


def pixels(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(pixels, kind="PNG", mode="RGB", **options):
    data = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(data, kind, **options)
    return data.getvalue()


def by_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


class Sizes:
    def __init__(self, sizes, boxes=None):
        self.sizes, self.boxes = np.array(sizes), boxes


@pytest.mark.parametrize("size, expected", [((200, 100), (96, 48)), ((60, 90), (60, 90)), ((2000, 16), (96, 1))])
def test_the_longer_side_shrinks_and_nothing_is_enlarged(size, expected):
    image = Image.fromarray(pixels(*size))
    image.thumbnail((96, 96), Image.Resampling.LANCZOS)
    found = shrink(pixels(*size), 96)
    assert found.shape == (*reversed(expected), 3)
    np.testing.assert_array_equal(found, image)


def test_a_query_is_cropped_before_it_shrinks_by_the_whole_image_s_factor():
    whole = pixels(200, 100)
    query = crop_and_shrink(whole, (50, 20, 150, 70), 100)  # 100 x 50 pixels of an image that shrinks to one half
    assert query.shape == (25, 50, 3)
    by_hand = Image.fromarray(whole[20:70, 50:150])
    by_hand.thumbnail((50, 50), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(query, by_hand)


def test_another_box_gives_another_query():
    boxes = [(0, 0, 100, 50), (20, 10, 120, 60)]
    first, second = (crop_and_shrink(pixels(200, 100), box, 100) for box in boxes)
    assert (first != second).any()


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1"])
def test_every_mode_becomes_rgb(mode):
    data = encoded(pixels(8, 6), "TIFF" if mode == "CMYK" else "PNG", mode)
    np.testing.assert_array_equal(decode(data, "x"), by_pillow(data))


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
        data = encoded(pixels(*size, seed), "JPEG", mode, **options)
        found = decode(data, "x")
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, by_pillow(data))


@pytest.mark.parametrize("sampling", ["444", "440", "422", "420", "411"])
def test_every_sampling_of_colours_has_pillow_s_pixels(sampling):
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    _, data = cv2.imencode(".jpg", pixels(45, 37), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])
    np.testing.assert_array_equal(decode(data.tobytes(), "x"), by_pillow(data.tobytes()))


def test_jpegs_do_not_wait_for_pillow(monkeypatch):
    data = encoded(pixels(8, 6), "JPEG")
    expected = by_pillow(data)
    monkeypatch.setattr(Image.Image, "convert", None)
    np.testing.assert_array_equal(decode(data, "x"), expected)


def test_pillow_judges_of_damage():
    whole = encoded(pixels(64, 64), "JPEG")
    data = whole[:-300] + whole[-2:]  # it has an end, and Pillow fills what is missing
    with pytest.raises(ValueError):
        simplejpeg.decode_jpeg(data)
    np.testing.assert_array_equal(decode(data, "x"), by_pillow(data))


def test_exif_rotation_is_not_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    assert decode(encoded(pixels(8, 6), "JPEG", exif=exif), "x").shape == (6, 8, 3)


@pytest.mark.parametrize("data", [b"", b"<html></html>", encoded(pixels(64, 64), "JPEG")[:500]])
def test_what_cannot_be_decoded_is_named(data):
    with pytest.raises(ValueError, match="image 'a' cannot be decoded"):
        decode(data, "image 'a'")


def test_normalisation():
    tensors = ImageTensors(None, image_size=5, normalisation={"mean": [0.1, 0.2, 0.3], "std": [0.5, 1.0, 2.0]})
    images = np.stack([pixels(5, 4, seed) for seed in (0, 1)])  # (B, H, W, C)
    found = tensors.normalised(torch.from_numpy(images).permute(0, 3, 1, 2), torch.device("cpu"))
    expected = (images.astype(np.float64) / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    assert found.shape == (2, 3, 4, 5) and found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, atol=1e-6)


def test_a_stack_lies_as_its_images_do():
    tensors = [torch.from_numpy(pixels(5, 4, seed)).permute(2, 0, 1) for seed in (0, 1)]
    found = stack(tensors)
    assert torch.equal(found, torch.stack(tensors))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_stacks_cover_every_position_once():
    tensors = [torch.full(shape, i) for i, shape in enumerate([(3, 2, 2), (3, 2, 4), (3, 2, 2)])]
    stacks = stack_by_shape(tensors)
    assert [positions for positions, _ in stacks] == [[0, 2], [1]]
    assert all(stack[i, 0, 0, 0] == p for where, stack in stacks for i, p in enumerate(where))
    assert stack_by_shape([]) == []


def test_batches_hold_images_of_one_size():
    images = Sizes([(4, 3), (3, 4), (4, 3), (4, 3)])
    assert batches_of_one_size(images, range(4), 2) == [[0, 2], [3], [1]]
    boxed = Sizes([(4, 3)] * 3, np.array([[0, 0, 2, 2], [0, 0, 3, 3], [0, 0, 2, 2]]))
    assert batches_of_one_size(boxed, range(3), 2) == [[0, 2], [1]]


def test_processes_decode_only_where_there_is_much_to_decode():
    images = Sizes([(1024, 768), (96, 72)])
    assert decoding_processes(images, [[0] * 40, [0] * 40], 2) == 2
    assert decoding_processes(images, [[0, 1], [1]], 2) == 0
    assert decoding_processes(images, [[0] * 80], 0) == 0
