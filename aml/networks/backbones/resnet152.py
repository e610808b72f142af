"""ResNet152: ResNet101 with more layers."""

from torchvision.models import resnet152

from aml.networks.backbones.resnet101 import resnet

WEIGHTS = "torchvision:ResNet152_Weights.IMAGENET1K_V1"
CHANNELS = [64, 64, 64, 64, 256, 512, 1024, 2048]
BACKBONE = resnet(resnet152)
