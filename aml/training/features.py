"""The inputs of a network's trained part, batch by batch: features of the frozen blocks kept in memory, or images."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from aml.compute.feature_cache import cache_frozen_features
from aml.compute.out_of_memory import SmallerBatches
from aml.images import ImageTensors, batches_of_one_size, decoding_processes, stack_by_shape
from aml.networks.inference import folded
from aml.networks.network import RetrievalNetwork

BATCH_SIZE = 32  # images of a forward pass without gradient; changes speed only

Groups = list[tuple[list[int], torch.Tensor]]  # (positions in the batch, features of one shape)


class FeatureSource:
    """The features of image rows, on the network's device.

    Frozen blocks give the same features at every epoch, since images are not augmented (METHOD, Sec. 3). So features
    are computed once, at the start, and kept in memory in the network's precision; the folder `cache`, if any, shares
    them with other trainings. Without frozen blocks the features are the images, decoded when they are needed, by
    `num_workers` processes where that pays.
    """

    def __init__(
        self,
        network: RetrievalNetwork,
        tensors: ImageTensors,
        rows: Sequence[int],
        *,
        num_workers: int,
        cache: Path | None = None,
    ):
        self.network, self.tensors, self.num_workers = network, tensors, num_workers
        self.device = next(network.parameters()).device
        self.smaller_batches, self.features = SmallerBatches("training images"), {}
        if network.frozen_stages:
            batches = batches_of_one_size(tensors.images, rows, BATCH_SIZE)
            frozen = folded(network)  # a BatchNorm of its own passes over memory for as long as the convolution
            cache_frozen_features(frozen, cache)
            with torch.inference_mode():
                for batch, groups in zip(batches, self._decoded(batches), strict=True):
                    for positions, features in groups:
                        features = self.smaller_batches.map(frozen.frozen_features, features)
                        self.features |= {
                            batch[position]: row for position, row in zip(positions, features, strict=True)
                        }
            self.features = {row: features.clone() for row, features in self.features.items()}

    def batches(self, batches: Iterable[Sequence[int]]) -> Iterator[Groups]:
        """Yield the features of each batch of rows, as stacks of one shape."""
        if not self.network.frozen_stages:
            return self._decoded(batches)
        return (stack_by_shape([self.features[int(row)] for row in batch]) for batch in batches)

    def descriptors(self, rows: Sequence[int]) -> np.ndarray:
        """Return descriptors `(N, D)` float32 by the network as it is now, without gradient."""
        position_of = {int(row): position for position, row in enumerate(rows)}
        found = np.zeros((len(rows), self.network.dimension), np.float32)
        batches = batches_of_one_size(self.tensors.images, position_of, BATCH_SIZE)
        with torch.inference_mode():
            for batch, groups in zip(batches, self.batches(batches), strict=True):
                for positions, features in groups:
                    where = [position_of[batch[position]] for position in positions]
                    found[where] = self.smaller_batches.map(self.network.describe, features).cpu().numpy()
        return found

    def _decoded(self, batches) -> Iterator[Groups]:
        batches = [[int(row) for row in batch] for batch in batches]
        loader = DataLoader(
            self.tensors,
            batch_sampler=batches,
            collate_fn=stack_by_shape,
            num_workers=decoding_processes(self.tensors.images, batches, self.num_workers),
            pin_memory=self.device.type == "cuda",
        )
        for groups in loader:
            yield [(positions, self.tensors.normalised(pixels, self.device)) for positions, pixels in groups]


def describe(network: RetrievalNetwork, groups: Groups) -> torch.Tensor:
    """Return descriptors `(B, D)` of a batch in its own order: one forward pass for each shape in it."""
    positions = [position for where, _ in groups for position in where]
    descriptors = torch.cat([network.describe(features) for _, features in groups])
    return descriptors[torch.tensor(np.argsort(positions), device=descriptors.device)]
