"""Synthetic landmarks, the embedded default data: textured 3-D buildings under changing view, light and weather."""

from synthetic.sets import draw_distractors, draw_test_set, draw_training_set

__all__ = ["draw_distractors", "draw_test_set", "draw_training_set"]
