"""Landmarks and the plain houses around them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synthetic.facades import Doors, Facade
from synthetic.kinds import BUILDERS, KINDS
from synthetic.solids import Solid
from synthetic.streams import pick, stream
from synthetic.style import STONES, draw_style

NUM_HOUSES = 24  # one stock for all landmarks, so that a neighbour identifies none of them
PALETTE = tuple(range(len(STONES)))


@dataclass(frozen=True)
class Landmark:
    """A building and what lies around it; radius: half its width or depth, whichever is larger; neighbours: numbers of
    houses, and their offsets (x, y, 0) from it; metres."""

    key: tuple
    kind: str
    solid: Solid
    radius: float
    height: float
    ground: int
    neighbours: tuple[tuple[int, np.ndarray], ...]


def draw_landmark(key: tuple, kinds: tuple[str, ...] = KINDS, palette: tuple[int, ...] = PALETTE) -> Landmark:
    """Draw the landmark of this key: one of `kinds` in a stone of `palette`, rows of STONES."""
    random = stream("landmark", *key)
    kind = pick(random, kinds)
    solid = Solid(draw_style(random, ("landmark", *key), palette))
    BUILDERS[kind](solid, random)
    radius = float(np.abs(solid.corners[..., :2]).max())
    ground = int(random.integers(3))
    neighbours = tuple(_draw_neighbour(random, radius) for _ in range(int(random.integers(2, 6))))
    return Landmark(key, kind, solid, radius, float(solid.corners[..., 2].max()), ground, neighbours)


@lru_cache(maxsize=NUM_HOUSES)
def house(number: int) -> Solid:
    """Return a plain house of the stock."""
    random = stream("house", number)
    solid = Solid(draw_style(random, ("house", number), PALETTE))
    width, depth, height = random.uniform(8, 16), random.uniform(8, 12), random.uniform(7, 14)
    bays, storeys = int(random.integers(3, 6)), int(random.integers(2, 5))
    solid.box((0, 0), width, depth, 0, height, Facade(bays, storeys, Doors(1, "rectangle", 0.2)))
    solid.gable_roof((0, 0), width, depth, height, random.uniform(2, 5), ridge=pick(random, ("x", "y")))
    return solid


def _draw_neighbour(random, radius):
    side = random.uniform(-1, 1)
    offset = np.array([np.sign(side) * (radius + 9 + 10 * abs(side)), 16 * random.uniform(0.5, 1.2), 0])
    return int(random.integers(NUM_HOUSES)), offset
