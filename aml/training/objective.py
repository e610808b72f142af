"""A batch's summed loss as a function of the network, and its gradient, in two parts: of the loss in the batch's
descriptors, then through the network, image by image if need be.

A loss, relational or not, sees descriptors alone. So the first part takes all of them, whoever computed them; in the
second each image needs its own descriptor's gradient only. Hence several processes share a batch, and one that does not
fit the memory passes in pieces (gradient caching, Gao et al., arXiv 2101.06983): the same gradient but for rounding.
"""

from collections.abc import Callable

import numpy as np
import torch

from aml.compute.distributed import gathered, share, sum_gradients
from aml.compute.out_of_memory import Pieces
from aml.training.features import FeatureSource, Groups, describe


class Objective:
    """The loss of tuples `(B, M)` of image rows whose images, this process's share of them, come as `groups`.

    With `targets` only anchors pass through the network, and the teacher's descriptors are what they are compared with;
    without, every member of a tuple passes.
    """

    def __init__(self, source: FeatureSource, targets: np.ndarray | None, loss: Callable, constants: dict):
        self.source, self.targets, self.loss, self.constants = source, targets, loss, constants
        self.network, self.pieces = source.network, Pieces("training")
        # asked for once: torch walks through all modules for them, at every step as long as a small network's backward
        self.trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def images(self, batch: np.ndarray) -> np.ndarray:
        """The image rows of a batch that pass through the network: those of this process."""
        rows = batch.ravel() if self.targets is None else batch[:, 0]
        return rows[share(len(rows))]

    def value(self, batch: np.ndarray, groups: Groups) -> torch.Tensor:
        """The summed loss, a scalar without gradient."""
        with torch.no_grad():
            return self._loss(batch, self._gathered(batch, self._own(groups)))

    def gradient(self, batch: np.ndarray, groups: Groups) -> torch.Tensor:
        """The summed loss; its gradient replaces what the network's parameters have."""
        own = self._own(groups)  # (b, D)
        descriptors = self._gathered(batch, own.detach()).requires_grad_()
        loss = self._loss(batch, descriptors)
        (gradient,) = torch.autograd.grad(loss, descriptors)
        graph = [own] if own.requires_grad else []
        del own  # what a failed pass has in memory must not be held here
        self._through_network(graph, gradient[share(len(gradient))], groups)
        sum_gradients(self.trained)
        return loss.detach()

    def _own(self, groups: Groups) -> torch.Tensor:
        """This process's descriptors; with a graph, unless they passed in pieces."""
        if not groups:
            return torch.zeros(0, self.network.dimension, device=self.source.device)

        def attempt(images: int | None) -> torch.Tensor:
            with torch.set_grad_enabled(torch.is_grad_enabled() and images is None):
                return describe(self.network, _in_pieces(groups, images))

        return self.pieces.fit(attempt, _largest(groups))

    def _through_network(self, graph: list[torch.Tensor], gradient: torch.Tensor, groups: Groups) -> None:
        """`gradient` (b, D) of this process's descriptors to the parameters: by the graph that made them, if there is
        one, else by passing the images again."""

        def attempt(images: int | None) -> None:
            for parameter in self.trained:
                parameter.grad = None  # of the last batch, and what a failed attempt has added
            if graph:
                _backward(graph.pop(), gradient)
                return
            for positions, features in _in_pieces(groups, images):
                _backward(self.network.describe(features), gradient[positions])

        self.pieces.fit(attempt, _largest(groups)) if groups else attempt(None)

    def _gathered(self, batch: np.ndarray, own: torch.Tensor) -> torch.Tensor:
        return gathered(own, batch.size if self.targets is None else len(batch))

    def _loss(self, batch: np.ndarray, descriptors: torch.Tensor) -> torch.Tensor:
        if self.targets is None:
            references = descriptors.view(*batch.shape, -1)  # (B, M, D)
            return self.loss(references[:, 0], references, **self.constants)
        references = torch.from_numpy(np.asarray(self.targets[batch], np.float32)).to(descriptors.device)
        return self.loss(descriptors, references, **self.constants)


def _backward(descriptors: torch.Tensor, gradient: torch.Tensor) -> None:
    """`descriptors.backward(gradient)`, to the last bit; that way it imports torch's symbolic shapes, for half a second
    of every training."""
    (descriptors * gradient).sum().backward()


def _largest(groups: Groups) -> torch.Tensor:
    return max((features for _, features in groups), key=len)


def _in_pieces(groups: Groups, images: int | None) -> Groups:
    """The same features in stacks of at most `images`; None: as they are."""
    if images is None:
        return groups
    return [
        (positions[begin : begin + images], features[begin : begin + images])
        for positions, features in groups
        for begin in range(0, len(positions), images)
    ]
