"""Time tf32 and bfloat16 against float32 on a GPU, and measure how far they move descriptors: the four networks of
params.paper.yaml at 1024 x 768 and three scales, and a training step. Images are on the GPU already.

"plain" is float32, as committed; "ours" is the other precision.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from aml.extraction.describe import describe_at_scales
from aml.networks.inference import prepare
from aml.networks.network import RetrievalNetwork
from benchmarks.extraction import IMAGES, Subject, torch_device
from benchmarks.machine import device_name
from benchmarks.measure import CannotRunError, Case, Options, alternate, require_equal
from benchmarks.pictures import SIZE, packed
from benchmarks.training_step import Steps

PRECISIONS = ("tf32", "bfloat16")
TRIALS, REPEATS = 5, 5
COMPONENTS, LOSS = 0.05, 1.0  # what moves by more is broken


def run(options: Options) -> list[Case]:
    device = torch_device(options.device)
    if device.type != "cuda":
        raise CannotRunError("no CUDA device")
    size, cases = (96, 72) if options.quick else SIZE, []
    with tempfile.TemporaryDirectory() as folder:
        images = packed(Path(folder) / "extraction", 8 * [size])
        for name in IMAGES:
            cases += of_extraction(Subject(name, images, device), name)
        steps = Steps(Path(folder) / "training", [size], 2 if options.quick else 20, device)
    return cases + of_training(steps)


def of_extraction(subject: Subject, name: str) -> list[Case]:
    """Describe a batch REPEATS times."""
    pixels = torch.stack([subject.tensors[row] for row in range(len(subject.images))])
    images = subject.tensors.normalised(pixels, subject.device)

    def described() -> np.ndarray:
        with torch.inference_mode():
            for _ in range(REPEATS):
                descriptors = describe_at_scales(subject.folded, images, subject.settings.scales)
        return descriptors.cpu().numpy()

    what = f"{name}, {REPEATS * len(images)} images, {len(subject.settings.scales)} scales"
    return compared(what, subject.folded, described, described, "components of descriptors", COMPONENTS)


def of_training(steps: Steps) -> list[Case]:
    network, step = steps.networks[steps.our_step], steps.our_step

    def first_loss() -> np.ndarray:
        return step(steps.batches[0], steps.references[0]).cpu().numpy()

    what = f"training, {len(steps.batches)} steps"
    return compared(what, network, first_loss, lambda: steps.all(step), "the first batch's loss", LOSS)


def compared(
    what: str, network: RetrievalNetwork, result: Callable, timed: Callable, equality: str, tolerance: float
) -> list[Case]:
    """A case for each precision that the GPU has, against float32."""
    device = next(network.parameters()).device

    def in_precision(precision: str, function: Callable):
        prepare(network, device, precision)
        return function()

    results = {name: in_precision(name, result) for name in ("float32", *PRECISIONS)}
    seconds, _ = alternate({name: functools.partial(in_precision, name, timed) for name in results}, TRIALS)
    return [
        Case(
            what=f"{what}, {name}",
            trials=TRIALS,
            seconds={"ours": seconds[name], "plain": seconds["float32"]},
            equality=f"{equality}, which this option moves",
            difference=require_equal(f"{what}, {name}", results[name], results["float32"], tolerance),
            device=device_name(device),
        )
        for name in PRECISIONS
    ]
