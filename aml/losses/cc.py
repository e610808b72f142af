"""Correlation congruence (Peng et al., ICCV 2019), in the form that asymmetric retrieval uses."""

import torch

MEMBERS = ("self",)


def cc(anchors: torch.Tensor, references: torch.Tensor, *, weight: float) -> torch.Tensor:
    """Return weight * mean_i D_i . D_{i+1}, where D_i = |f_i - g_i| by component and i + 1 is the next in the batch.

    The last image has no next one, so the mean is over B - 1 products. weight: 1 or 5 in the authors' code.
    """
    if len(anchors) < 2:
        return anchors.sum() * 0
    distances = (anchors - references[:, 0]).abs()
    return weight * (distances[:-1] * distances[1:]).sum(dim=1).mean()
