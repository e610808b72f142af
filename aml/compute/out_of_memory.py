"""Batches as large as the device's memory holds: halve them when memory runs out."""

import sys
from collections.abc import Callable
from typing import TypeVar

import torch
from tqdm import tqdm

T = TypeVar("T")


class SmallerBatches:
    """How many images pass through a network at a time: a whole batch until memory runs out, then half as many, and so
    on.

    Results of smaller batches differ by rounding only. `name` says in messages which work this is.
    """

    def __init__(self, name: str):
        self.name = name
        self.images = None  # at a time; None: all

    def fit(self, attempt: Callable[[int | None], T], images: torch.Tensor) -> T:
        """Return `attempt(self.images)`, and try again with half as many images each time it runs out of memory.

        images: (B, C, H, W), the largest batch of one shape in the attempt. Raises ValueError if a single image is too
        much.
        """
        while True:
            try:
                return attempt(self.images)
            except torch.OutOfMemoryError:
                pass  # leave the block first: the error holds what the attempt had in memory
            self._halve(images)

    def map(self, function: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """Return `function(images)` for a function that treats each of the images `(B, C, H, W)` by itself."""

        def attempt(number: int | None) -> torch.Tensor:
            batches = [images] if number is None else images.split(number)
            return torch.cat([function(batch) for batch in batches]) if len(batches) > 1 else function(images)

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
