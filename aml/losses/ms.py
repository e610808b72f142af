"""Multi-similarity loss, Eq. (6)."""

import torch

MEMBERS = ("positive", "negatives")
EQUATION = 6


def ms(anchors: torch.Tensor, references: torch.Tensor, *, alpha: float, beta: float, threshold: float) -> torch.Tensor:
    """Sum over tuples of log(1 + e^(-alpha (s_p - t))) / alpha + log(1 + sum_n e^(beta (s_n - t))) / beta, Eq. (6).

    s_x = f(a) . x, t = threshold. In the authors' code alpha is 2, beta 40, threshold 0.5.

    anchors (B, D): unit-norm descriptors f(a) by the student. references (B, M, D): unit-norm descriptors by the
    teacher: [:, 0] the anchor (unused), [:, 1] the positive, [:, 2:] the negatives.

    Returns a scalar, 0 with a graph when B = 0; float32, or float64 when an input is.
    Raises ValueError when the shapes do not fit or a tuple has no negative.
    """
    anchors, references = _checked(anchors, references)
    # A product and a sum, not a matmul: autocast would take a matmul down to 16 bits.
    excess = (anchors.unsqueeze(1) * references[:, 1:]).sum(dim=2) - threshold  # (B, 1 + negatives)
    positive = _log_one_plus_sum(-alpha * excess[:, :1]) / alpha
    negatives = _log_one_plus_sum(beta * excess[:, 1:]) / beta
    return (positive + negatives).sum()


def _log_one_plus_sum(exponents: torch.Tensor) -> torch.Tensor:
    """log(1 + sum_k e^x_k) of each row, without overflow: the 1 is e^0."""
    return torch.logsumexp(torch.nn.functional.pad(exponents, (1, 0)), dim=1)


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 3:
        raise ValueError(
            f"ms: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 3: anchor, positive, negatives"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
