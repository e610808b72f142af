"""Contrastive loss with the anchor itself as a second positive and no negatives, an ablation of Eq. (10)."""

import torch

MEMBERS = ("self", "positive")
EQUATION = 4
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def contr_pos_self(anchors: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Sum over the batch's tuples of D(a, a)^2 / 2 + D(a, p)^2 / 2: Eq. (10) with no negatives.

    D(a, x) = ||f(a) - x + 1e-6||, as the authors' code computes it. No constants.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher: [:, 0] the anchor, [:, 1] the positive; more are ignored.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit or a tuple has no positive.
    """
    anchors, references = _checked(anchors, references)
    return (anchors.unsqueeze(1) - references[:, :2] + EPSILON).square().sum() / 2


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 2:
        raise ValueError(
            f"contr_pos_self: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 2: anchor, positive"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
