"""What params.yaml says about the cost of networks; read without torch."""

from dataclasses import dataclass

from aml.params.reading import IMAGE_SIZES, require_within


@dataclass(frozen=True)
class ComplexitySettings:
    """How networks are counted and timed."""

    sizes: list[list[int]]  # of an image, [height, width], pixels; figures show the last
    repeats: int  # timed passes, of which the median counts

    def __post_init__(self):
        whole = all(len(size) == 2 and min(size) > 0 for size in self.sizes)
        if not self.sizes or not whole or len(set(map(tuple, self.sizes))) < len(self.sizes):
            raise ValueError(f"sizes is {self.sizes}; accepted: one or more [height, width] above 0, each once")
        require_within(self, repeats=(1, 1_000_000))
        for side in [side for size in self.sizes for side in size]:
            if not IMAGE_SIZES[0] <= side <= IMAGE_SIZES[1]:
                raise ValueError(f"sizes has {side}; accepted: {IMAGE_SIZES[0]} to {IMAGE_SIZES[1]:,}")
