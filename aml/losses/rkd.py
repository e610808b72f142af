"""Relational knowledge distillation, Eq. (8)."""

import torch
from torch.nn.functional import smooth_l1_loss

MEMBERS = ()
EQUATION = 8
EPSILON = 1e-12  # smallest squared distance, from the authors' code


def rkd(
    anchors: torch.Tensor, references: torch.Tensor, *, distance_weight: float, angle_weight: float
) -> torch.Tensor:
    """Return distance_weight * smooth-L1(distances) + angle_weight * smooth-L1(angles), Eq. (8).

    Relations of the student's descriptors x_1..x_B are compared with those of the teacher's: distances ||x_i - x_j||
    (B, B), divided by the mean of those that are positive, and angles cos(x_j - x_i, x_k - x_i) (B, B, B), 0 where two
    points coincide. Both smooth-L1 are means over all entries. In the authors' code distance_weight is 1, angle_weight
    2. No gradient flows into the references. One image has no relations: the loss is 0, with a graph.
    """
    if len(anchors) < 2:
        return anchors.sum() * 0
    distances, angles = _relations(anchors.double())
    with torch.no_grad():
        target_distances, target_angles = _relations(references[:, 0].double())
    distance_loss = smooth_l1_loss(distances, target_distances)
    angle_loss = smooth_l1_loss(angles, target_angles)
    return (distance_weight * distance_loss + angle_weight * angle_loss).to(anchors.dtype)


def _relations(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scaled distances (B, B) and cosines of angles (B, B, B), the vertex first, of points (B, D), float64.

    Both come from the points' inner products: differences (B, B, D) would cost D times more. They are float64, because
    close points' differences cancel.
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
