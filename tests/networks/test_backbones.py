"""Backbones against the libraries that their weights come from, and as networks are made of them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from aml.extraction.describe import describe_at_scales
from aml.networks.backbones import backbone, channels, known, weights_source
from aml.networks.inference import folded, use_winograd
from aml.networks.network import RetrievalNetwork
from aml.pretrained.imagenet import imagenet_state
from tests.networks.library_weights import vit, write_weights

LITE = ["lite0", "lite1", "lite2"]
OF_OTHER_LAYERS = [name for name in known() if name not in ("resnet152", "dinov2_vitb14")]  # which are larger only


def whole(name: str) -> RetrievalNetwork:
    stages = len(channels(name))
    return RetrievalNetwork(backbone=name, stages=stages, frozen_stages=0, projection=None, gem_p=3.0).eval()


@pytest.mark.parametrize("name", LITE)
def test_lite_backbones_equal_timm(name):
    import timm

    reference = timm.create_model(f"tf_efficientnet_{name}", pretrained=False).eval()
    ours = nn.Sequential(*backbone(name).blocks()).eval()
    shared = list(reference.state_dict().values())[: len(ours.state_dict())]
    ours.load_state_dict(dict(zip(ours.state_dict(), shared, strict=True)))
    images = torch.randn(2, 3, 61, 96)  # an odd side: padding depends on it
    with torch.no_grad():
        expected = reference.blocks(reference.bn1(reference.conv_stem(images)))
        assert torch.equal(ours(images), expected)
    ours.load_state_dict(imagenet_state(name, None))  # packaged weights fill it


@pytest.mark.parametrize("size", [(75, 97), (14, 201), (518, 518), (9, 300)])
def test_a_transformer_describes_images_of_any_size_as_timm_does(size, tmp_path):
    """Sides are filled with zeros to multiples of 14. At 518 x 518 places are not interpolated: timm's network of that
    one size gives the same."""
    name, options = "dinov2_vits14", {"dynamic_img_size": True, "dynamic_img_pad": True}
    reference = vit(name, **({} if size == (518, 518) else options))
    write_weights(name, reference, tmp_path / "w.safetensors")
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    filled = torch.zeros(1, 3, *(-(-side // 14) * 14 for side in size))
    filled[:, :, : size[0], : size[1]] = images
    with torch.no_grad():
        tokens = reference.forward_features(images)  # (1, N, C)
        assert torch.equal(tokens, reference.forward_features(filled))
        for gem_p, expected in (
            (None, tokens[:, 0]),
            (2.5, (tokens[:, 1:].clamp(min=1e-6) ** 2.5).mean(1) ** (1 / 2.5)),
        ):
            network = RetrievalNetwork(backbone=name, stages=14, frozen_stages=3, projection=None, gem_p=gem_p).eval()
            network.backbone.load_state_dict(imagenet_state(name, tmp_path / "w.safetensors"))
            torch.testing.assert_close(network(images), expected / expected.norm(), rtol=0, atol=1e-6)


def test_a_class_token_is_averaged_over_scales_as_it_is():
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="dinov2_vits14", stages=2, frozen_stages=0, projection=None, gem_p=None).eval()
    images = torch.randn(1, 3, 60, 44)
    with torch.no_grad():
        small = network(nn.functional.interpolate(images, scale_factor=0.5, mode="bilinear"))
        expected = network(images) + small
        found = describe_at_scales(network, images, [1, 0.5])
    assert (expected < 0).any()
    torch.testing.assert_close(found, expected / expected.norm(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", known())
def test_channels_are_what_the_table_says(name):
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for module, expected in zip(backbone(name).blocks(), channels(name), strict=True):
            x = module.eval()(x)
            assert x.shape[1] == expected


@pytest.mark.parametrize("name", OF_OTHER_LAYERS)
@pytest.mark.parametrize("size", [(1, 1), (8, 1024), (64, 3)])
def test_slivers_have_descriptors(name, size):
    """An image of 2000 x 16 pixels is 1024 x 8 at testing, 512 x 4 at its lowest scale."""
    network = whole(name)
    with torch.inference_mode():
        for scales in ([1], [1, 0.7071067811865476, 0.5]):
            found = describe_at_scales(network, torch.randn(1, 3, *size), scales)
            assert 0.9 < found.norm() < 1.0001  # random weights let the signal die: to the floor, whose norm is 1.8e-5


@pytest.mark.parametrize("name", known())
def test_images_are_normalised_as_those_that_the_weights_were_trained_on(name):
    import timm
    import torchvision

    library, _, tag = weights_source(name).partition(":")
    if library == "torchvision":
        theirs = torchvision.models.get_weight(tag).transforms()
        expected = {"mean": theirs.mean, "std": theirs.std}
    else:
        theirs = timm.get_pretrained_cfg(tag or f"tf_efficientnet_{name}.in1k")
        expected = {"mean": list(theirs.mean), "std": list(theirs.std)}
    assert backbone(name).normalisation == expected


@pytest.mark.parametrize("name", OF_OTHER_LAYERS)
def test_folding_batchnorm_changes_rounding_only(name):
    torch.manual_seed(0)
    network = whole(name)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    images = torch.randn(1, 3, 64, 48)
    with torch.no_grad():
        np.testing.assert_allclose(folded(network)(images), network(images), atol=2e-6)
    assert not [module for module in folded(network).modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.skipif(not torch.backends.nnpack.is_available(), reason="torch has no Winograd for this processor")
@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_winograd_changes_rounding_only_and_that_of_large_images_alone(name):
    torch.manual_seed(0)
    network = folded(whole(name))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # else the signal dies
    large, small = torch.randn(2, 3, 160, 129), torch.randn(2, 3, 20, 24)
    with torch.no_grad():
        direct, expected = [network(large), network(small)], copy.deepcopy(network).double()(large.double())
        use_winograd(network)
        found = [network(large), network(small)]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    assert [torch.equal(*both) for both in zip(found, direct, strict=True)] == [False, True]
