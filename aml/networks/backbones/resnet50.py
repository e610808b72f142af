"""ResNet50: ResNet101 with fewer layers."""

from torchvision.models import resnet50

from aml.networks.backbones.resnet101 import resnet

WEIGHTS = "torchvision:ResNet50_Weights.IMAGENET1K_V1"
CHANNELS = [64, 64, 64, 64, 256, 512, 1024, 2048]
BACKBONE = resnet(resnet50)
