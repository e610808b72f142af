"""Regression to the teacher's descriptor, Eq. (7)."""

import torch

MEMBERS = ("self",)
EQUATION = 7
EPSILON = 1e-6  # added to each component of a difference by the authors' code


def reg(anchors: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Return the sum over the batch's images of D(a, a)^2 / 2, Eq. (7): 1 - f(a) . g(a) but for the 1e-6.

    D(a, x) = ||f(a) - x + 1e-6||, as the authors' code computes it.
    """
    return (anchors - references[:, 0] + EPSILON).square().sum() / 2
