"""A batch: its images' features, the summed loss and its gradient, within the device's memory.

A loss sees descriptors only, so the gradient is computed in two parts: first that of the loss with respect to the
batch's descriptors, then through the network. Where a batch does not fit the memory, the second part passes the images
in smaller batches, each with the gradient of its own descriptors (gradient caching, Gao et al., arXiv 2101.06983): the
same gradient but for rounding, also for losses that compare relations within the batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from aml.compute.feature_cache import cache_frozen_features
from aml.compute.out_of_memory import SmallerBatches
from aml.images import ImageTensors, batches_of_one_size, stack_by_shape
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
        loader = self.tensors.loader(batches, stack_by_shape, num_workers=self.num_workers, device=self.device)
        for groups in loader:
            yield [(positions, self.tensors.normalised(pixels, self.device)) for positions, pixels in groups]


def describe(network: RetrievalNetwork, groups: Groups) -> torch.Tensor:
    """Return descriptors `(B, D)` of a batch in its own order: one forward pass for each shape in it."""
    positions = [position for where, _ in groups for position in where]
    descriptors = torch.cat([network.describe(features) for _, features in groups])
    return descriptors[torch.tensor(np.argsort(positions), device=descriptors.device)]


class Objective:
    """The loss of a batch of tuples `(B, M)` of image rows; `groups` are the features of the rows in `images(batch)`.

    With `targets` (a row for each image) only anchors pass through the network, and references are the teacher's
    descriptors; without, every member of a tuple passes.
    """

    def __init__(self, source: FeatureSource, targets: np.ndarray | None, loss: Callable, constants: dict):
        self.source, self.targets, self.loss, self.constants = source, targets, loss, constants
        self.network, self.smaller_batches = source.network, SmallerBatches("training")
        # Kept: torch walks through all modules to list them, which takes as long as a small network's backward pass.
        self.trained = {name: value for name, value in self.network.named_parameters() if value.requires_grad}

    def images(self, batch: np.ndarray) -> np.ndarray:
        """Return the image rows of a batch that pass through the network."""
        return batch.ravel() if self.targets is None else batch[:, 0]

    def value(self, batch: np.ndarray, groups: Groups) -> torch.Tensor:
        """Return the summed loss, a scalar without gradient."""
        with torch.no_grad():
            return self._loss(batch, self._described(groups))

    def gradient(self, batch: np.ndarray, groups: Groups) -> torch.Tensor:
        """Return the summed loss; its gradient replaces the `grad` of the network's parameters."""
        described = self._described(groups)  # (N, D)
        descriptors = described.detach().requires_grad_()
        loss = self._loss(batch, descriptors)
        (gradient,) = torch.autograd.grad(loss, descriptors)
        graph = [described] if described.requires_grad else []
        del described  # so that a failed pass can free what it has in memory
        self._through_network(graph, gradient, groups)
        return loss.detach()

    def _described(self, groups: Groups) -> torch.Tensor:
        """Return the descriptors (N, D); with a graph, unless they passed in smaller batches."""

        def attempt(images: int | None) -> torch.Tensor:
            with torch.set_grad_enabled(torch.is_grad_enabled() and images is None):
                return describe(self.network, _split(groups, images))

        return self.smaller_batches.fit(attempt, _largest(groups))

    def _through_network(self, graph: list[torch.Tensor], gradient: torch.Tensor, groups: Groups) -> None:
        """Bring `gradient` (N, D) of the descriptors to the parameters: by the graph that made them, if there is one,
        else by passing the images again."""

        def attempt(images: int | None) -> None:
            for parameter in self.trained.values():
                parameter.grad = None  # removes that of the last batch, and what a failed attempt has added
            if graph:
                graph.pop().backward(gradient)
                return
            for positions, features in _split(groups, images):
                self.network.describe(features).backward(gradient[positions])

        self.smaller_batches.fit(attempt, _largest(groups))

    def _loss(self, batch: np.ndarray, descriptors: torch.Tensor) -> torch.Tensor:
        if self.targets is None:
            references = descriptors.view(*batch.shape, -1)  # (B, M, D)
            return self.loss(references[:, 0], references, **self.constants)
        references = torch.from_numpy(np.asarray(self.targets[batch], np.float32)).to(descriptors.device)
        return self.loss(descriptors, references, **self.constants)


def _largest(groups: Groups) -> torch.Tensor:
    return max((features for _, features in groups), key=len)


def _split(groups: Groups, images: int | None) -> Groups:
    """Return the same features in stacks of at most `images`; None: as they are."""
    if images is None:
        return groups
    return [
        (positions[begin : begin + images], features[begin : begin + images])
        for positions, features in groups
        for begin in range(0, len(positions), images)
    ]
