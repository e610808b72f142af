"""Rank order preserving distillation (Wu et al., ICLR 2023)."""

import torch

MEMBERS = ("self", "neighbours")
TEACHER_TEMPERATURE = 1e-6  # from the authors' code: the teacher's order is all but a step


def rop(
    anchors: torch.Tensor,
    references: torch.Tensor,
    *,
    num_neighbours: int,
    temperature: float,
    sharpness: float,
    weight: float,
) -> torch.Tensor:
    """Return weight / K * mean_i sum_kl w_k (sigmoid((s_l - s_k) / 1e-6) - sigmoid((q_l - s_k) / temperature))^2.

    For an image i, s (K,) are the similarities of the teacher's descriptor to the teacher's descriptors of its
    K = num_neighbours nearest images, falling, i itself first; q (K,) those of the student's descriptor;
    w_k = k softmax(sharpness * s)_k, k from 1. In the authors' code temperature is 0.1, sharpness 0.2, weight 1, 2 or
    0.5.
    """
    if len(anchors) == 0:
        return anchors.sum()
    neighbours = references[:, :num_neighbours]
    with torch.no_grad():
        s = (references[:, :1] * neighbours).sum(dim=2)  # (B, K)
        order = torch.sigmoid((s.unsqueeze(1) - s.unsqueeze(2)) / TEACHER_TEMPERATURE)  # [i, k, l]
        places = torch.arange(1, s.shape[1] + 1, dtype=s.dtype, device=s.device)
        weights = places * torch.softmax(sharpness * s, dim=1)
    q = (anchors.unsqueeze(1) * neighbours).sum(dim=2)
    own = torch.sigmoid((q.unsqueeze(1) - s.unsqueeze(2)) / temperature)
    terms = weights * (order - own).square().sum(dim=2)  # (B, K)
    return weight * terms.sum(dim=1).mean() / s.shape[1]
