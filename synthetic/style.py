"""What the facades of one building have in common. Colours are BGR, 0 to 255."""

from dataclasses import dataclass

import numpy as np

from synthetic.streams import pick, stream

# Landmarks share these stones and roofs, so that a mean colour identifies none of them.
STONES = np.float32(
    [
        [168, 196, 214],
        [150, 160, 165],
        [112, 150, 190],
        [84, 100, 150],
        [190, 205, 212],
        [128, 142, 150],
        [140, 175, 205],
        [100, 125, 160],
    ]
)
ROOFS = np.float32([[70, 62, 58], [60, 80, 130], [96, 110, 90], [110, 100, 95], [50, 60, 95]])
DARK_OPENING = np.float32([48, 42, 38])

OPENING_SHAPES = ("rectangle", "round", "gothic", "twin", "oval")
MASONRIES = ("ashlar", "brick", "plaster", "stripes")
HOODS = ("none", "flat", "pediment", "arc")


@dataclass(frozen=True)
class Style:
    """What all facades of a building share. Colours are (3,) float32; `window_share` is a window's width over its
    bay's."""

    key: tuple
    stone: np.ndarray
    roof: np.ndarray
    trim: np.ndarray
    glass: np.ndarray
    window: str
    masonry: str
    hood: str
    has_sills: bool
    window_share: float
    frieze_step: int  # pixels of texture between two blocks of the frieze; 0: none
    grime: float

    def common(self) -> np.random.Generator:
        """Return a fresh stream of the choices that all facades of the building share."""
        return stream("facades", *self.key)


def draw_style(random: np.random.Generator, key: tuple, palette: tuple[int, ...]) -> Style:
    """Draw a style whose stone is one of the rows `palette` of STONES, slightly varied."""
    stone = STONES[pick(random, palette)] + random.normal(0, 7, 3)
    return Style(
        key=key,
        stone=np.float32(stone),
        roof=np.float32(pick(random, ROOFS) + random.normal(0, 6, 3)),
        trim=np.float32(stone * pick(random, (0.72, 0.85, 1.15)) + random.normal(0, 4, 3)),
        glass=np.float32(DARK_OPENING + random.normal(0, 8, 3)),
        window=pick(random, OPENING_SHAPES),
        masonry=pick(random, MASONRIES, (0.4, 0.2, 0.25, 0.15)),
        hood=pick(random, HOODS),
        has_sills=random.random() < 0.6,
        window_share=random.uniform(0.38, 0.62),
        frieze_step=pick(random, (0, 6, 10, 16)),
        grime=random.uniform(0.05, 0.18),
    )


def colour(value: np.ndarray) -> tuple[float, float, float]:
    """Return a BGR triple as OpenCV's drawing functions take it."""
    return tuple(np.clip(value, 0, 255).tolist())
