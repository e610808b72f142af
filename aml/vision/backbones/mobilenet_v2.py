"""MobileNetV2's `features.0` to `features.18`, 1280 channels."""

from torchvision.models import mobilenet_v2

from aml.vision.backbones import IMAGENET, Backbone, channels_after

WEIGHTS = "torchvision:MobileNet_V2_Weights.IMAGENET1K_V1"


def stages():
    modules = list(mobilenet_v2(weights=None).features)
    return modules, channels_after(modules)


BACKBONE = Backbone(stages, IMAGENET, names={"features": ""})
