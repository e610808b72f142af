"""Random unit-norm rows in place of descriptors."""

import numpy as np


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Rows of norm 1 along the last axis, float32."""
    rows = random.standard_normal(shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
