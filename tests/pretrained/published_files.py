"""Files in the layouts that the authors published, with random weights, and what their networks compute.

The networks are put together from torchvision and timm as the names in the files say, by none of our code.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.networks.library_weights import library_network

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
META = {"pooling": "gem", "local_whitening": False, "regional": False, "whitening": False, "mean": MEAN, "std": STD}


class Network(nn.Module):
    """`features`, then GeM, then L2: images `(B, 3, H, W)` to descriptors `(B, D)`. With a `whiten` layer: then that,
    and L2 again."""

    def __init__(self, features: nn.Sequential, p: float, whiten: nn.Linear | None = None):
        super().__init__()
        self.features, self.pool = features, nn.Module()
        self.pool.p = nn.Parameter(torch.tensor([p]))
        self.whiten = whiten

    def forward(self, images):
        x = torch.relu(self.features(images)).clamp(min=1e-6)  # (B, D, H', W')
        pooled = (x ** float(self.pool.p)).mean(dim=(2, 3)) ** (1 / float(self.pool.p))
        pooled = pooled / (pooled.norm(dim=1, keepdim=True) + 1e-6)
        if self.whiten is None:
            return pooled
        whitened = pooled @ self.whiten.weight.T + self.whiten.bias
        return whitened / (whitened.norm(dim=1, keepdim=True) + 1e-6)


def network(
    backbone: str, *, dimension: int = 16, seed: int = 0, old_timm: bool = False, whitening: bool = False
) -> Network:
    """A network whose names and shapes are a published file's; all its parameters and statistics are random."""
    features = _features(backbone, library_network(backbone, seed), dimension, old_timm)
    made = Network(features, p=2.5, whiten=nn.Linear(2048, 2048) if whitening else None).eval()
    hooks = []
    for module in made.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.data.normal_(std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.8, 1.2)
            module.bias.data.normal_(std=0.1)
            hooks.append(module.register_forward_pre_hook(_measure))
    with torch.no_grad():
        patches = F.interpolate(torch.randn(4, 3, 8, 8), size=96)  # with edges and flat parts, as photographs have
        made(torch.cat([patches, torch.randn(4, 3, 96, 96)]))
    for hook in hooks:
        hook.remove()
    return made


def _features(backbone: str, library: nn.Module, dimension: int, old_timm: bool) -> nn.Sequential:
    """The library's layers in the authors' order; a student's end in a convolution to `dimension` channels."""
    match backbone:
        case "vgg16":
            return library.features[:-1]
        case "resnet50" | "resnet101" | "resnet152":
            return nn.Sequential(*list(library.children())[:-2])
        case "mobilenet_v2":
            return nn.Sequential(library.features, nn.Conv2d(1280, dimension, 1, bias=False))
    activation = [nn.Identity()] if old_timm else []  # a child of its own in old versions, part of bn1, bn2 since
    stem = [library.conv_stem, library.bn1, *activation]
    head = [library.conv_head, library.bn2, *activation, nn.Conv2d(1536, dimension, 1, bias=False), nn.ReLU()]
    return nn.Sequential(*stem, library.blocks, *head)


def _measure(module: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
    """Statistics of what arrives: else the signal dies in the first layers, and any mix-up goes unseen. Channels that
    hardly move keep a share of the others' variance, or rounding would grow to noise."""
    x = inputs[0]
    module.running_mean.copy_(x.mean(dim=(0, 2, 3)))
    variance = x.var(dim=(0, 2, 3))
    module.running_var.copy_(variance + 0.5 * variance.mean())


def whitening(dimension: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    projection = np.asfortranarray(random.normal(size=(dimension, dimension)))  # as a transpose comes out of NumPy
    return {"m": random.normal(size=(dimension, 1)), "P": projection}


def save_student(path: Path, made: Network, *, architecture: str) -> dict[str, np.ndarray]:
    """`<name>.pth.tar` and its `<name>_whitening.pth`; gives the whitening."""
    state = made.state_dict()
    content = {"epoch": 1, "meta": META | {"architecture": architecture}, "state_dict": state}
    content |= {"optimizer": {}, "min_loss": np.float64(0.5)}
    torch.save(content, path)
    learned = whitening([tensor for name, tensor in state.items() if name.startswith("features")][-1].shape[0])
    torch.save(learned, whitening_of(path))
    return learned


def whitening_of(path: Path) -> Path:
    return path.with_name(path.name.partition(".pth")[0] + "_whitening.pth")


def save_teacher(path: Path, made: Network, *, architecture: str, dimension: int) -> dict[str, np.ndarray]:
    """A teacher's file as torch before 1.6 and NumPy before 2 wrote it; gives its multi-scale whitening. One with a
    whitening layer has none but that in its file."""
    learned = whitening(dimension)
    lw = {"retrieval-SfM-120k": {"ss": whitening(dimension, seed=1), "ms": learned}}
    meta = META | {"architecture": architecture, "outputdim": dimension}
    meta |= {"Lw": lw} if made.whiten is None else {"whitening": True}
    state = {name: tensor for name, tensor in made.state_dict().items() if "num_batches_tracked" not in name}
    torch.save({"meta": meta, "state_dict": state}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    return learned
