"""VGG16 without its last max-pool: `features.0` to `features.29`, the last a ReLU."""

from torch import nn
from torch.nn.functional import pad
from torchvision.models import vgg16

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "torchvision:VGG16_Weights.IMAGENET1K_V1"
CHANNELS = [
    64, 64, 64, 64, 64, 128, 128, 128, 128, 128,
    256, 256, 256, 256, 256, 256, 256,
    512, 512, 512, 512, 512, 512, 512, 512, 512, 512, 512, 512, 512,
]  # fmt: skip


def blocks():
    modules = list(vgg16(weights=None).features[:-1])
    for module in modules:
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_pre_hook(_keep_a_pixel)
    return modules


def _keep_a_pixel(_, inputs):
    """Double a side of one pixel before a max-pool, which would leave nothing of it (narrow images at the lowest
    scale)."""
    (x,) = inputs
    height, width = x.shape[-2:]
    if 1 in (height, width):  # else a copy for nothing
        x = pad(x, (0, width == 1, 0, height == 1), mode="replicate")
    return x


BACKBONE = Backbone(blocks, IMAGENET, names={"features": ""})
