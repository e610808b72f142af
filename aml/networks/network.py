"""The retrieval network: backbone -> 1x1 projection (students) -> ReLU -> GeM -> L2, then optionally a whitening -> L2.

METHOD: teachers pool the backbone's own channels; a student projects to its teacher's dimension D (Sec. 3).
"""

import torch
import torch.nn.functional as F
from torch import nn

from aml.networks import backbones

# Floor of an activation before the power, and what is added to a descriptor's norm before the division; both as in the
# code that made the paper's numbers.
EPSILON = 1e-6


class RetrievalNetwork(nn.Module):
    """A network from normalised images `(B, 3, H, W)` to unit-norm descriptors `(B, D)`, float32.

    `stages` counts the backbone's blocks that are kept, `frozen_stages` how many of them, from the image on, never
    train; `projection` is D for a student and None for a teacher, whose D is the backbone's own. With `gem_p`
    None nothing is pooled: the descriptor is the class token of a backbone that has one. `whitening` adds a linear
    layer and a second L2, as the published networks "gem-w" have them.

    Three attributes say how it computes; they are not stored with it: `precision` and `layout` of its convolutions
    (see `aml.networks.inference.prepare`), and `feature_cache`, which looks up the features of frozen blocks.
    """

    precision = "float32"
    layout = torch.preserve_format
    feature_cache = None

    def __init__(
        self,
        *,
        backbone: str,
        stages: int,
        frozen_stages: int,
        projection: int | None,
        gem_p: float | None,
        whitening: bool = False,
    ):
        super().__init__()
        self.arguments = {
            "backbone": backbone,
            "stages": stages,
            "frozen_stages": frozen_stages,
            "projection": projection,
            "gem_p": gem_p,
            **({"whitening": True} if whitening else {}),
        }
        self.frozen_stages = frozen_stages
        self.backbone = nn.Sequential(*backbones.backbone(backbone).blocks()[:stages])
        channels = backbones.channels(backbone)[stages - 1]
        self.projection = nn.Conv2d(channels, projection, 1, bias=False) if projection is not None else None
        self.dimension = channels if projection is None else projection
        self.class_token = backbones.has_class_token(backbone)
        self.pool = GeM(gem_p) if gem_p is not None else None
        self.whitening = nn.Linear(self.dimension, self.dimension) if whitening else None
        self.backbone[:frozen_stages].requires_grad_(False)
        self.train()  # torch's own start would let BatchNorm take its statistics from the first batches

    def forward(self, images):
        return self.describe(self.frozen_features(images))

    def frozen_features(self, images):
        """Return the features `(B, C, H', W')` of the frozen blocks, which no training changes."""
        if self.feature_cache is None:
            return self._frozen_features(images)
        return self.feature_cache(images, self._frozen_features)

    def _frozen_features(self, images):
        images = images.to(memory_format=self.layout)
        with self._autocast(images):
            return self.backbone[: self.frozen_stages](images)

    def describe(self, features):
        """Return descriptors `(B, D)` of features of the frozen blocks."""
        features = features.to(memory_format=self.layout)
        with self._autocast(features):
            features = self.backbone[self.frozen_stages :](features)  # (B, C, H', W')
            if self.projection is not None:
                features = self.projection(features)  # (B, D, H', W')
        descriptors = _normalised(self._pooled(features))
        return descriptors if self.whitening is None else _normalised(self.whitening(descriptors))

    def _pooled(self, features):
        if self.pool is None:
            return features[:, :, 0, 0].float()  # the class token
        if self.class_token:
            features = features[:, :, 1:]
        return self.pool(F.relu(features))  # (B, D)

    @property
    def scale_power(self) -> torch.Tensor | int:
        """The power of the mean over an image's scales: GeM's, or 1 for descriptors with negative numbers [code]."""
        return 1 if self.pool is None or self.whitening is not None else self.pool.p

    def _autocast(self, x):
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def train(self, mode: bool = True):
        """Set training mode, except that BatchNorm statistics stay frozen (Sec. 3); its affine parameters train."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def _normalised(rows):
    return rows / (rows.norm(dim=1, keepdim=True) + EPSILON)


class GeM(nn.Module):
    """Generalised-mean pooling: (mean over positions of x^p)^(1/p), p learned (Radenovic et al., arXiv 1711.02512).

    It always computes in float32: powers of bfloat16 lose what the descriptor is made of.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([float(p)]))

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            return x.float().clamp(min=EPSILON).pow(self.p).mean((-2, -1)).pow(1 / self.p)  # (B, C)
