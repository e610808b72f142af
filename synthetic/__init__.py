"""Draw the embedded default's images: textured 3-D buildings in changing view, light and weather, as JPEGs.

Only the stage `download` imports this. Read `sets` first (the three datasets and their files), then `clusters` (all
views of one landmark, and the ground truth), `views` (one photograph), `landmarks` and `kinds` (buildings). `frame`
paints; `solids`, `facades`, `textures` and `style` are the buildings, `scenery` and `light` all else in a picture.
"""

from synthetic.sets import draw_distractors, draw_test_set, draw_training_set

__all__ = ["draw_distractors", "draw_test_set", "draw_training_set"]
