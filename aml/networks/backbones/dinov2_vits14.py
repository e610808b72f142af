"""DINOv2's ViT-S/14, as timm's `forward_features` computes it: patches with position embeddings, twelve blocks, the
last norm.

An image is filled with zeros, on the right and below, to multiples of 14 pixels. The position embeddings, learned for
37 x 37 patches, are interpolated to the image's own number. `vit` also makes ViT-B/14. Weights: Oquab et al., arXiv
2304.07193.
"""

import functools

import timm
from torch import nn

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "timm:vit_small_patch14_dinov2.lvd142m"
CHANNELS = [384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384]
CLASS_TOKEN = True
DEPTH = 12


def vit(tag: str) -> Backbone:
    """Return the backbone of one of timm's DINOv2 networks with twelve blocks."""
    names = {f"blocks.{block}": f"{1 + block}.module" for block in range(DEPTH)}
    names |= {"norm": f"{1 + DEPTH}.module"}
    names |= {name: f"0.vit.{name}" for name in ("cls_token", "pos_embed", "patch_embed")}
    return Backbone(functools.partial(_blocks, tag), IMAGENET, names)


def _blocks(tag: str) -> list[nn.Module]:
    network = timm.create_model(tag, pretrained=False, num_classes=0, dynamic_img_size=True, dynamic_img_pad=True)
    rest = [*network.blocks, network.norm]
    network.blocks, network.norm = nn.Sequential(), nn.Identity()
    return [Patches(network), *map(Tokens, rest)]


class Patches(nn.Module):
    """Turn images `(B, 3, H, W)` into tokens `(B, C, N, 1)`: the class token, then one for each patch."""

    def __init__(self, vit: nn.Module):
        super().__init__()
        self.vit = vit

    def forward(self, images):
        return _as_positions(self.vit.forward_features(images))


class Tokens(nn.Module):
    """Apply a module that takes tokens `(B, N, C)` to tokens `(B, C, N, 1)`."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, positions):
        return _as_positions(self.module(positions[..., 0].transpose(1, 2)))


def _as_positions(tokens):
    return tokens.transpose(1, 2).unsqueeze(-1)


BACKBONE = vit("vit_small_patch14_dinov2.lvd142m")
