"""DarkRank in its hard form, Eq. (9)."""

import torch

MEMBERS = ()
EQUATION = 9
EPSILON = 1e-12  # smallest squared distance, from the authors' code


def dr(anchors: torch.Tensor, references: torch.Tensor, *, alpha: float, beta: float, length: int) -> torch.Tensor:
    """Return minus the student's log-likelihood of the teacher's ranking of each image's nearest images, Eq. (9).

    With S = -alpha ||x_i - x_j||^beta in each space: for each image take the `length` others of highest S by the
    teacher, in that order; the loss is the mean over the images of -sum_k [S_k - log sum_{j >= k} e^(S_j)],
    S by the student. In the authors' code alpha is 3, beta 3, length 4. No gradient flows into the references.

    Raises ValueError for 0 < B < length + 1.
    """
    if len(anchors) == 0:
        return anchors.sum()
    if not 1 <= length < len(anchors):
        raise ValueError(
            f"dr: length {length} in a batch of {len(anchors)} images; accepted: length >= 1, length + 1 images or more"
        )
    with torch.no_grad():
        targets = _scores(references[:, 0].double(), alpha, beta).fill_diagonal_(-torch.inf)  # (B, B)
        ranking = targets.topk(length, dim=1).indices
    scores = _scores(anchors.double(), alpha, beta).gather(1, ranking)  # (B, length)
    remaining = scores.flip(1).logcumsumexp(dim=1).flip(1)
    return (remaining - scores).sum(dim=1).mean().to(anchors.dtype)


def _scores(points: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
    """Return -alpha ||x_i - x_j||^beta (B, B) of points (B, D), float64. For coincident points it is finite.

    They come from inner products: float64, because close points' differences cancel.
    """
    gram = points @ points.T
    squared = gram.diagonal().unsqueeze(0) + gram.diagonal().unsqueeze(1) - 2 * gram
    return -alpha * squared.clamp_min(EPSILON).sqrt().pow(beta)
