"""Relational knowledge distillation, Eq. (8)."""

import torch
from torch.nn.functional import smooth_l1_loss

MEMBERS = ()
EQUATION = 8
EPSILON = 1e-12  # smallest squared distance, from the authors' code


def rkd(
    anchors: torch.Tensor, references: torch.Tensor, *, distance_weight: float, angle_weight: float
) -> torch.Tensor:
    """distance_weight * smooth-L1(distances) + angle_weight * smooth-L1(angles), student against teacher, Eq. (8).

    Over a batch x_1..x_B in each space: distances ||x_i - x_j|| (B, B), divided by the mean of those that are positive;
    angles cos(x_j - x_i, x_k - x_i) (B, B, B), 0 where two points coincide. Both smooth-L1 are means over all entries.
    In the authors' code distance_weight is 1, angle_weight 2.

    anchors (B, D): unit-norm descriptors by the student. references (B, M, D): [:, 0] the same images' unit-norm
    descriptors by the teacher, no gradient flows into them; more are ignored.

    Returns a scalar; float32, or float64 when an input is. B = 0 and B = 1 have no relations: 0 with a graph.
    Raises ValueError when the shapes do not fit.
    """
    anchors, references = _checked(anchors, references)
    if len(anchors) < 2:
        return anchors.sum() * 0
    distances, angles = _relations(anchors.double())
    with torch.no_grad():
        target_distances, target_angles = _relations(references[:, 0].double())
    distance_loss = smooth_l1_loss(distances, target_distances)
    angle_loss = smooth_l1_loss(angles, target_angles)
    return (distance_weight * distance_loss + angle_weight * angle_loss).to(anchors.dtype)


def _relations(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled distances (B, B) and cosines of angles (B, B, B), the vertex first, of points (B, D).

    Both come from the points' inner products, (B, B, D) differences would cost D times more. In float64, because close
    points' differences cancel.
    """
    gram = points @ points.T  # (B, B)
    norms = gram.diagonal()
    squared = norms.unsqueeze(0) + norms.unsqueeze(1) - 2 * gram
    off_diagonal = ~torch.eye(len(points), dtype=torch.bool, device=points.device)
    lengths = squared.clamp_min(EPSILON).sqrt()
    distances = lengths * off_diagonal
    scaled = distances * (off_diagonal.sum() / distances.sum())
    # Points closer than 1e-6 coincide: their direction is rounding noise, its gradient 1e6 times too large.
    inverse = (squared > EPSILON) * off_diagonal / lengths
    # <x_j - x_i, x_k - x_i>, (B, B, B) with [i, j, k]
    products = gram.unsqueeze(0) - gram.unsqueeze(2) - gram.unsqueeze(1) + norms.view(-1, 1, 1)
    return scaled, products * inverse.unsqueeze(2) * inverse.unsqueeze(1)


def _checked(anchors: torch.Tensor, references: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both inputs in one dtype of at least float32, also under autocast."""
    fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
    if not fits or references.shape[1] < 1:
        raise ValueError(
            f"rkd: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; "
            "accepted: (B, D) and (B, M, D) with M >= 1: the anchor"
        )
    dtype = torch.promote_types(torch.promote_types(anchors.dtype, references.dtype), torch.float32)
    return anchors.to(dtype), references.to(dtype)
