"""Regression to the teacher's descriptor, Eq. (7)."""

import torch

MEMBERS = ("self",)
EQUATION = 7
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def reg(anchors: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Sum over the batch's images of D(a, a)^2 / 2, Eq. (7); 1 - f(a) . g(a) but for the 1e-6.

    D(a, x) = ||f(a) - x + 1e-6||, as the authors' code computes it. No constants, no labels.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher: [:, 0] the anchor; more are ignored.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit.
    """
    anchors, references = _checked(anchors, references)
    return (anchors - references[:, 0] + EPSILON).square().sum() / 2


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 1:
        raise ValueError(
            f"reg: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 1: the anchor"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
