"""The picture of a face and its smaller copies, made when a view first needs them."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

PIXELS_PER_METRE = 12


class Texture:
    """A face's picture, painted when it is first seen, so that the backs of buildings cost nothing.

    paint() gives pixels (h, w, 4) uint8, BGR multiplied by the coverage and the coverage itself, and
    glow (h, w) uint8, how strongly a window shines at night.
    """

    def __init__(self, paint: Callable[[], tuple[np.ndarray, np.ndarray]]):
        self._painted = cache(paint)
        self._levels: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def level(self, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels and glow, reduced in each direction as far as a face of width x height pixels allows."""
        pixels, glow = self._painted()
        steps = _halvings(pixels.shape[1], width), _halvings(pixels.shape[0], height)
        if steps not in self._levels:
            size = tuple(
                max(2, round(whole / 2 ** (step / 2))) for whole, step in zip(pixels.shape[1::-1], steps, strict=True)
            )
            self._levels[steps] = tuple(cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (pixels, glow))
        return self._levels[steps]


def texture_size(width: float, height: float) -> tuple[int, int]:
    """Return the texture's size (w, h) in pixels for a face of width x height metres."""
    return max(8, int(width * PIXELS_PER_METRE)), max(8, int(height * PIXELS_PER_METRE))


def cut(colours: np.ndarray, outline: np.ndarray | None = None) -> np.ndarray:
    """Return (h, w, 4) uint8 of colours (h, w, 3) uint8, kept inside the outline: corners (k, 2) in pixels, None for
    all."""
    if outline is None:
        return cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA)
    coverage = np.zeros(colours.shape[:2], np.uint8)
    cv2.fillPoly(coverage, [np.int32(outline)], 255, cv2.LINE_AA)
    kept = cv2.multiply(colours, cv2.cvtColor(coverage, cv2.COLOR_GRAY2BGR), scale=1 / 255)
    return np.dstack([kept, coverage])


def _halvings(size: int, wanted: float) -> int:
    """Return how often `size` can be divided by the square root of 2 without falling below `wanted`."""
    return max(0, int(2 * np.log2(size / max(wanted, 1))))
