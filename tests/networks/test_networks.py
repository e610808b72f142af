import numpy as np
import pytest
import torch
from torch import nn

from aml.networks.inference import prepare
from aml.networks.network import GeM, RetrievalNetwork
from aml.networks.stored import load_network, save_network, save_tensors, start_from
from aml.pretrained.imagenet import imagenet_state
from tests import flipped


def small(projection=16, frozen_stages=1, gem_p=3.0, **options):
    torch.manual_seed(0)
    return RetrievalNetwork(
        backbone="lite0", stages=4, frozen_stages=frozen_stages, projection=projection, gem_p=gem_p, **options
    ).eval()


def test_gem_survives_negative_and_zero_activations():
    x, pool = torch.stack([torch.zeros(2, 3, 3), -torch.ones(2, 3, 3)]).requires_grad_(), GeM(3.0)
    pool(x).sum().backward()
    assert torch.isfinite(pool.p.grad).all() and torch.isfinite(x.grad).all()
    with torch.autocast("cpu", torch.bfloat16):
        assert pool(torch.rand(1, 2, 3, 3).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("mode", ["as made", "train", "eval"])
def test_frozen_stages_and_batchnorm_statistics_stay_and_all_else_trains(mode):
    network = RetrievalNetwork(backbone="lite0", stages=4, frozen_stages=2, projection=16, gem_p=3.0)
    if mode != "as made":
        network.train(mode == "train")
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network(torch.randn(2, 3, 48, 48)).sum().backward()
    for name, buffer in network.named_buffers():
        assert torch.equal(buffer, before[name]), name
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) is name.startswith(("backbone.0.", "backbone.1.")), name


def test_the_projection_starts_as_torch_starts_a_convolution_and_depends_on_its_generator_alone(tmp_path):
    state, states = imagenet_state("lite0", None), []
    save_tensors(tmp_path / "w.safetensors", state)
    for seed in (0, 0, 1):
        torch.manual_seed(np.random.randint(1000))
        network = small(whitening=True)
        start_from(network, tmp_path / "w.safetensors", generator=torch.Generator().manual_seed(seed))
        states.append(torch.cat([network.projection.weight[:, :, 0, 0], network.whitening.weight], dim=1))
    assert torch.equal(states[0], states[1]) and (states[0] != states[2]).all()
    assert (network.whitening.bias == 0).all()
    assert torch.equal(network.backbone[0][0].weight, state["0.0.weight"])
    network = small()
    start_from(network, tmp_path / "w.safetensors", generator=torch.Generator().manual_seed(7))
    torch.manual_seed(7)
    torch.testing.assert_close(network.projection.weight, nn.Conv2d(24, 16, 1, bias=False).weight)
    other = RetrievalNetwork(backbone="lite2", stages=23, frozen_stages=0, projection=None, gem_p=3.0)
    with pytest.raises(ValueError, match="tensors do not fit the network; first"):
        start_from(other, tmp_path / "w.safetensors", generator=torch.Generator())


def test_saved_networks_come_back_equal(tmp_path):
    network = small()
    save_network(tmp_path, network, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3}, record={"epochs": []})
    loaded, description = load_network(tmp_path)
    images = torch.randn(1, 3, 40, 40)
    assert torch.equal(loaded(images), network(images)) and not loaded.training
    assert description["dimension"] == 16 and description["normalisation"]["mean"] == [0.5] * 3
    trained = [name for name in network.state_dict() if "running" not in name and "num_batches" not in name]
    assert description["num_parameters"] == sum(network.state_dict()[name].numel() for name in trained)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    before = (tmp_path / "model.safetensors").read_bytes()
    save_network(tmp_path, small(), normalisation={}, record={})
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_damage_in_a_model_is_found_and_named(tmp_path):
    network = small()
    save_network(tmp_path, network, normalisation={}, record={})
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    tensors, description = tmp_path / "model.safetensors", tmp_path / "model.json"
    damages = [(description, whole[description][:-9])]
    spots = np.random.default_rng(0).choice(len(whole[tensors]), 12, replace=False)
    damages += [(tensors, flipped(whole[tensors], spot, 64)) for spot in spots]
    for path, content in damages:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path.name} is damaged: .* run `python -m tools.repair --verify`"):
            load_network(tmp_path)
        path.write_bytes(whole[path])
    load_network(tmp_path)
    network.pool.p.data.fill_(float("nan"))
    save_network(tmp_path, network, normalisation={}, record={})
    with pytest.raises(ValueError, match=r"pool\.p holds non-finite values"):
        load_network(tmp_path)


def described_by_hand(features, weight, p):
    """Projection, ReLU, GeM, L2 with 1e-6 in float64: features (B, C, H, W), weight (D, C), p -> (B, D)."""
    activations = np.maximum(np.einsum("dc,bchw->bdhw", weight, features), 1e-6)
    pooled = (activations**p).mean(axis=(2, 3)) ** (1 / p)
    return pooled / (np.linalg.norm(pooled, axis=1, keepdims=True) + 1e-6)


@pytest.mark.parametrize("strength, low, high", [(1.0, 1 - 1e-5, 1 + 1e-6), (1e-5, 0.8, 0.99)])
def test_norms_are_one_but_for_the_constant(strength, low, high):
    """1e-6 is added to the norm, as in the authors' code: of faint features, pooled to a norm of about 1e-5, it is
    much."""
    network, features = small(frozen_stages=4, gem_p=2.7), strength * torch.rand(2, 24, 3, 4)
    with torch.no_grad():
        found = network.describe(features).numpy()
        weight = network.projection.weight.double().numpy()[:, :, 0, 0]
    np.testing.assert_allclose(found, described_by_hand(features.double().numpy(), weight, 2.7), rtol=1e-5)
    norms = np.linalg.norm(found, axis=1)
    assert (low < norms).all() and (norms < high).all()


class Elsewhere(nn.Module):
    """Convolutions that go to no device, and note the layout that they were asked for."""

    def __init__(self, groups: int):
        super().__init__()
        self.convolution = nn.Conv2d(8, 8, 3, groups=groups)

    def to(self, device, memory_format):
        self.asked = device.type, memory_format
        return self


@pytest.mark.parametrize("groups", [8, 1])
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_depthwise_convolutions_are_contiguous_on_a_gpu(groups, device):
    placed = prepare(Elsewhere(groups), torch.device(device), "bfloat16")
    layout = torch.contiguous_format if (groups, device) == (8, "cuda") else torch.channels_last
    assert placed.asked == (device, layout) and (placed.layout, placed.precision) == (layout, "bfloat16")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_images_and_features_are_brought_to_the_network_s_layout(layout):
    network, seen = small(), []
    network.layout = layout
    for module in (network.backbone[0], network.backbone[1]):
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].is_contiguous(memory_format=layout)))
    for given in (torch.contiguous_format, torch.channels_last):
        images = torch.rand(2, 3, 31, 40).to(memory_format=given)
        network.describe(network.frozen_features(images).to(memory_format=given))
    assert seen == [True] * 4
