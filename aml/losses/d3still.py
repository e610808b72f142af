"""Decoupled differential distillation (Xie et al., CVPR 2024)."""

import torch

MEMBERS = ("self", "neighbours")
EPSILON = 0.1  # of the denominator, from the authors' code


def d3still(
    anchors: torch.Tensor,
    references: torch.Tensor,
    *,
    num_neighbours: int,
    self_weight: float,
    inverted_weight: float,
    preserved_weight: float,
) -> torch.Tensor:
    """Return self_weight ||(1 - f_i . g_i)_i|| / B + mean_i (inverted_weight I_i + preserved_weight P_i) / (K - 1).

    For an image i, T (K - 1,) are the similarities of the teacher's descriptor g_i to the teacher's descriptors of its
    nearest images without i, C those of the student's f_i. With dT[j, k] = T_k - T_j, dC likewise and
    e = (dC - dT) / (0.1 + |dT|), I_i is the norm of those e where dC and dT have opposite signs, P_i of those with the
    same sign. Pairs with dT = 0 are left out. K is num_neighbours, i included. In the authors' code K is 10 and the
    weights are 100, 5, 1 for ResNet18 and 200, 10, 2 for MobileNetV3.
    """
    if len(anchors) == 0:
        return anchors.sum()
    own, neighbours = references[:, 0], references[:, 1:num_neighbours]
    teacher = _differences((own.unsqueeze(1) * neighbours).sum(dim=2)).detach()  # (B, K - 1, K - 1)
    student = _differences((anchors.unsqueeze(1) * neighbours).sum(dim=2))
    errors = (student - teacher) / (EPSILON + teacher.abs())
    signs = (student * teacher).detach()
    inverted, preserved = (_norms(errors * mask).mean() / neighbours.shape[1] for mask in (signs < 0, signs > 0))
    alignment = _norms(((own - anchors) * own).sum(dim=1).view(1, -1)).sum() / len(anchors)
    return self_weight * alignment + inverted_weight * inverted + preserved_weight * preserved


def _differences(similarities: torch.Tensor) -> torch.Tensor:
    """Return x_k - x_j as (B, K, K) of similarities x (B, K), [i, j, k]."""
    return similarities.unsqueeze(1) - similarities.unsqueeze(2)


def _norms(values: torch.Tensor) -> torch.Tensor:
    """Return the norm of each item of a batch (B, ...); its gradient is 0 where the norm is 0, not infinite."""
    squared = values.flatten(1).square().sum(dim=1)
    return squared.clamp_min(torch.finfo(squared.dtype).tiny).sqrt() * (squared > 0)
