from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from aml.images import (
    ImageTensors,
    batches_of_one_size,
    in_order,
    shrink,
    stack,
    stack_by_shape,
)
from tests.pictures import encoded, pixels


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
    whole, box = pixels(200, 100), (50, 20, 150, 70)
    query = shrink(whole, 100, box)  # 100 x 50 pixels of an image that shrinks to one half
    assert query.shape == (25, 50, 3)
    by_hand = Image.fromarray(whole[20:70, 50:150])
    by_hand.thumbnail((50, 50), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(query, by_hand)
    images = Sizes([(200, 100)])
    images.names, images.filled, images.read = ["a"], [False], lambda row: encoded(whole)
    tensors = ImageTensors(images, image_size=100, normalisation={})
    np.testing.assert_array_equal(tensors[0].permute(1, 2, 0), shrink(whole, 100))
    images.boxes = np.array([box])
    np.testing.assert_array_equal(tensors[0].permute(1, 2, 0), query)


def test_normalisation():
    tensors = ImageTensors(None, image_size=5, normalisation={"mean": [0.1, 0.2, 0.3], "std": [0.5, 1.0, 2.0]})
    images = np.stack([pixels(5, 4, seed) for seed in (0, 1)])  # (B, H, W, C)
    found = tensors.normalised(torch.from_numpy(images).permute(0, 3, 1, 2), torch.device("cpu"))
    expected = (images.astype(np.float64) / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    assert found.shape == (2, 3, 4, 5) and found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, atol=1e-6)


def test_stacks_cover_every_position_once_and_lie_as_their_images_do():
    tensors = [torch.full(shape, i) for i, shape in enumerate([(3, 2, 2), (3, 2, 4), (3, 2, 2)])]
    stacks = stack_by_shape(tensors)
    assert [positions for positions, _ in stacks] == [[0, 2], [1]]
    assert all(stack[i, 0, 0, 0] == p for where, stack in stacks for i, p in enumerate(where))
    assert stack_by_shape([]) == []
    tensors = [torch.from_numpy(pixels(5, 4, seed)).permute(2, 0, 1) for seed in (0, 1)]
    found = stack(tensors)
    assert torch.equal(found, torch.stack(tensors)) and found.is_contiguous(memory_format=torch.channels_last)


def test_batches_hold_images_of_one_size():
    images = Sizes([(4, 3), (3, 4), (4, 3), (4, 3)])
    assert batches_of_one_size(images, range(4), 2) == [[0, 2], [3], [1]]
    boxed = Sizes([(4, 3)] * 3, np.array([[0, 0, 2, 2], [0, 0, 3, 3], [0, 0, 2, 2]]))
    assert batches_of_one_size(boxed, range(3), 2) == [[0, 2], [1]]


def test_processes_decode_only_where_there_is_much_to_decode():
    images = Sizes([(1024, 768), (96, 72)])
    tensors = ImageTensors(images, image_size=96, normalisation={})
    for batches, asked, expected in (([[0] * 40, [0] * 40], 2, 2), ([[0, 1], [1]], 2, 0), ([[0] * 80], 0, 0)):
        loader = tensors.loader(batches, stack, num_workers=asked, device=torch.device("cpu"))
        assert loader.num_workers == expected


def test_order_is_kept_and_no_more_are_held_than_asked_for():
    taken = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(3) as pool:
        found = [(text, len(taken)) for text in in_order(pool, str, items(), 4)]
    assert found == [(str(number), min(number + 4, 20)) for number in range(20)]
