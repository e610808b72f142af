import io

import numpy as np
import pytest
import torch
from PIL import Image

from aml.extraction.describe import describe_at_scales, describe_batches
from aml.images import ImageTensors, batches_of_one_size
from aml.networks.backbones import IMAGENET
from aml.networks.network import RetrievalNetwork

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
        width, height = self.sizes[row]
        pixels = np.random.default_rng(row).integers(0, 256, (height, width, 3), np.uint8)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG")
        return data.getvalue()


def network():
    torch.manual_seed(0)
    return RetrievalNetwork(backbone="lite0", stages=4, frozen_stages=0, projection=8, gem_p=3.0).eval()


def extract(net, batch_size, num_workers=0, scales=SCALES):
    """The images and their descriptors in rows."""
    tensors = ImageTensors(Pictures(7), image_size=40, normalisation=IMAGENET)
    batches = batches_of_one_size(tensors.images, range(7), batch_size)
    found = np.full((7, net.dimension), np.nan, np.float32)
    described = describe_batches(net, tensors, batches, scales=scales, num_workers=num_workers, name="x", quiet=True)
    for rows, descriptors in zip(batches, described, strict=True):
        found[rows] = descriptors
    return tensors, found


def test_rows_are_in_the_list_s_order_and_equal_a_naive_loop():
    net = network()
    tensors, descriptors = extract(net, batch_size=3)
    with torch.no_grad():
        for row in range(7):
            image = tensors.normalised(tensors[row][None], CPU)
            powers = [
                net(torch.nn.functional.interpolate(image, scale_factor=s, mode="bilinear")) ** net.pool.p
                for s in SCALES
            ]
            expected = (sum(powers) / 3) ** (1 / net.pool.p)
            np.testing.assert_allclose(descriptors[row], expected[0] / expected.norm(), atol=1e-6)


@pytest.mark.parametrize("batch_size, num_workers", [(1, 0), (4, 2)])
def test_batching_and_workers_change_nothing_but_rounding(batch_size, num_workers):
    reference = extract(network(), batch_size=2)[1]
    found = extract(network(), batch_size, num_workers)[1]
    np.testing.assert_allclose(found, reference, atol=2e-6)
    np.testing.assert_array_equal(found, extract(network(), batch_size)[1])  # processes change no bit


def test_a_cpu_takes_few_pixels_at_a_time(monkeypatch):
    reference = extract(network(), batch_size=4)[1]
    net, sizes = network(), []
    net.register_forward_pre_hook(lambda _, images: sizes.append(len(images[0])))
    monkeypatch.setattr("aml.extraction.describe.CPU_PIXELS", 2 * 40 * 34)  # pictures are of 40 x 33 here
    np.testing.assert_allclose(extract(net, batch_size=4)[1], reference, atol=2e-6)
    assert sorted(sizes) == [1, 1, 1] + 9 * [2]  # batches of 4 and 3, of two shapes, at three scales


def test_the_aggregate_uses_the_network_s_own_power():
    net, image = network(), torch.randn(1, 3, 48, 40)
    with torch.no_grad():
        net.pool.p.fill_(6.0)
        scaled = [image, *(torch.nn.functional.interpolate(image, scale_factor=s, mode="bilinear") for s in SCALES[1:])]
        of_scales = torch.stack([net(pixels) for pixels in scaled])  # (3, 1, D)
        found = describe_at_scales(net, image, SCALES)

    def aggregate(p):
        mean = (of_scales**p).mean(dim=0) ** (1 / p)
        return mean / mean.norm()

    torch.testing.assert_close(found, aggregate(6.0), atol=1e-6, rtol=0)
    for other in (1.0, 3.0):
        assert (aggregate(other) - found).abs().max() > 1e-4
