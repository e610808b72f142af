"""The whitening of database and distractors while they are described: the network's own, or one that is learned
first."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import torch

from aml.evaluation.whitening import learn, whiten
from aml.extraction.descriptor_folder import Shards, rank, wait_for_all
from aml.files.whitening import Whitening, read_whitening, write_whitening


class DatabaseWhitening:
    """Whitens the descriptors of some lists by one float32 product, on their device, before their type is narrowed."""

    def __init__(
        self,
        lists: Collection[str],
        *,
        owned: Whitening | None = None,
        learned_on: str | None = None,
        pairs: tuple[np.ndarray, np.ndarray] = (),
        shrinkage: float = 0,
    ):
        """Whiten `lists` by `owned`, or by a whitening that is learned from the descriptors of the list `learned_on`
        and `pairs` of its rows, once for all processes and again after a restart."""
        self.lists, self.found, self.learned_on, self.pairs, self.shrinkage = lists, owned, learned_on, pairs, shrinkage

    def settings(self) -> list:
        """Return what unfinished work depends on besides the network, as JSON."""
        return [sorted(self.lists), self.learned_on, [rows.tolist() for rows in self.pairs], self.shrinkage]

    def of(self, name: str, partial: Path, shards: dict[str, Shards], device: torch.device) -> Callable | None:
        """Return the function that whitens descriptors (B, D) of this list, or None for a list that stays raw.

        `shards` has the lists before this one, `learned_on` among them. Every process must ask for every list, in one
        order.
        """
        if name not in self.lists:
            return None
        if self.found is None:
            self.found = self._learned(partial, shards[self.learned_on])
        arrays = (self.found.mean, self.found.projection)
        mean, projection = (torch.from_numpy(array).to(device, torch.float32) for array in arrays)
        return lambda descriptors: whiten(descriptors, mean, projection)

    def _learned(self, partial: Path, shards: Shards) -> Whitening:
        wait_for_all()
        if rank() == 0 and read_whitening(partial) is None:
            write_whitening(partial, learn(shards.array(), *self.pairs, shrinkage=self.shrinkage))
        wait_for_all()
        return read_whitening(partial)
