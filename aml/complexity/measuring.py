"""Measure a network: its parameters, its multiply-adds by torch's counter, and its time."""

import copy
import statistics
import time

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from aml.compute.device import processor
from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork

WARM_UP = 3  # passes: the first ones choose kernels and allocate memory


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, size: tuple[int, int]) -> int:
    """Return the multiply-adds of one image of `size` (height, width): half the operations that torch counts, those of
    convolutions and matrix products. Biases, BatchNorm, activations and pooling count nothing.

    Only shapes pass through the network, so that large sizes take no time.
    """
    products = sdpa_kernel(SDPBackend.MATH)  # attention as matrix products: the counter overlooks a CPU's own kernel
    shapes = FakeTensorMode(allow_non_fake_inputs=True)
    with torch.no_grad(), products, shapes, FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, *size))
    return counter.get_total_flops() // 2


def latency(network: RetrievalNetwork, size: tuple[int, int], device: torch.device, repeats: int) -> float:
    """Return the median milliseconds that the network takes for one image of `size` (height, width) that is on the
    device: float32, one scale, BatchNorm folded as in extraction."""
    images = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images = images.to(device, memory_format=torch.channels_last)
    network = copy.deepcopy(network).to(device)
    fill_statistics(network, images)
    network, seconds = prepare(folded(network), device, "float32"), []
    with torch.inference_mode():
        for _ in range(WARM_UP + repeats):
            start = time.perf_counter()
            network(images)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[WARM_UP:])


def fill_statistics(network: nn.Module, images: torch.Tensor) -> None:
    """Give BatchNorm the statistics of `images` `(B, 3, H, W)`. With those of an untrained network, activations fade to
    almost zero, and arithmetic with such numbers takes a different time."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        network(images)
    network.eval()


def device_name(device: torch.device) -> str:
    """Return the model of the GPU or CPU, as it calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor()
