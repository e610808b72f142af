"""What the trained part of a network reads, batch by batch: frozen features kept in memory, or images decoded anew."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from aml.compute.distributed import count, rank, summed
from aml.compute.feature_cache import keep_frozen_features
from aml.compute.out_of_memory import Pieces
from aml.images import ImageTensors, batches_of_one_size, decoding_processes, stack_by_shape
from aml.networks.network import RetrievalNetwork, folded

BATCH_SIZE = 32  # images a forward without gradient; changes speed only

Groups = list[tuple[list[int], torch.Tensor]]  # (positions in the batch, features of one shape)


class FeatureSource:
    """The features of image rows on `device`, for a network that may have frozen stages.

    Frozen stages give the same features at every epoch, and images are not augmented (METHOD, Sec. 3): they are then
    computed once, here, and kept in memory, in the network's precision; in the folder `kept` for other networks with
    the same ones. Without frozen stages images are decoded as they are needed, by `num_workers` processes where that
    pays.
    """

    def __init__(
        self,
        network: RetrievalNetwork,
        tensors: ImageTensors,
        rows: Sequence[int],
        *,
        num_workers: int,
        kept: Path | None = None,
    ):
        self.network, self.tensors, self.num_workers = network, tensors, num_workers
        self.device = next(network.parameters()).device
        self.pieces, self.features = Pieces("training images"), {}
        if network.frozen_stages:
            batches = batches_of_one_size(tensors.images, rows, BATCH_SIZE)
            frozen = folded(network)  # BatchNorm's own passes over memory take as long as the convolutions
            keep_frozen_features(frozen, kept)
            with torch.inference_mode():
                for batch, groups in zip(batches, self._decoded(batches), strict=True):
                    for positions, features in groups:
                        features = self.pieces.map(frozen.frozen_features, features)
                        self.features |= {
                            batch[position]: row for position, row in zip(positions, features, strict=True)
                        }
            self.features = {row: features.clone() for row, features in self.features.items()}

    def batches(self, batches: Iterable[Sequence[int]]) -> Iterator[Groups]:
        """The features of each batch of rows, as stacks of one shape."""
        if not self.network.frozen_stages:
            return self._decoded(batches)
        return (stack_by_shape([self.features[int(row)] for row in batch]) for batch in batches)

    def descriptors(self, rows: Sequence[int]) -> np.ndarray:
        """Descriptors `(N, D)` float32 by the network as it is now, without gradient; computed by all processes, each
        some of the batches."""
        place = {int(row): position for position, row in enumerate(rows)}
        found = np.zeros((len(rows), self.network.dimension), np.float32)
        batches = batches_of_one_size(self.tensors.images, place, BATCH_SIZE)[rank() :: count()]
        with torch.inference_mode():
            for batch, groups in zip(batches, self.batches(batches), strict=True):
                for positions, features in groups:
                    where = [place[batch[position]] for position in positions]
                    found[where] = self.pieces.map(self.network.describe, features).cpu().numpy()
        return summed(torch.from_numpy(found)).numpy()

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
    """Descriptors `(B, D)` of a batch in its own order: one forward for each shape in it."""
    positions = [position for where, _ in groups for position in where]
    descriptors = torch.cat([network.describe(features) for _, features in groups])
    return descriptors[torch.tensor(np.argsort(positions), device=descriptors.device)]
