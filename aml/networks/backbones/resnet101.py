"""ResNet101 without pooling and classifier; the stem is four blocks, then layer1 to layer4."""

from torchvision.models import resnet101

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "torchvision:ResNet101_Weights.IMAGENET1K_V1"
CHANNELS = [64, 64, 64, 64, 256, 512, 1024, 2048]
NAMES = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def blocks():
    return list(resnet101(weights=None).children())[:-2]


BACKBONE = Backbone(blocks, IMAGENET, NAMES, in_order=True)
