"""The retrieval network: backbone -> 1x1 projection (students) -> ReLU -> GeM -> L2, on disk as safetensors + JSON.

METHOD: teachers pool the backbone's own channels; a student projects to its teacher's dimension D (Sec. 3).
"""

import copy
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aml.files.atomic import write_json
from aml.files.reading import read_json
from aml.networks.backbones import backbone as backbone_row
from aml.networks.backbones import backbone_stages
from aml.networks.tensors import load_tensors, save_tensors

# Floor of an activation before the power, and what is added to a descriptor's norm before the division; both as in the
# code that made the paper's numbers.
EPSILON = 1e-6


class RetrievalNetwork(nn.Module):
    """Images `(B, 3, H, W)`, normalised, to unit-norm descriptors `(B, D)`, float32.

    `stages` counts the backbone's stages that are kept, `frozen_stages` how many of them, from the image on, never
    train; `projection` is D for a student and None for a teacher, whose D is the backbone's own.

    No part of a stored network are `precision` and `layout` of its convolutions (`place`), and `kept`, which looks
    frozen features up (aml.compute.feature_cache).
    """

    precision = "float32"
    layout = torch.preserve_format
    kept = None

    def __init__(self, *, backbone: str, stages: int, frozen_stages: int, projection: int | None, gem_p: float):
        super().__init__()
        self.arguments = {
            "backbone": backbone,
            "stages": stages,
            "frozen_stages": frozen_stages,
            "projection": projection,
            "gem_p": gem_p,
        }
        modules, channels = backbone_stages(backbone)
        if not 0 <= frozen_stages <= stages <= len(modules) or stages < 1:
            raise ValueError(
                f"backbone {backbone} has {len(modules)} stages: cannot keep {stages}, freeze {frozen_stages}"
            )
        self.frozen_stages = frozen_stages
        self.backbone = nn.Sequential(*modules[:stages])
        channels = channels[stages - 1]
        self.projection = nn.Conv2d(channels, projection, 1, bias=False) if projection is not None else None
        self.dimension = channels if projection is None else projection
        self.pool = GeM(gem_p)
        self.backbone[:frozen_stages].requires_grad_(False)
        self.train()  # torch's own start would let BatchNorm take its statistics from the first batches

    def forward(self, images):
        return self.describe(self.frozen_features(images))

    def frozen_features(self, images):
        """Images to what the trained part reads; a constant of the image, so that training may compute it once."""
        return self._frozen_features(images) if self.kept is None else self.kept(images, self._frozen_features)

    def _frozen_features(self, images):
        images = images.to(memory_format=self.layout)
        with self._autocast(images):
            return self.backbone[: self.frozen_stages](images)  # (B, C, H', W')

    def describe(self, features):
        """Frozen features to descriptors `(B, D)`."""
        features = features.to(memory_format=self.layout)
        with self._autocast(features):
            features = self.backbone[self.frozen_stages :](features)  # (B, C, H', W')
            if self.projection is not None:
                features = self.projection(features)  # (B, D, H', W')
        pooled = self.pool(F.relu(features))  # (B, D)
        return pooled / (pooled.norm(dim=1, keepdim=True) + EPSILON)

    def _autocast(self, x):
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def train(self, mode: bool = True):
        """Training mode, except that BatchNorm statistics stay frozen (Sec. 3); its affine parameters train."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def place(network: RetrievalNetwork, device: torch.device, precision: str) -> RetrievalNetwork:
    """`network` itself, moved to `device`, where its convolutions run in `precision`, one of
    aml.compute.device.Precision; weights, pooling and descriptors stay float32. "bfloat16" is autocast's; "tf32", a
    GPU's rounding of factors to 10 bits, holds for the whole process, since backward passes ask for it too.

    Raises ValueError for tf32 on a device that has none.
    """
    if precision == "tf32" and (device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0)):
        raise ValueError(
            f"precision is 'tf32', which {device} does not have; accepted: float32, bfloat16, or a GPU since Ampere"
        )
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    network.precision, network.layout = precision, _layout(network, device)
    return network.to(device, memory_format=network.layout)


def _layout(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last is the faster one, but for depthwise convolutions on a GPU: cuDNN compiles those for every new
    shape of images, which takes seconds, and in EfficientNet-B3 they were off by 2.5e-3 of a descriptor of norm 1."""
    depthwise = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())
    return torch.contiguous_format if depthwise and device.type == "cuda" else torch.channels_last


