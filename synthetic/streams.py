"""Random numbers by a key that says their use: a key gives the same numbers in every process and in every order."""

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np


def stream(*key: object) -> np.random.Generator:
    """Return the generator of this key, a tuple of strings and whole numbers."""
    return np.random.default_rng(int.from_bytes(_digest(key)[:8], "little"))


def identifier(*key: object) -> str:
    """Return 32 hexadecimal digits that name this key."""
    return _digest(key).hex()[:32]


def pick(random: np.random.Generator, options: Sequence, weights: Sequence[float] | None = None):
    """Return one of the options, all equally likely unless weights (sum 1) are given."""
    return options[random.choice(len(options), p=weights)]


def smooth_noise(random: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Return (height, width) float32 around 0.5, mostly within [0, 1], with features about `cell` pixels wide."""
    coarse = random.random((int(height / cell) + 2, int(width / cell) + 2), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _digest(key: tuple) -> bytes:
    return hashlib.sha256("\n".join(str(part) for part in key).encode()).digest()
