"""A student as one module from pixels to whitened descriptors, and that module as an ONNX file."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from aml.evaluation.whitening import whiten
from aml.extraction.describe import describe_at_scales
from aml.files.whitening import Whitening
from aml.networks.inference import folded
from aml.networks.network import RetrievalNetwork
from aml.search.student import INPUT, OUTPUT

OPSET = 17
EXAMPLE_SIDES = (75, 98)  # of the image that is traced; the file takes any other


class Describer(nn.Module):
    """A module from RGB pixels `(B, 3, H, W)` uint8 to whitened unit-norm descriptors `(B, D)` float32.

    It holds the normalisation, the network, its descriptors' mean over `scales` (`describe_at_scales`), and the
    whitening of the database that the descriptors are compared with, computed in float64. Its projection is stored in
    float32: in float64 it would be most of a small student's file.
    """

    def __init__(self, network: RetrievalNetwork, normalisation: dict, whitening: Whitening, scales: Sequence[float]):
        super().__init__()
        self.network, self.scales = folded(network), list(scales)
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(normalisation[name]).view(3, 1, 1))
        self.register_buffer("whitening_mean", torch.from_numpy(whitening.mean))
        self.register_buffer("whitening_projection", torch.from_numpy(whitening.projection).float())

    def forward(self, pixels):
        images = (pixels.float() / 255 - self.mean) / self.std
        descriptors = describe_at_scales(self.network, images, self.scales, scaled=scaled).double()
        return whiten(descriptors, self.whitening_mean, self.whitening_projection.double()).float()

    @torch.inference_mode()
    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Return the descriptor `(D,)` float32 of RGB pixels `(H, W, 3)` uint8."""
        return self(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].numpy()


def scaled(images: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the same as F.interpolate(images, scale_factor=scale, mode="bilinear"), from operators that hold for every
    size.

    If that function is traced, it becomes ONNX's Resize, which counts rows in float32: 63 for 90 x 0.7, where torch has
    62.
    """
    exact = torch.tensor([scale], dtype=torch.float64)  # as a float or without an axis it would be exported in float32
    for axis in (-2, -1):
        size = torch.as_tensor(images.shape[axis])
        (count,) = (size.double() * exact).long().clamp(min=1)
        place = ((torch.arange(count).float() + 0.5) * (1 / scale) - 0.5).clamp(min=0)
        low = place.long()
        high, weight = torch.minimum(low + 1, size - 1), (place - low).view(-1, 1) if axis == -2 else place - low
        images = images.index_select(axis, low) * (1 - weight) + images.index_select(axis, high) * weight
    return images


def write_onnx(describer: Describer, path: Path) -> None:
    """Write the module as an ONNX file whose batch, height and width are free.

    It is traced, because the exporter through torch.export needs two more packages and refuses padding that depends on
    the size of the image.

    Raises ValueError for a transformer: ONNX has no operator that interpolates position embeddings as torch does.
    """
    network = describer.network
    if network.class_token:
        raise ValueError(
            f"backbone {network.arguments['backbone']} can't be written as ONNX, as the positions of its patches are "
            "interpolated to the size of each image; accepted: a student with a convolutional backbone"
        )
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # on tracing, an older way, and on fixed branches: a test runs the file
        torch.onnx.export(
            describer.eval(),
            (torch.zeros(1, 3, *EXAMPLE_SIDES, dtype=torch.uint8),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch", 2: "height", 3: "width"}, OUTPUT: {0: "batch"}},
            opset_version=OPSET,
            do_constant_folding=False,  # else float32 constants are stored as float64; onnxruntime folds them
            dynamo=False,
        )
