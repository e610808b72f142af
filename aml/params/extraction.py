"""Sections `targets`, `extract` and `whitening`: how images are described, and descriptors whitened."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aml.compute.device import Precision
from aml.params.reading import Above, BatchSize, ImageSize, NotNegative, Within


@dataclass(frozen=True)
class TargetSettings:
    """Teacher descriptors of the training images: single scale, not whitened (METHOD, Sec. 3)."""

    image_size: ImageSize  # longer side, pixels
    batch_size: BatchSize  # images of one size that pass together
    precision: Precision


@dataclass(frozen=True)
class ExtractionSettings(TargetSettings):
    """Descriptors for testing (METHOD, Sec. 4)."""

    scales: Annotated[list[float], Above(0), Within(0, 10)]
    distractor_dtype: Literal["float16", "float32"]  # float16 halves the disk of a million rows

    def __post_init__(self):
        if not self.scales:
            raise ValueError("scales is []; accepted: one or more numbers above 0")


@dataclass(frozen=True)
class WhiteningSettings:
    """How a whitening is learned that does not come with its network (METHOD, Sec. 4)."""

    shrinkage: NotNegative  # share of the mean of S's diagonal that is added to S's diagonal
