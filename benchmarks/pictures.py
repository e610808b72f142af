"""Make pictures and networks to time: JPEGs like photographs, and random weights without dead layers."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aml.complexity.measuring import fill_statistics
from aml.datasets.image_set_writer import PackWriter
from aml.files.image_sets import ImageSet, read_images
from aml.networks.network import RetrievalNetwork
from aml.params.networks import network_settings

SIZE = (1024, 768)  # pixels; the usual one of the revisited sets
QUALITY = 90


def jpeg(number: int, size: tuple[int, int]) -> bytes:
    """Return a noisy JPEG whose smaller details have less contrast, as in photographs; about 2 bits a pixel."""
    rng = np.random.default_rng(number)
    width, height = size
    pixels = np.full((height, width, 3), 128, np.float32)
    for cells in (3, 6, 12, 24, 48, 96, 192):
        small = rng.standard_normal((cells, cells, 3), np.float32) * 90 / cells**0.5
        for channel in range(3):
            plane = Image.fromarray(small[..., channel]).resize(size, Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(plane)
    pixels += rng.standard_normal((height, width, 1), np.float32) * 4
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def packed(folder: Path, sizes: Sequence[tuple[int, int]], *, num_queries: int = 0) -> ImageSet:
    """Return pictures of these sizes as a packed image set in `folder`, which is created. The last `num_queries` of
    them are queries, whose boxes leave an eighth out on each side."""
    folder.mkdir(exist_ok=True, parents=True)
    with PackWriter(folder) as pack:
        names = [f"picture{number}" for number in range(len(sizes))]
        for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
            pack.add(name, jpeg(number, size), *size)
        num_images = len(sizes) - num_queries
        pack.write_list("images.csv", names[:num_images])
        boxes = [[width / 8, height / 8, width * 7 / 8, height * 7 / 8] for width, height in sizes[num_images:]]
        pack.write_list("queries.csv", names[num_images:], boxes)
        pack.write_report({})
    return read_images(folder)


def random_network(values: dict, name: str, images: torch.Tensor) -> RetrievalNetwork:
    """Return network `name` of params.paper.yaml with random weights, students projecting to the largest dimension.

    BatchNorm gets the statistics of `images` `(B, 3, H, W)`, on whose device the network is made. With its initial ones
    activations fade or explode in a hundred random layers, and equal descriptors would mean nothing.
    """
    projection = max(values["grid"]["dimensions"]) if name in values["grid"]["students"] else None
    torch.manual_seed(0)
    network = RetrievalNetwork(**network_settings(values, name).architecture, projection=projection).to(images.device)
    fill_statistics(network, images)
    return network
