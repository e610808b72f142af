"""Section `networks`: the backbone of each network, and how much of it is kept and trained."""

from dataclasses import dataclass
from typing import Annotated

from aml.networks.backbones import channels, has_class_token
from aml.params.reading import Above, setting


@dataclass(frozen=True)
class NetworkSettings:
    """One network; `stages` and `frozen_stages` count the backbone's blocks from the image on."""

    label: str
    backbone: str
    stages: int
    frozen_stages: int
    # GeM's power before training; None: no GeM, the descriptor is the class token
    gem_p: Annotated[float | None, Above(0)]
    whitening: bool = False  # a linear layer and a second normalisation behind GeM

    def __post_init__(self):
        num_blocks = len(channels(self.backbone))
        if not 1 <= self.stages <= num_blocks:
            raise ValueError(f"stages is {self.stages}; accepted: 1 to {num_blocks}, those of {self.backbone}")
        if not 0 <= self.frozen_stages <= self.stages:
            raise ValueError(f"frozen_stages is {self.frozen_stages}; accepted: 0 to stages, which is {self.stages}")
        if self.gem_p is None and not has_class_token(self.backbone):
            raise ValueError(f"gem_p is empty; accepted: a number above 0, since {self.backbone} has no class token")

    @property
    def architecture(self) -> dict:
        """The arguments of a `RetrievalNetwork`, all but its projection."""
        return {name: value for name, value in vars(self).items() if name != "label"}

    @property
    def dimension(self) -> int:
        """The dimension of the backbone's output, and so of a teacher's descriptors."""
        return channels(self.backbone)[self.stages - 1]


def network_settings(values: dict, name: str) -> NetworkSettings:
    """Return section `networks.<name>`. Raises ValueError for an unknown backbone and for blocks that it doesn't
    have."""
    return setting(values, f"networks.{name}", NetworkSettings)
