"""Multi-scale descriptors of an image set (METHOD, Sec. 4)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from aml.vision.images import ImageTensors, batches_of_one_size, decoding_processes
from aml.vision.networks import RetrievalNetwork


def extract_descriptors(
    network: RetrievalNetwork,
    tensors: ImageTensors,
    *,
    scales: list[float],
    batch_size: int,
    num_workers: int,
    name: str,
) -> np.ndarray:
    """Descriptors `(N, D)` float32 of all images, unit-norm, in the order of the list.

    Images of one stored size go through the network together. Raises ValueError naming the image whose descriptor is
    not finite.
    """
    device = next(network.parameters()).device
    batches = batches_of_one_size(tensors.images, range(len(tensors)), batch_size)
    loader = DataLoader(
        tensors,
        batch_sampler=batches,
        collate_fn=torch.stack,
        num_workers=decoding_processes(tensors.images, batches, num_workers),
        pin_memory=device.type == "cuda",
    )
    descriptors = np.empty((len(tensors), network.dimension), np.float32)
    with torch.inference_mode(), tqdm(total=len(tensors), desc=name, unit="image", mininterval=1, leave=False) as bar:
        for rows, pixels in zip(batches, loader, strict=True):
            descriptors[rows] = describe_at_scales(network, tensors.normalised(pixels, device), scales).cpu().numpy()
            bar.update(len(rows))
    bad = np.flatnonzero(~np.isfinite(descriptors).all(axis=1))
    if len(bad):
        raise ValueError(f"{name}: image {tensors.images.names[bad[0]]!r} has a non-finite descriptor")
    return descriptors


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