class GeM(nn.Module):
    """Generalised-mean pooling: (mean over positions of x^p)^(1/p), p learned (Radenovic et al., arXiv 1711.02512).

    Always float32: powers of bfloat16 lose what the descriptor is made of.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([float(p)]))

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            return x.float().clamp(min=EPSILON).pow(self.p).mean((-2, -1)).pow(1 / self.p)  # (B, C)

    def extra_repr(self) -> str:
        return f"p={self.p.item():.4f}"


def folded(network: RetrievalNetwork) -> RetrievalNetwork:
    """A copy for inference with each BatchNorm folded into the convolution before it: the same function but for
    rounding, in half the operations. Pairs are taken from Sequentials, and from all modules of a backbone in whose
    blocks they stand in order."""
    network = copy.deepcopy(network).eval()
    in_order = backbone_row(network.arguments["backbone"]).in_order
    for module in list(network.modules()):
        if in_order or isinstance(module, nn.Sequential):
            for (name, first), (next_name, second) in itertools.pairwise(list(module.named_children())):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    setattr(module, name, fuse_conv_bn_eval(first, second))
                    setattr(module, next_name, _after_norm(second))
    return network


def _after_norm(norm: nn.BatchNorm2d) -> nn.Module:
    """What a BatchNorm does besides: nothing, or timm's, dropout and activation."""
    return nn.Identity() if type(norm) is nn.BatchNorm2d else nn.Sequential(norm.drop, norm.act)


def start_from(network: RetrievalNetwork, weights: Path, *, generator: torch.Generator) -> None:
    """Load the backbone's ImageNet weights; draw the projection, if any, from `generator` (Kaiming uniform).

    Raises ValueError if the file's tensors do not fit the backbone.
    """
    state, _ = load_tensors(weights)
    kept = {name: tensor for name, tensor in state.items() if int(name.split(".")[0]) < len(network.backbone)}
    fill(network.backbone, kept, weights)
    if network.projection is not None:
        bound = network.projection.in_channels**-0.5
        nn.init.uniform_(network.projection.weight, -bound, bound, generator=generator)


def save_network(folder: Path, network: RetrievalNetwork, *, normalisation: dict, record: dict) -> None:
    """Write `model.safetensors` and `model.json` (constructor arguments, normalisation, training record)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "model.safetensors", network.state_dict(), {})
    parameters = sum(tensor.numel() for tensor in network.parameters())
    description = {
        "arguments": network.arguments,
        "dimension": network.dimension,
        "num_parameters": parameters,
        "normalisation": normalisation,
        "record": record,
    }
    write_json(folder / "model.json", description)


def load_network(folder: Path) -> tuple[RetrievalNetwork, dict]:
    """The network in evaluation mode, and what `model.json` says of it.

    Raises ValueError where the two files are damaged, or disagree with each other or with the code.
    """
    folder = Path(folder)
    description = read_json(folder / "model.json", "arguments", "normalisation")
    network = RetrievalNetwork(**description["arguments"])
    fill(network, load_tensors(folder / "model.safetensors")[0], folder / "model.safetensors")
    return network.eval(), description


def fill(module: nn.Module, state: dict, source: Path | str) -> None:
    """Give `module` the tensors of `state`. Raises ValueError naming `source` for one that is missing, left over, of
    another shape or not finite."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        name = wrong[0]
        raise ValueError(
            f"{source}: {len(wrong)} tensors do not fit the network; first {name}: "
            f"expected {expected.get(name, 'none')}, found {found.get(name, 'none')}"
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{source}: {name} holds non-finite values")
    module.load_state_dict(state)
