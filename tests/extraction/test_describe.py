import os

import numpy as np
import pytest
import torch

from aml.extraction.describe import describe_batches, num_side_by_side
from aml.images import ImageTensors, batches_of_one_size
from aml.networks.backbones import IMAGENET
from aml.networks.network import RetrievalNetwork
from tests.pictures import encoded, pixels

SCALES = [1, 2**-0.5, 0.5]


CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def always_in_processes(monkeypatch):
    """Where a test asks for processes, they decode, however few the pixels."""
    monkeypatch.setattr("aml.images.FEW_PIXELS", 0)


class Pictures:
    """An image set in memory, two sizes in turn."""

    boxes = None

    def __init__(self, count):
        self.sizes = np.array([(48, 40) if row % 2 else (40, 48) for row in range(count)])
        self.names = [f"picture{row}" for row in range(count)]
        self.filled = np.zeros(count, bool)

    def __len__(self):
        return len(self.sizes)

    def read(self, row):
        return encoded(pixels(*self.sizes[row], row))


def network():
    torch.manual_seed(0)
    return RetrievalNetwork(backbone="lite0", stages=4, frozen_stages=0, projection=8, gem_p=3.0).eval()


def extract(net, batch_size, num_workers=0, scales=SCALES, num_threads=1):
    """The images and their descriptors in rows."""
    tensors = ImageTensors(Pictures(7), image_size=40, normalisation=IMAGENET)
    batches = batches_of_one_size(tensors.images, range(7), batch_size)
    found = np.full((7, net.dimension), np.nan, np.float32)
    processes = {"num_workers": num_workers, "num_threads": num_threads}
    described = describe_batches(net, tensors, batches, scales=scales, name="x", quiet=True, **processes)
    for rows, descriptors in zip(batches, described, strict=True):
        found[rows] = descriptors
    return tensors, found


@pytest.mark.parametrize("power", [3.0, 6.0])
def test_rows_are_in_the_list_s_order_and_equal_a_naive_loop(power):
    """Scales are pooled by the network's own power."""
    net = network()
    net.pool.p.data.fill_(power)
    tensors, descriptors = extract(net, batch_size=3)
    with torch.no_grad():
        for row in range(7):
            image = tensors.normalised(tensors[row][None], CPU)
            powers = [
                net(torch.nn.functional.interpolate(image, scale_factor=s, mode="bilinear")) ** power for s in SCALES
            ]
            expected = (sum(powers) / 3) ** (1 / power)
            np.testing.assert_allclose(descriptors[row], expected[0] / expected.norm(), atol=1e-6)


def test_threads_change_no_bit_and_an_error_in_one_is_raised():
    found = extract(network(), batch_size=1, num_threads=2)[1]
    np.testing.assert_array_equal(found, extract(network(), batch_size=1)[1])
    broken = network()
    broken.pool.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        extract(broken, batch_size=1, num_threads=2)


@pytest.mark.parametrize("batch_size, num_workers", [(1, 0), (4, 2)])
def test_batching_and_workers_change_nothing_but_rounding(batch_size, num_workers, monkeypatch):
    """Nor does a CPU that takes few pixels at a time."""
    reference = extract(network(), batch_size=2)[1]
    found = extract(network(), batch_size, num_workers)[1]
    np.testing.assert_allclose(found, reference, atol=2e-6)
    np.testing.assert_array_equal(found, extract(network(), batch_size)[1])  # processes change no bit
    net, sizes = network(), []
    net.register_forward_pre_hook(lambda _, images: sizes.append(len(images[0])))
    monkeypatch.setattr("aml.extraction.describe.CPU_PIXELS", 2 * 40 * 34)  # pictures are of 40 x 33 here
    np.testing.assert_allclose(extract(net, batch_size)[1], reference, atol=2e-6)
    # batches of one, or of 4 and 3, of two shapes, at three scales
    assert sorted(sizes) == (21 * [1] if batch_size == 1 else [1, 1, 1] + 9 * [2])


@pytest.mark.parametrize(
    "most, num_threads, side_by_side, of_each",
    [(2, None, 2, 4), (16, None, 8, 1), (0, None, 1, 8), (4, 1, 4, 1), (4, 4, 2, 4), (4, 16, 1, 16)],
)
def test_cores_are_shared_among_what_runs_side_by_side(most, num_threads, side_by_side, of_each, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    before = torch.get_num_threads()
    assert num_side_by_side(torch.device("cpu"), most, num_threads) == side_by_side
    assert torch.get_num_threads() == of_each
    torch.set_num_threads(before)
    assert num_side_by_side(torch.device("cuda"), most, num_threads) == 1
