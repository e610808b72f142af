"""Time the first images of a new shape on a GPU, for which cuDNN plans each convolution: 8 at a time through
MobileNetV2, which has many depthwise convolutions. Ours is laid out by `aml.networks.inference.prepare`, plain is
channels last.
"""

from collections.abc import Callable

import numpy as np
import torch

from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork
from aml.params.reading import read_parameters
from benchmarks.extraction import PARAMETERS, torch_device
from benchmarks.machine import device_name
from benchmarks.measure import CannotRunError, Case, Options, alternate, require_equal
from benchmarks.pictures import random_network

NAME, NUM_IMAGES, TRIALS = "mobilenet_v2", 8, 7
TOLERANCE = 1e-4  # of a component of a unit-norm descriptor


def run(options: Options) -> list[Case]:
    device = torch_device(options.device)
    if device.type != "cuda":
        raise CannotRunError("no CUDA device")
    network = folded(random_network(read_parameters(PARAMETERS), NAME, torch.rand(2, 3, 96, 96))).to(device)
    variants = {
        "plain": first_passes(network.to(memory_format=torch.channels_last), torch.channels_last),
        "ours": first_passes(prepare(folded(network), device, "float32"), torch.preserve_format),
    }
    seconds, results = alternate(variants, TRIALS)
    return [
        Case(
            what=f"{NAME}, {NUM_IMAGES} images of a shape that is new",
            trials=TRIALS,
            seconds=seconds,
            equality="components of descriptors",
            difference=require_equal("descriptors", results["ours"], results["plain"], TOLERANCE),
            device=device_name(device),
        )
    ]


def first_passes(network: RetrievalNetwork, layout: torch.memory_format) -> Callable[[], np.ndarray]:
    """A function that describes images of another shape at each call."""
    device, sides = next(network.parameters()).device, iter(range(TRIALS))

    def once() -> np.ndarray:
        number = next(sides)
        generator = torch.Generator(device).manual_seed(number)
        size = 500 + 7 * number, 700 - 5 * number
        images = torch.rand(NUM_IMAGES, 3, *size, device=device, generator=generator).to(memory_format=layout)
        with torch.inference_mode():
            return network(images).cpu().numpy()

    return once
