"""Multi-scale descriptors of an image set (METHOD, Sec. 4)."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from aml.compute.distributed import count, rank
from aml.compute.out_of_memory import Pieces
from aml.extraction.shards import Shards
from aml.images import ImageTensors, batches_of_one_size, decoding_processes, stack
from aml.networks.network import RetrievalNetwork

CPU_PIXELS = 2**21  # at a time on a CPU: more take memory and gain nothing


def extract_descriptors(
    network: RetrievalNetwork,
    tensors: ImageTensors,
    work: Path,
    *,
    scales: list[float],
    batch_size: int,
    num_workers: int,
    name: str,
    dtype: str,
) -> Shards:
    """Descriptors `(N, D)` of all images, unit-norm, in the order of the list, as shards in the folder `work`. Of those
    that are not there yet this process computes its share, in float32, and writes it as `dtype`.

    Images of one stored size go through the network together. Raises ValueError naming the image whose descriptor is
    not finite.
    """
    shards = Shards(work, name, batches_of_one_size(tensors.images, range(len(tensors)), batch_size), dtype=dtype)
    missing = shards.missing(rank(), count())
    batches = [batch for number in missing for batch in shards.batches[number]]
    described = _described(network, tensors, batches, scales, num_workers, name)
    for number in missing:
        # they stay on the device until the shard is full: each way back waits for all that the device has to do
        descriptors = torch.cat(list(itertools.islice(described, len(shards.batches[number])))).cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(descriptors).all(axis=1))
        if len(bad):
            image = tensors.images.names[shards.rows(number)[bad[0]]]
            raise ValueError(f"{name}: image {image!r} has a non-finite descriptor")
        shards.write(number, descriptors)
    return shards


def _described(network, tensors, batches, scales, num_workers, name) -> Iterator[torch.Tensor]:
    """The descriptors of each batch of rows, on the network's device."""
    device, pieces = next(network.parameters()).device, Pieces(name)
    loader = DataLoader(
        tensors,
        batch_sampler=batches,
        collate_fn=stack,
        num_workers=decoding_processes(tensors.images, batches, num_workers),
        pin_memory=device.type == "cuda",
    )

    def describe(pixels: torch.Tensor) -> torch.Tensor:
        parts = [pixels] if device.type != "cpu" else _few_pixels(pixels)
        return torch.cat([describe_at_scales(network, tensors.normalised(part, device), scales) for part in parts])

    total = sum(map(len, batches))
    with tqdm(total=total, desc=name, unit="image", mininterval=1, leave=False, disable=rank() > 0) as bar:
        for pixels in loader:
            with torch.inference_mode():
                descriptors = pieces.map(describe, pixels)
            bar.update(len(pixels))
            yield descriptors


def _few_pixels(images: torch.Tensor) -> Sequence[torch.Tensor]:
    """Images `(B, 3, H, W)` in parts of at most CPU_PIXELS, or of one image."""
    return images.split(max(1, CPU_PIXELS // (images.shape[-2] * images.shape[-1])))


def describe_at_scales(network: RetrievalNetwork, images: torch.Tensor, scales: list[float]) -> torch.Tensor:
    """Descriptors `(B, D)` of images `(B, 3, H, W)`: v = (mean over scales of v_s^p)^(1/p), then L2.

    The pyramid is bilinear, of the normalised tensor; p is the network's own GeM power. At a single scale the
    descriptor is the network's as it is.
    """
    if list(scales) == [1]:
        return network(images)
    p, total = network.pool.p, 0
    for scale in scales:
        scaled = images if scale == 1 else _scaled(images, scale)
        total = total + network(scaled).pow(p)  # (B, D)
    return F.normalize((total / len(scales)).pow(1 / p))


def _scaled(images, scale):
    if min(images.shape[-2:]) * scale < 1:  # a sliver of an image keeps its one pixel
        size = [max(1, int(side * scale)) for side in images.shape[-2:]]
        return F.interpolate(images, size=size, mode="bilinear")
    return F.interpolate(images, scale_factor=scale, mode="bilinear")
