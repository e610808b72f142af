"""Contrastive loss with the anchor itself as a second positive, Eq. (10)."""

import torch

MEMBERS = ("self", "positive", "negatives")
EQUATION = 10
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr_plus(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Return the sum over tuples of D(a, a)^2 / 2 + D(a, p)^2 / 2 + sum_n max(0, margin - D(a, n))^2 / 2, Eq. (10).

    It is Eq. (4) + Eq. (7). D(a, x) = ||f(a) - x + 1e-6||, where f(a) is the student's descriptor and x the teacher's.
    The printed equation is linear in the similarity; this is the form that the authors' code computes. margin: 0.7 in
    the code.
    """
    squared = (anchors.unsqueeze(1) - references + EPSILON).square().sum(dim=2)  # (B, 2 + negatives)
    positives, negatives = squared[:, :2], squared[:, 2:]
    # The root's derivative is infinite at 0: below `tiny` the negative counts in full and gives no gradient.
    distances = negatives.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()
    return positives.sum() / 2 + (margin - distances).clamp_min(0).square().sum() / 2
