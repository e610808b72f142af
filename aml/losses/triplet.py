"""Triplet loss, Eq. (5)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 5


def triplet(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Return the sum over the batch's tuples of sum_n max(0, D(a, p)^2 - D(a, n)^2 + margin), Eq. (5).

    D(a, x) = ||f(a) - x||. margin: the authors' code gives 0.1 as its class default and 0.7 through its command line;
    the paper's is unknown.
    """
    squared = (anchors.unsqueeze(1) - references[:, 1:]).square().sum(dim=2)  # (B, 1 + negatives)
    return (squared[:, :1] - squared[:, 1:] + margin).clamp_min(0).sum()
