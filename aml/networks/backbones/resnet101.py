"""ResNet101 without pooling and classifier, and ResNet50 and 152; the stem is four blocks, then layer1 to layer4."""

from collections.abc import Callable

import torchvision

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "torchvision:ResNet101_Weights.IMAGENET1K_V1"
CHANNELS = [64, 64, 64, 64, 256, 512, 1024, 2048]
NAMES = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def resnet(make: Callable) -> Backbone:
    """Return the backbone of one of torchvision's ResNets."""
    return Backbone(lambda: list(make(weights=None).children())[:-2], IMAGENET, NAMES, in_order=True)


BACKBONE = resnet(torchvision.models.resnet101)
