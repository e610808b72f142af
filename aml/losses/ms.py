"""Multi-similarity loss, Eq. (6)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 6


def ms(anchors: torch.Tensor, references: torch.Tensor, *, alpha: float, beta: float, threshold: float) -> torch.Tensor:
    """Return the sum over tuples of log(1 + e^(-alpha (s_p - t))) / alpha + log(1 + sum_n e^(beta (s_n - t))) / beta.

    Eq. (6), with s_x = f(a) . x and t = threshold. In the authors' code alpha is 2, beta 40, threshold 0.5.
    """
    excess = (anchors.unsqueeze(1) * references[:, 1:]).sum(dim=2) - threshold  # (B, 1 + negatives)
    positive = _log_one_plus_sum(-alpha * excess[:, :1]) / alpha
    negatives = _log_one_plus_sum(beta * excess[:, 1:]) / beta
    return (positive + negatives).sum()


def _log_one_plus_sum(exponents: torch.Tensor) -> torch.Tensor:
    """Return log(1 + sum_k e^x_k) of each row, without overflow: the 1 is e^0."""
    return torch.logsumexp(torch.nn.functional.pad(exponents, (1, 0)), dim=1)
