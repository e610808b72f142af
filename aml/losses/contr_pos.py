"""Contrastive loss without negatives, an ablation of Eq. (4)."""

import torch

MEMBERS = ("positive",)
EQUATION = 4
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr_pos(anchors: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Return the sum over the batch's tuples of D(a, p)^2 / 2: Eq. (4) without negatives.

    D(a, x) = ||f(a) - x + 1e-6||, as the authors' code computes it.
    """
    return (anchors - references[:, 1] + EPSILON).square().sum() / 2
