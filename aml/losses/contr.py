"""Contrastive loss, Eq. (4)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 4
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Sum over the batch's tuples of D(a, p)^2 / 2 + sum_n max(0, margin - D(a, n))^2 / 2, Eq. (4).

    D(a, x) = ||f(a) - x + 1e-6||. The printed equation is linear in the similarity; this is the form that the authors'
    code computes. margin: 0.7 in the code.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher, or by the student itself: [:, 0] the anchor (unused), [:, 1] the positive, [:, 2:] the negatives.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit or a tuple has no negative.
    """
    anchors, references = _checked(anchors, references)
    squared = (anchors.unsqueeze(1) - references[:, 1:] + EPSILON).square().sum(dim=2)  # (B, 1 + negatives)
    positive, negatives = squared[:, 0], squared[:, 1:]
    # The root's derivative is infinite at 0: below `tiny` the negative counts in full and gives no gradient.
    distances = negatives.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()
    return positive.sum() / 2 + (margin - distances).clamp_min(0).square().sum() / 2


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 3:
        raise ValueError(
            f"contr: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 3: anchor, positive, negatives"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
