"""Pictures of noise, and their bytes in a format."""

import io

import numpy as np
from PIL import Image


def pixels(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Noise (H, W, 3), uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(picture: np.ndarray | Image.Image, kind: str = "PNG", mode: str | None = None, **options) -> bytes:
    """A picture as the bytes of a file; `options`: Pillow's for this format."""
    file = io.BytesIO()
    made = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    (made.convert(mode) if mode else made).save(file, kind, **options)
    return file.getvalue()
