"""Networks made ready to compute: moved to a device, in a precision and a memory layout; BatchNorm folded away; on a
CPU large convolutions by Winograd's algorithm."""

import copy
import itertools
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aml.networks.backbones import backbone
from aml.networks.network import RetrievalNetwork

# Where Winograd's algorithm is faster; below, transforming the weights takes longer than it saves.
WINOGRAD_CHANNELS, WINOGRAD_PIXELS = 64, 512


def prepare(network: RetrievalNetwork, device: torch.device, precision: str) -> RetrievalNetwork:
    """Move `network` to `device`, let its convolutions run in `precision` from now on, and return it.

    precision: one of aml.compute.device.Precision. "bfloat16" is autocast's; "tf32", a GPU's rounding of factors to 10
    bits, holds for the whole process, since backward passes need it, too. Weights, pooling and descriptors stay
    float32. Raises ValueError for tf32 on a device that does not have it.
    """
    if precision == "tf32" and (device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0)):
        raise ValueError(
            f"precision is 'tf32', which {device} does not have; accepted: float32, bfloat16, or a GPU since Ampere"
        )
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    network.precision, network.layout = precision, _layout(network, device)
    return network.to(device, memory_format=network.layout)


def _layout(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Return channels last, which is faster, except for depthwise convolutions on a GPU.

    There cuDNN compiles depthwise convolutions for every new shape of images, which takes seconds, and in
    EfficientNet-B3 channels last was off by 2.5e-3 of a descriptor of norm 1.
    """
    depthwise = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())
    return torch.contiguous_format if depthwise and device.type == "cuda" else torch.channels_last


def folded(network: RetrievalNetwork) -> RetrievalNetwork:
    """Return a copy for inference with each BatchNorm folded into the convolution before it.

    It computes the same but for rounding, in half the operations. A BatchNorm is folded if it follows a convolution in
    an nn.Sequential, or in any module if `in_order` says that all modules of the backbone run in their order.
    """
    network = copy.deepcopy(network).eval()
    in_order = backbone(network.arguments["backbone"]).in_order
    for module in list(network.modules()):
        if in_order or isinstance(module, nn.Sequential):
            for (name, first), (next_name, second) in itertools.pairwise(list(module.named_children())):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    setattr(module, name, fuse_conv_bn_eval(first, second))
                    setattr(module, next_name, _after_norm(second))
    return network


def _after_norm(norm: nn.BatchNorm2d) -> nn.Module:
    """Return what a BatchNorm does after the normalisation: nothing, or dropout and activation in timm."""
    return nn.Identity() if type(norm) is nn.BatchNorm2d else nn.Sequential(norm.drop, norm.act)


def use_winograd(network: RetrievalNetwork) -> None:
    """Let the 3 x 3 convolutions of a folded network in float32 on a CPU compute by Winograd's algorithm, if torch has
    it for this processor.

    It takes a fifth of the multiplications (Lavin and Gray, arXiv 1509.09308) and moves descriptors by some 1e-8: VGG16
    describes an image of 1024 x 768 in 1.9 s instead of 4.3 on one core of an EPYC (Zen 4), ResNet101 in 2.1 instead
    of 2.6.
    """
    if not torch.backends.nnpack.is_available():
        return
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    suitable = [convolution for convolution in convolutions if _suits_winograd(convolution)]
    for convolution in suitable:
        convolution.to(memory_format=torch.contiguous_format)
        convolution.forward = partial(_winograd, convolution)
    if len(suitable) > len(convolutions) / 2:
        network.layout = torch.contiguous_format  # else most features would be copied to it


def _suits_winograd(convolution: nn.Conv2d) -> bool:
    sizes = (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation)
    is_plain = sizes == ((3, 3), (1, 1), (1, 1), (1, 1)) and convolution.groups == 1
    return is_plain and convolution.in_channels >= WINOGRAD_CHANNELS


def _winograd(convolution: nn.Conv2d, features: torch.Tensor) -> torch.Tensor:
    """Return the convolution of features (B, C, H, W), one image at a time: with several NNPACK is three times as
    slow."""
    weight, bias = convolution.weight, convolution.bias
    if features.shape[-2] * features.shape[-1] < WINOGRAD_PIXELS:
        return F.conv2d(features, weight, bias, padding=1)
    images = features.contiguous().split(1)
    outputs = [torch._nnpack_spatial_convolution(image, weight, bias, padding=1) for image in images]
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0]
