"""Daylight, dusk and night."""

from dataclasses import dataclass

import numpy as np

from synthetic.streams import pick

FLOODLIGHT = np.array([0.10, 0.22, 0.34])  # BGR
WINDOW_GLOW = np.float32([54, 135, 189]) / 255  # BGR


@dataclass(frozen=True)
class Hour:
    """A kind of light; sky colours are BGR, strengths relative to a white wall at noon."""

    name: str
    sky_top: tuple[float, float, float]
    sky_bottom: tuple[float, float, float]
    ambient: float
    sun: float
    tint: tuple[float, float, float]


HOURS = (
    Hour("day", (225, 160, 90), (240, 225, 200), 0.62, 0.50, (0.96, 1, 1.04)),
    Hour("overcast", (205, 200, 195), (225, 222, 220), 0.86, 0.10, (1.02, 1, 0.98)),
    Hour("golden", (190, 150, 120), (150, 190, 240), 0.48, 0.62, (0.72, 0.95, 1.18)),
    Hour("dusk", (90, 55, 40), (120, 110, 170), 0.38, 0.12, (1.15, 0.95, 0.95)),
    Hour("night", (28, 16, 12), (52, 38, 34), 0.20, 0.0, (1.2, 1, 0.9)),
    Hour("haze", (215, 212, 208), (228, 228, 226), 0.8, 0.15, (1, 1, 1)),
)
EASY_WEIGHTS = (0.5, 0.25, 0.17, 0.03, 0.02, 0.03)
HARD_WEIGHTS = (0.28, 0.18, 0.17, 0.12, 0.16, 0.09)
LANDSCAPE_WEIGHTS = (0.4, 0.2, 0.2, 0.1, 0.04, 0.06)


@dataclass(frozen=True)
class Light:
    """One picture's light: sun_direction (3,) unit vector towards the sun, floodlight 0 by day."""

    hour: Hour
    sun_direction: np.ndarray
    floodlight: float

    @property
    def brightness(self) -> float:
        """The brightness of things near the camera: 1 in full daylight."""
        return self.hour.ambient + 0.5 * self.hour.sun

    @property
    def is_dark(self) -> bool:
        return self.hour.name in ("dusk", "night")

    @property
    def window_glow(self) -> np.ndarray | None:
        """The light (3,) float32, BGR, of a fully lit window; None by day."""
        return WINDOW_GLOW if self.is_dark else None

    def on(self, normals: np.ndarray) -> np.ndarray:
        """The factors (F, 3) float32 of the colours of faces with these normals (F, 3)."""
        strength = self.hour.ambient + self.hour.sun * np.maximum(normals @ self.sun_direction, 0)
        tones = strength[:, None] * self.hour.tint
        if self.is_dark:
            tones = tones * (0.9, 1, 1.1) + FLOODLIGHT * self.floodlight
        return np.float32(tones)


def draw_light(random: np.random.Generator, weights: tuple[float, ...]) -> Light:
    """Draw a light, whose hour has these chances in the order of HOURS; the sun is on the landmark's front."""
    hour = pick(random, HOURS, weights)
    sun = np.array([random.normal(0, 0.8), -abs(random.normal(0.3, 0.6)), random.uniform(0.2, 0.9)])
    return Light(hour, sun / np.linalg.norm(sun), random.uniform(0.7, 1.5))
