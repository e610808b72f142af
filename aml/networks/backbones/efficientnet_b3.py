"""EfficientNet-B3 as timm's `forward_features` computes it: stem, seven blocks, head convolution and its activation."""

import timm

from aml.networks.backbones import IMAGENET, Backbone

WEIGHTS = "timm:tf_efficientnet_b3.aa_in1k"
CHANNELS = [40, 40, 24, 32, 48, 96, 136, 232, 384, 1536, 1536]
NAMES = {
    "conv_stem": "0",
    "bn1": "1",
    **{f"blocks.{block}": str(2 + block) for block in range(7)},
    "conv_head": "9",
    "bn2": "10",
}


def blocks():
    network = timm.create_model("tf_efficientnet_b3.aa_in1k", pretrained=False)
    return [network.conv_stem, network.bn1, *network.blocks, network.conv_head, network.bn2]


BACKBONE = Backbone(blocks, IMAGENET, NAMES, in_order=True)
