"""As many images at a time as the device's memory holds."""

import sys
from collections.abc import Callable
from typing import TypeVar

import torch
from tqdm import tqdm

T = TypeVar("T")


class Pieces:
    """How many images go through a network together: all that a batch has, until memory runs out; then half as many,
    and so on, from then on. What passes in pieces differs by rounding only."""

    def __init__(self, name: str):
        self.name = name  # of the work, for messages
        self.images = None  # at a time; None: all

    def fit(self, attempt: Callable[[int | None], T], images: torch.Tensor) -> T:
        """`attempt(self.images)`, again and with fewer images as long as it ends for lack of memory.

        `images` (B, C, H, W) are the largest batch of one shape in it. Raises ValueError if one by one doesn't fit.
        """
        while True:
            try:
                return attempt(self.images)
            except torch.OutOfMemoryError:
                pass  # leave the block first: the error holds what the attempt had in memory
            self._halve(images)

    def map(self, function: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """`function(images)`, of images `(B, C, H, W)` that do not depend on one another."""

        def attempt(number: int | None) -> torch.Tensor:
            pieces = [images] if number is None else images.split(number)
            return torch.cat([function(piece) for piece in pieces]) if len(pieces) > 1 else function(images)

        return self.fit(attempt, images)

    def _halve(self, images: torch.Tensor) -> None:
        one, tried = tuple(images.shape[1:]), min(self.images or len(images), len(images))
        if self.images == 1:
            raise ValueError(
                f"{self.name}: not even one input of shape {one} at a time fits the device's memory; "
                "accepted: a smaller image_size in params.yaml, or a device with more memory"
            )
        self.images = max(1, tried // 2)
        sentence = f"out of memory with {tried} inputs of shape {one} at a time; going on with {self.images}"
        tqdm.write(f"{self.name}: {sentence}", file=sys.stderr)
        torch.cuda.empty_cache()
