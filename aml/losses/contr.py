"""Contrastive loss, Eq. (4)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 4
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Return the sum over the batch's tuples of D(a, p)^2 / 2 + sum_n max(0, margin - D(a, n))^2 / 2, Eq. (4).

    D(a, x) = ||f(a) - x + 1e-6||, where f(a) is the student's descriptor and x the teacher's. The printed equation is
    linear in the similarity; this is the form that the authors' code computes. margin: 0.7 in the code.
    """
    squared = (anchors.unsqueeze(1) - references[:, 1:] + EPSILON).square().sum(dim=2)  # (B, 1 + negatives)
    positive, negatives = squared[:, 0], squared[:, 1:]
    # The root's derivative is infinite at 0: below `tiny` the negative counts in full and gives no gradient.
    distances = negatives.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()
    return positive.sum() / 2 + (margin - distances).clamp_min(0).square().sum() / 2
