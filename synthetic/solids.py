"""Buildings as textured faces. Metres; x to the right, y into the depth (the front looks to -y), z up."""

from collections.abc import Callable
from functools import cached_property
from itertools import count, pairwise

import numpy as np

from synthetic.facades import Facade, paint_facade, paint_gable, paint_roof
from synthetic.streams import stream
from synthetic.style import Style
from synthetic.textures import Texture

OVERHANG = 0.4  # of a gable roof's edges, metres
NUM_RINGS, NUM_SIDES = 4, 10  # of a cupola


class Solid:
    """A list of faces, each a parallelogram seen from outside with a texture that may cut it to a smaller outline."""

    def __init__(self, style: Style):
        self.style = style
        self.textures: list[Texture] = []
        self._corners: list[np.ndarray] = []
        self._numbers = count()  # of textures

    def __len__(self) -> int:
        return len(self.textures)

    @cached_property
    def corners(self) -> np.ndarray:
        """(F, 4, 3) float64: upper left, upper right, lower right, lower left corner of each face."""
        return np.stack(self._corners)

    @cached_property
    def normals(self) -> np.ndarray:
        """(F, 3) unit vectors that point outwards."""
        across, down = self.corners[:, 1] - self.corners[:, 0], self.corners[:, 3] - self.corners[:, 0]
        normals = np.cross(down, across)
        return normals / np.linalg.norm(normals, axis=1, keepdims=True)

    @cached_property
    def centres(self) -> np.ndarray:
        """(F, 3), the middle of each face."""
        return self.corners.mean(1)

    def box(
        self,
        centre: tuple[float, float],
        width: float,
        depth: float,
        bottom: float,
        top: float,
        front: Facade,
        side: Facade | None = None,
        back: Facade | None = None,
    ) -> None:
        """Add four walls and a flat roof. Sides without a facade are like the front, the back is like the sides."""
        ring, side = _rectangle(centre, width, depth), side or front
        facades, lengths = (front, side, back or side, side), (width, depth, width, depth)
        for (start, end), facade, length in zip(pairwise(ring), facades, lengths, strict=True):
            self._add(_wall(start, end, bottom, top), self._texture(paint_facade, facade, length, top - bottom))
        self._add([[*corner, top] for corner in ring[3::-1]], self._texture(paint_roof, width, depth))

    def gable_roof(
        self,
        centre: tuple[float, float],
        width: float,
        depth: float,
        bottom: float,
        rise: float,
        *,
        ridge: str = "y",
    ) -> None:
        """Add two sloping faces that meet in a ridge along "x" or "y", and the triangular walls under its ends."""
        span, length = (width, depth) if ridge == "y" else (depth, width)
        slope = np.hypot(span / 2, rise)
        ends = (0, 2) if ridge == "y" else (1, 3)
        for number, (start, end) in enumerate(pairwise(_rectangle(centre, width, depth))):
            if number in ends:
                self._add(_wall(start, end, bottom, bottom + rise), self._texture(paint_gable, span, rise))
                continue
            along = (end - start) / length * OVERHANG
            start, end = start - along, end + along
            outwards = np.array([along[1], -along[0]])
            inwards = -outwards / OVERHANG * span / 2
            eaves = bottom - rise * OVERHANG / (span / 2)
            corners = [
                [*(start + inwards), bottom + rise],
                [*(end + inwards), bottom + rise],
                [*(end + outwards), eaves],
                [*(start + outwards), eaves],
            ]
            self._add(corners, self._texture(paint_roof, length, slope))

    def spire(
        self, centre: tuple[float, float], width: float, depth: float, bottom: float, rise: float, num_sides: int = 4
    ) -> None:
        """Add a pyramid of triangular roof faces over 4 or more sides."""
        turn = np.pi / num_sides
        radii = np.array([width, depth]) / 2 / np.cos(turn)
        ring = _ring(centre, radii, num_sides)
        for start, end in pairwise(ring):
            texture = self._texture(paint_roof, float(np.linalg.norm(end - start)), rise, 0)
            self._add(_sloped(start, end, np.array(centre), bottom, bottom + rise), texture)

    def drum(
        self, centre: tuple[float, float], radius: float, bottom: float, top: float, num_sides: int, facade: Facade
    ) -> None:
        """Add a round wall of flat sides that share two textures."""
        ring = _ring(centre, radius, num_sides)
        length = float(np.linalg.norm(ring[1] - ring[0]))
        textures = [self._texture(paint_facade, facade, length, top - bottom) for _ in range(2)]
        for number, (start, end) in enumerate(pairwise(ring)):
            self._add(_wall(start, end, bottom, top), textures[number % 2])

    def cupola(self, centre: tuple[float, float], radius: float, bottom: float, rise: float) -> None:
        """Add a dome of NUM_RINGS rings of NUM_SIDES trapezoids, one texture for each ring."""
        heights = np.linspace(0, np.pi / 2, NUM_RINGS + 1)
        radii, levels = radius * np.cos(0.96 * heights), bottom + rise * np.sin(heights)
        for lower in range(NUM_RINGS):
            below, above = _ring(centre, radii[lower], NUM_SIDES), _ring(centre, radii[lower + 1], NUM_SIDES)
            width = float(np.linalg.norm(below[1] - below[0]))
            texture = self._texture(paint_roof, width, rise / NUM_RINGS, radii[lower + 1] / radii[lower])
            for side in range(NUM_SIDES):
                middle = (above[side] + above[side + 1]) / 2
                face = _sloped(below[side], below[side + 1], middle, levels[lower], levels[lower + 1])
                self._add(face, texture)

    def _add(self, corners, texture):
        self._corners.append(np.array(corners, np.float64))
        self.textures.append(texture)

    def _texture(self, paint: Callable, *arguments) -> Texture:
        """Return the texture that paint(random, style, *arguments) gives, with a random stream of its own."""
        key = ("texture", *self.style.key, next(self._numbers))
        return Texture(lambda: paint(stream(*key), self.style, *arguments))


def _rectangle(centre, width, depth):
    """Return (5, 2) corners, anticlockwise from above, the last equal to the first."""
    half = np.array([width, depth]) / 2
    (x0, y0), (x1, y1) = centre - half, centre + half
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])


def _ring(centre, radius, num_sides):
    """Return (num_sides + 1, 2) corners of a regular polygon, anticlockwise from above, the last equal to the first."""
    angles = np.pi / num_sides * (1 + 2 * np.arange(num_sides + 1))
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _wall(start, end, bottom, top):
    return [[*start, top], [*end, top], [*end, bottom], [*start, bottom]]


def _sloped(start, end, middle, bottom, top):
    """Return the parallelogram over the edge start-end whose upper edge has its middle above `middle`."""
    half = (np.asarray(end) - start) / 2
    return [[*(middle - half), top], [*(middle + half), top], [*end, bottom], [*start, bottom]]
