"""MobileNetV2's `features.0` to `features.18`, 1280 channels."""

from torchvision.models import mobilenet_v2

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "torchvision:MobileNet_V2_Weights.IMAGENET1K_V1"
CHANNELS = [32, 16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320, 1280]


def blocks():
    return list(mobilenet_v2(weights=None).features)


BACKBONE = Backbone(blocks, IMAGENET, names={"features": ""})
