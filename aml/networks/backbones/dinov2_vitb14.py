"""DINOv2's ViT-B/14: ViT-S/14, twice as wide."""

from aml.networks.backbones.dinov2_vits14 import vit

WEIGHTS = "timm:vit_base_patch14_dinov2.lvd142m"
CHANNELS = [768, 768, 768, 768, 768, 768, 768, 768, 768, 768, 768, 768, 768, 768]
CLASS_TOKEN = True
BACKBONE = vit("vit_base_patch14_dinov2.lvd142m")
