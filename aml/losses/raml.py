"""Asymmetric metric learning with relations (Suma and Tolias, WACV 2023), over a batch."""

import torch

MEMBERS = ("self",)
EPSILON = 1e-6  # added to each difference by the authors' code


def raml(
    anchors: torch.Tensor, references: torch.Tensor, *, asymmetric_weight: float, symmetric_weight: float
) -> torch.Tensor:
    """Return mean_i (1 - f_i.g_i + e)^2 + mean_{i != j} [wa (f_i.g_j - g_i.g_j + e)^2 + ws (f_i.f_j - g_i.g_j + e)^2].

    f are the student's, g the teacher's descriptors of the batch's images, e = 1e-6, wa and ws the weights: 0.7482 and
    0.6778 in the authors' code (Stanford Online Products). The original's pairs are augmentations of one image. One
    image has no relations: then the first term alone.
    """
    if len(anchors) == 0:
        return anchors.sum()
    teacher = references[:, 0]
    alignment = (1 - (anchors * teacher).sum(dim=1) + EPSILON).square().mean()
    target = teacher @ teacher.T
    off_diagonal = ~torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)

    def relations(similarities: torch.Tensor) -> torch.Tensor:
        return ((similarities - target + EPSILON).square() * off_diagonal).sum() / max(1, off_diagonal.sum())

    asymmetric, symmetric = relations(anchors @ teacher.T), relations(anchors @ anchors.T)
    return alignment + asymmetric_weight * asymmetric + symmetric_weight * symmetric
