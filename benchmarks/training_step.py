"""Time training steps of MobileNetV2 at 362 px: 5 tuples with teacher targets, forward, loss, backward, Adam.

Ours is what a batch of `aml.training.loop` runs: images of one size pass together. Plain: one forward and one backward
an image, contiguous layout. Decoding is left out of both. First five images of one size, then of five sizes with about
as many pixels, beside ours of one size.
"""

import copy
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aml.images import ImageTensors
from aml.losses import load
from aml.networks.backbones import backbone
from aml.networks.inference import prepare
from aml.params.losses import loss_settings
from aml.params.reading import read_parameters, section, setting
from aml.params.training import TrainingSettings
from aml.training.objective import FeatureSource, describe
from benchmarks.extraction import PARAMETERS, torch_device
from benchmarks.machine import device_name
from benchmarks.measure import Case, Options, alternate, require_equal
from benchmarks.pictures import SIZE, packed, random_network

NAME, LOSS = "mobilenet_v2", "contr_plus"
FACTOR = {"cpu": 1.0, "cuda": 4.0}
TOLERANCE = 1e-4  # of the losses
# Of the gradient's norm. Rounding alone moves it by 2e-3 of that on its way through a random network; with all of the
# network in float64, the two ways agree to 1e-15.
GRADIENT_TOLERANCE = 2e-3


def run(options: Options) -> list[Case]:
    device, (width, height) = torch_device(options.device), (96, 72) if options.quick else SIZE
    step = 1 if options.quick else 3  # pixels; at 362 px the shapes differ by one
    sizes = [(width, height), (height, width), (width, height + step), (height + step, width), (width, height - step)]
    with tempfile.TemporaryDirectory() as folder:
        one, five = (
            Steps(Path(folder) / name, of_batch, 2 if options.quick else 6, device)
            for name, of_batch in (("one", sizes[:1]), ("five", sizes))
        )
    return [compare(one, {}, options, device), compare(five, {"one size": one}, options, device)]


def compare(steps: "Steps", others: dict[str, "Steps"], options: Options, device: torch.device) -> Case:
    """`others`: further variants, timed without a plain version."""
    trials = 1 if options.quick else 5
    gradients = [steps.gradient(step) for step in (steps.our_step, steps.plain_step)]
    norm = np.linalg.norm(gradients[1])
    difference = require_equal("gradient", gradients[0] / norm, gradients[1] / norm, GRADIENT_TOLERANCE)
    variants = {"ours": partial(steps.all, steps.our_step), "plain": partial(steps.all, steps.plain_step)}
    variants |= {name: partial(other.all, other.our_step) for name, other in others.items()}
    seconds, losses = alternate(variants, trials)
    require_equal("losses", losses["ours"], losses["plain"], TOLERANCE * max(losses["plain"]))
    factor = FACTOR[device.type]
    num_tuples, num_steps = steps.settings.batch_size, len(steps.batches)
    return Case(
        what=f"{NAME}, {LOSS}, {num_tuples} tuples, sizes: {steps.num_shapes}, {num_steps} steps",
        trials=trials,
        seconds=seconds,
        equality="components of the gradient, whose norm is 1",
        difference=difference,
        reached={f"{factor:g} times as fast": seconds["plain"] >= factor * seconds["ours"]},
        found={"seconds_a_step": seconds["ours"] / num_steps},
        device=device_name(device),
    )


class Steps:
    """A network, decoded batches, whose images have `sizes` by turns, and their references; each way steps on a network
    and an optimizer of its own."""

    def __init__(self, folder: Path, sizes: list[tuple[int, int]], num_steps: int, device: torch.device):
        values = read_parameters(PARAMETERS)
        self.settings = setting(values, "distill", TrainingSettings)
        losses = loss_settings(values, LOSS)
        self.loss, self.constants = load(LOSS), losses.constants
        images = packed(folder, (self.settings.batch_size * num_steps * sizes)[: self.settings.batch_size * num_steps])
        normalisation = backbone(section(values, f"networks.{NAME}.backbone")).normalisation
        tensors = ImageTensors(images, image_size=self.settings.image_size, normalisation=normalisation)
        first = [tensors[row] for row in (0, self.settings.batch_size)]  # of one size
        first = tensors.normalised(torch.stack(first), torch.device("cpu"))
        network = random_network(values, NAME, first).to(device)
        rows = np.arange(len(images)).reshape(num_steps, -1)
        source = FeatureSource(network, tensors, rows.ravel(), num_workers=0)
        self.batches = list(source.batches(rows))
        self.num_shapes = len(self.batches[0])
        references = torch.randn(
            num_steps, self.settings.batch_size, 2 + losses.num_negatives, network.dimension,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        self.references = torch.nn.functional.normalize(references, dim=-1).to(device)  # (steps, B, M, D)
        self.networks = {
            self.our_step: prepare(copy.deepcopy(network), device, "float32"),
            self.plain_step: network.to(memory_format=torch.contiguous_format),
        }
        self.optimizers = {
            step: torch.optim.Adam(network.parameters(), lr=self.settings.learning_rate, fused=True)
            for step, network in self.networks.items()
        }

    def all(self, step) -> list[float]:
        """The loss of every batch."""
        self.networks[step].train()
        losses = []
        for groups, references in zip(self.batches, self.references, strict=True):
            self.optimizers[step].zero_grad(set_to_none=True)
            losses.append(step(groups, references).item())
            self.optimizers[step].step()
        return losses

    def gradient(self, step) -> np.ndarray:
        """The gradient of the first batch, all parameters in one vector."""
        self.optimizers[step].zero_grad(set_to_none=True)
        step(self.batches[0], self.references[0])
        return np.concatenate([p.grad.cpu().numpy().ravel() for p in self.networks[step].parameters()])

    def our_step(self, groups, references: torch.Tensor) -> torch.Tensor:
        loss = self.loss(describe(self.networks[self.our_step], groups), references, **self.constants)
        loss.backward()
        return loss.detach()

    def plain_step(self, groups, references: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), device=references.device)
        for positions, images in groups:
            for position, image in zip(positions, images, strict=True):
                descriptor = self.networks[self.plain_step](image[None].contiguous())  # (1, D)
                loss = self.loss(descriptor, references[position : position + 1], **self.constants)
                loss.backward()
                total += loss.detach()
        return total
