"""DINOv2's ViT-S/14, and ViT-B/14, as timm's `forward_features` computes them: patches with their places, twelve
blocks, the last norm.

An image is filled with zeros, on the right and below, to multiples of 14 pixels, and the places, learned for 37 x 37
patches, are interpolated to its own. Weights: Oquab et al., arXiv 2304.07193.
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
    """Images `(B, 3, H, W)` to tokens `(B, C, N, 1)`: the class token, then one a patch."""

    def __init__(self, vit: nn.Module):
        super().__init__()
        self.vit = vit

    def forward(self, images):
        return _as_positions(self.vit.forward_features(images))


class Tokens(nn.Module):
    """A module on tokens `(B, N, C)`, here for `(B, C, N, 1)`."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, positions):
        return _as_positions(self.module(positions[..., 0].transpose(1, 2)))


def _as_positions(tokens):
    return tokens.transpose(1, 2).unsqueeze(-1)


BACKBONE = vit("vit_small_patch14_dinov2.lvd142m")
