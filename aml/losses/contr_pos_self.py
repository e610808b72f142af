"""Contrastive loss with the anchor itself as a second positive and no negatives, an ablation of Eq. (10)."""

import torch

MEMBERS = ("self", "positive")
EQUATION = 4
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr_pos_self(anchors: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Return the sum over the batch's tuples of D(a, a)^2 / 2 + D(a, p)^2 / 2: Eq. (10) without negatives.

    D(a, x) = ||f(a) - x + 1e-6||, as the authors' code computes it.
    """
    return (anchors.unsqueeze(1) - references[:, :2] + EPSILON).square().sum() / 2
