"""Multi-scale descriptors of images (METHOD, Sec. 4)."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from tqdm import tqdm

from aml.compute.out_of_memory import SmallerBatches
from aml.images import ImageTensors, in_order, stack
from aml.networks.network import RetrievalNetwork

CPU_PIXELS = 2**20  # at a time on a CPU, or one image: more take memory and gain nothing


def describe_batches(
    network: RetrievalNetwork,
    tensors: ImageTensors,
    batches: Sequence[Sequence[int]],
    *,
    scales: list[float],
    num_workers: int,
    num_threads: int,
    name: str,
    quiet: bool,
) -> Iterator[torch.Tensor]:
    """Yield the descriptors `(B, D)`, float32, of each batch of rows, on the network's device.

    Images of a batch have one size. On a CPU `num_threads` parts of batches are described at a time, which changes no
    bit. Messages and the progress bar show the `name` of the list; `quiet` hides the bar.
    """
    device, smaller_batches = next(network.parameters()).device, SmallerBatches(name)
    loader = tensors.loader(batches, stack, num_workers=num_workers, device=device)

    def parts() -> Iterator[torch.Tensor]:
        for pixels in loader:
            height, width = pixels.shape[-2:]
            yield from pixels.split(len(pixels) if device.type != "cpu" else max(1, CPU_PIXELS // (height * width)))

    def describe(pixels: torch.Tensor) -> torch.Tensor:
        return describe_at_scales(network, tensors.normalised(pixels, device), scales)

    def describe_part(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return smaller_batches.map(describe, pixels)

    described = in_threads(describe_part, parts(), num_threads)
    total = sum(map(len, batches))
    with tqdm(total=total, desc=name, unit="image", mininterval=1, leave=False, disable=quiet) as bar:
        for batch in batches:
            found = []
            while sum(map(len, found)) < len(batch):
                found.append(next(described))
                bar.update(len(found[-1]))
            yield torch.cat(found)


def num_side_by_side(device: torch.device, most: int, num_threads: int | None) -> int:
    """Return how many parts of batches fit on the cores at a time, at most `most`, each with `num_threads` threads.

    None gives each part an equal share of the cores, which is faster than all cores for one. On a GPU it is one batch
    at a time. The number of torch's threads is set to what each part has.
    """
    if device.type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(num_threads or max(1, cores // max(1, most)))
    return max(1, min(most, cores // torch.get_num_threads()))


def in_threads(function: Callable, items: Iterable, num_threads: int) -> Iterator:
    """Yield `function(item)` of each item, in their order, while `num_threads` threads compute.

    Each thread has as many threads of torch as this one. Rounding depends on that number, so the bits are those of one
    thread.
    """
    if num_threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(
        num_threads, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        yield from in_order(pool, function, items, num_threads + 1)  # one waits, so that no thread does


def scaled_bilinear(images: torch.Tensor, scale: float) -> torch.Tensor:
    """Resize images `(B, C, H, W)` by bilinear interpolation; each side keeps at least one pixel."""
    if min(images.shape[-2:]) * scale < 1:  # a sliver of an image
        size = [max(1, int(side * scale)) for side in images.shape[-2:]]
        return F.interpolate(images, size=size, mode="bilinear")
    return F.interpolate(images, scale_factor=scale, mode="bilinear")


def describe_at_scales(
    network: RetrievalNetwork,
    images: torch.Tensor,
    scales: list[float],
    *,
    scaled: Callable[[torch.Tensor, float], torch.Tensor] = scaled_bilinear,
) -> torch.Tensor:
    """Return descriptors `(B, D)` of images `(B, 3, H, W)`: v = (mean over scales of v_s^p)^(1/p), then L2.

    The scales are bilinear reductions of the normalised tensor, and p is the network's `scale_power`, usually its GeM
    power. At the single scale 1 the network's descriptor does not change.
    """
    if list(scales) == [1]:
        return network(images)
    p, total = network.scale_power, 0
    for scale in scales:
        total = total + network(images if scale == 1 else scaled(images, scale)).pow(p)  # (B, D)
    return F.normalize((total / len(scales)).pow(1 / p))
