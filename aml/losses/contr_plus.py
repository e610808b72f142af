"""Contrastive loss with the anchor itself as a second positive, Eq. (10)."""

import torch

MEMBERS = ("self", "positive", "negatives")
EQUATION = 10
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr_plus(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Sum over tuples of D(a, a)^2 / 2 + D(a, p)^2 / 2 + sum_n max(0, margin - D(a, n))^2 / 2, Eq. (10) = (4) + (7).

    D(a, x) = ||f(a) - x + 1e-6||. The printed equation is linear in the similarity; this is the form that the authors'
    code computes. margin: 0.7 in the code.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher: [:, 0] the anchor, [:, 1] the positive, [:, 2:] the negatives.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit or a tuple has no negative.
    """
    anchors, references = _checked(anchors, references)
    squared = (anchors.unsqueeze(1) - references + EPSILON).square().sum(dim=2)  # (B, 2 + negatives)
    positives, negatives = squared[:, :2], squared[:, 2:]
    # The root's derivative is infinite at 0: below `tiny` the negative counts in full and gives no gradient.
    distances = negatives.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()
    return positives.sum() / 2 + (margin - distances).clamp_min(0).square().sum() / 2


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 3:
        raise ValueError(
            f"contr_plus: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 3: anchor, positive, negatives"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
