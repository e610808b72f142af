"""Triplet loss, Eq. (5)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 5


def triplet(anchors: torch.Tensor, references: torch.Tensor, *, margin: float) -> torch.Tensor:
    """Sum over the batch's tuples of sum_n max(0, D(a, p)^2 - D(a, n)^2 + margin), Eq. (5).

    D(a, x) = ||f(a) - x||. margin: the authors' code gives 0.1 as its class default and 0.7 through its command line;
    the paper's is unknown.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher: [:, 0] the anchor (unused), [:, 1] the positive, [:, 2:] the negatives.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit or a tuple has no negative.
    """
    anchors, references = _checked(anchors, references)
    squared = (anchors.unsqueeze(1) - references[:, 1:]).square().sum(dim=2)  # (B, 1 + negatives)
    return (squared[:, :1] - squared[:, 1:] + margin).clamp_min(0).sum()


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 3:
        raise ValueError(
            f"triplet: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 3: anchor, positive, negatives"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
