"""Files in the layouts that the authors published, with random weights, and what their networks compute.

The networks are put together from torchvision and timm as the names in the files say, by none of our code.
"""

import functools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

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
    torch.manual_seed(seed)
    features = FEATURES[backbone](dimension, *([old_timm] if backbone == "efficientnet_b3" else []))
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


def _measure(module: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
    """Statistics of what arrives: else the signal dies in the first layers, and any mix-up goes unseen. Channels that
    hardly move keep a share of the others' variance, or rounding would grow to noise."""
    x = inputs[0]
    module.running_mean.copy_(x.mean(dim=(0, 2, 3)))
    variance = x.var(dim=(0, 2, 3))
    module.running_var.copy_(variance + 0.5 * variance.mean())


def _vgg16(dimension):
    import torchvision

    with torch.device("meta"):  # drawing its classifier, which nobody asks for, would take seconds
        features = torchvision.models.vgg16(weights=None).features[:-1]
    for module in features.to_empty(device="cpu"):
        if isinstance(module, nn.Conv2d):  # as torchvision draws them; biases are drawn in `network`
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(*features)


def _resnet(name, dimension):
    import torchvision

    return nn.Sequential(*list(getattr(torchvision.models, name)(weights=None).children())[:-2])


def _mobilenet_v2(dimension):
    import torchvision

    return nn.Sequential(torchvision.models.mobilenet_v2(weights=None).features, _one_by_one(1280, dimension))


def _efficientnet_b3(dimension, old_timm):
    import timm

    made = timm.create_model("tf_efficientnet_b3.aa_in1k", pretrained=False)
    activation = [nn.Identity()] if old_timm else []  # a child of its own in old versions, part of bn1, bn2 since
    stem = [made.conv_stem, made.bn1, *activation]
    return nn.Sequential(
        *stem, made.blocks, made.conv_head, made.bn2, *activation, _one_by_one(1536, dimension), nn.ReLU()
    )


FEATURES = {
    "vgg16": _vgg16,
    **{name: functools.partial(_resnet, name) for name in ("resnet50", "resnet101", "resnet152")},
    "mobilenet_v2": _mobilenet_v2,
    "efficientnet_b3": _efficientnet_b3,
}


def _one_by_one(channels, dimension):
    return nn.Conv2d(channels, dimension, 1, bias=False)


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
    learned = whitening(_dimension(state))
    torch.save(learned, whitening_of(path))
    return learned


def _dimension(state) -> int:
    return [tensor for name, tensor in state.items() if name.startswith("features")][-1].shape[0]


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
