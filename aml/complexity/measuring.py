"""What a network costs: parameters, multiply-adds by torch's own counter, and measured time."""

import copy
import statistics
import time

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from aml.compute.device import processor
from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork

WARM_UP = 3  # passes: the first ones choose kernels and allocate memory


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, size: tuple[int, int]) -> int:
    """Of one image of `size` (height, width): half the operations that torch counts, which are those of convolutions
    and matrix products; biases, BatchNorm, activations and pooling are none.

    Shapes alone are passed on, so that a size costs no time.
    """
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, *size))
    return counter.get_total_flops() // 2


def latency(network: RetrievalNetwork, size: tuple[int, int], device: torch.device, repeats: int) -> float:
    """Median milliseconds that one image of `size` (height, width), on the device already, takes through the network:
    float32, at one scale, BatchNorm folded as extraction does it."""
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
    """Gives BatchNorm the statistics of `images` `(B, 3, H, W)`: with those of an untrained network signals die out on
    their way, and arithmetic on numbers next to zero takes another time."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        network(images)
    network.eval()


def device_name(device: torch.device) -> str:
    """The model of the GPU or CPU, as it calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor()
