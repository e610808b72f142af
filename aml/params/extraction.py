"""What params.yaml says about descriptors; read without torch."""

from dataclasses import dataclass

from aml.compute.device import Precision
from aml.params.reading import BATCH_SIZES, IMAGE_SIZES, require_positive, require_within


@dataclass(frozen=True)
class TargetSettings:
    """Teacher descriptors of the training images: single scale, not whitened (METHOD, Sec. 3)."""

    image_size: int  # longer side, pixels
    batch_size: int  # images of one size that pass together
    precision: Precision

    def __post_init__(self):
        require_within(self, image_size=IMAGE_SIZES, batch_size=BATCH_SIZES)


@dataclass(frozen=True)
class ExtractionSettings:
    """Descriptors for testing (METHOD, Sec. 4)."""

    image_size: int  # longer side, pixels
    scales: list[float]
    batch_size: int  # images of one size that pass together
    precision: Precision
    distractor_dtype: str  # float16 halves the disk of a million rows

    def __post_init__(self):
        if self.distractor_dtype not in ("float16", "float32"):
            raise ValueError(f"distractor_dtype is {self.distractor_dtype!r}; accepted: float16, float32")
        if not self.scales:
            raise ValueError("scales is []; accepted: one or more numbers above 0")
        require_within(self, image_size=IMAGE_SIZES, batch_size=BATCH_SIZES, scales=(0, 10))
        require_positive(self, "scales")
