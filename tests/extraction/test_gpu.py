"""On a GPU: what the CPU gives, within its memory. Skipped without one."""

import copy

import numpy as np
import pytest
import torch

from aml.compute.device import Runtime
from aml.compute.out_of_memory import SmallerBatches
from aml.extraction.describe import describe_at_scales
from aml.images import ImageTensors
from aml.losses import load
from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork
from aml.training.objective import FeatureSource, Objective
from tests.extraction.test_describe import IMAGENET, SCALES, Pictures
from tests.vectors import unit

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

MIB = 2**20


@pytest.fixture
def device() -> torch.device:
    return Runtime(
        device="cuda", processes=1, num_threads=None, num_workers=0, num_downloads=1, compile=False
    ).torch_device()


@pytest.fixture
def little_memory(device):
    """What is in use and 300 MiB more, which a whole batch of these tests does not fit."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(device) + 300 * MIB) / total, device)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, device)
    torch.cuda.empty_cache()


@pytest.fixture(scope="module")
def network() -> RetrievalNetwork:
    torch.manual_seed(0)
    return RetrievalNetwork(backbone="lite0", stages=5, frozen_stages=0, projection=16, gem_p=3.0)


def on(network: RetrievalNetwork, device: torch.device, precision: str = "float32") -> RetrievalNetwork:
    return prepare(copy.deepcopy(network), device, precision)


def described(network: RetrievalNetwork, device: torch.device, precision: str = "float32") -> torch.Tensor:
    """(4, 16) descriptors of four pictures of one size, on the CPU."""
    tensors = ImageTensors(Pictures(8), image_size=40, normalisation=IMAGENET)
    pixels = torch.stack([tensors[row] for row in range(0, 8, 2)])
    with torch.inference_mode():
        return describe_at_scales(
            on(folded(network), device, precision), tensors.normalised(pixels, device), SCALES
        ).cpu()


def test_descriptors_are_the_cpu_s(network, device):
    torch.testing.assert_close(described(network, device), described(network, torch.device("cpu")), atol=1e-5, rtol=0)


@pytest.fixture
def back_to_float32():
    yield
    torch.backends.cudnn.allow_tf32 = False


@pytest.mark.parametrize(("precision", "similar"), [("tf32", 0.9999), ("bfloat16", 0.99)])
def test_precision_moves_descriptors_by_more_than_rounding_and_not_far(
    network, device, back_to_float32, precision, similar
):
    exact, found = described(network, device), described(network, device, precision)
    assert found.dtype == torch.float32
    assert (exact * found).sum(1).min() > similar and (exact - found).abs().max() > 1e-5
    assert torch.equal(described(network, device), exact)


def test_tf32_holds_in_the_backward_pass(network, device, back_to_float32):
    ours, images, gradients = on(network, device), torch.rand(4, 3, 64, 64, device=device), []
    for precision in ("float32", "tf32"):  # after the forward pass, which is float32's in both
        prepare(ours, device, "float32")
        ours.zero_grad()
        descriptors = ours(images)
        prepare(ours, device, precision)
        descriptors[:, 0].sum().backward()
        gradients.append(torch.cat([parameter.grad.ravel() for parameter in ours.parameters()]))
    exact, moved = gradients
    assert 1e-5 * exact.norm() < (moved - exact).norm() < 0.1 * exact.norm()


def test_extraction_within_little_memory(network, device, little_memory, capsys):
    images, ours = torch.rand(64, 3, 512, 512), on(folded(network), device)
    with torch.inference_mode():
        found = SmallerBatches("x").map(lambda piece: describe_at_scales(ours, piece.to(device), [1]), images).cpu()
        alone = torch.cat([ours(image[None].to(device)) for image in images]).cpu()
    assert "x: out of memory with 64 inputs of shape (3, 512, 512) at a time" in capsys.readouterr().err
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=0)


def test_a_training_step_within_little_memory(network, device, little_memory, capsys):
    images, targets = torch.rand(16, 3, 384, 384), unit(np.random.default_rng(0), 16, 16)
    batch, gradients = np.arange(16)[:, None], []
    for where in (device, torch.device("cpu")):
        tensors = ImageTensors(Pictures(0), image_size=40, normalisation=IMAGENET)
        source = FeatureSource(on(network, where), tensors, [], num_workers=0)
        objective = Objective(source, targets, load("reg"), {})
        objective.gradient(batch, [(list(range(16)), images.to(where))])
        gradients.append(torch.cat([parameter.grad.ravel().cpu() for parameter in source.network.parameters()]))
    assert "training: out of memory with 16 inputs" in capsys.readouterr().err
    norm = gradients[1].norm()
    torch.testing.assert_close(gradients[0] / norm, gradients[1] / norm, atol=1e-4, rtol=0)
