"""EfficientNet-B3 as timm's `forward_features` computes it: stem, seven stages, head convolution and its activation."""

import timm

from aml.vision.backbones import IMAGENET, Backbone, channels_after

WEIGHTS = "timm:tf_efficientnet_b3.aa_in1k"
NAMES = {
    "conv_stem": "0",
    "bn1": "1",
    **{f"blocks.{block}": str(2 + block) for block in range(7)},
    "conv_head": "9",
    "bn2": "10",
}


def stages():
    network = timm.create_model("tf_efficientnet_b3.aa_in1k", pretrained=False)
    modules = [network.conv_stem, network.bn1, *network.blocks, network.conv_head, network.bn2]
    return modules, channels_after(modules)


BACKBONE = Backbone(stages, IMAGENET, NAMES, in_order=True)
