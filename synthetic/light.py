"""Daylight, dusk and night; and what weather, lens, sensor and photographer make of a picture."""

from dataclasses import dataclass

import cv2
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
        """Return the factors (F, 3) float32 of the colours of faces with these normals (F, 3)."""
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


SEPIA = np.float32([0.88, 1.0, 1.1])
RAIN = 235


def add_weather(random: np.random.Generator, picture: np.ndarray, light: Light, difficulty: float) -> np.ndarray:
    """Return the picture (H, W, 3) float32 with haze and rain; it rains more often in harder views."""
    if light.hour.name == "haze":
        density = np.float32(random.uniform(0.25, 0.6))
        picture = picture + density * (np.float32(light.hour.sky_bottom) - picture)
    if random.random() < 0.12 * difficulty:
        height, width = picture.shape[:2]
        streaks = np.zeros((height, width), np.float32)
        for x, y in np.int32(random.uniform(0, 1, (160, 2)) * (width, height)):
            cv2.line(streaks, (int(x), int(y)), (int(x) + 3, int(y) + 9), 0.175, 1)
        picture = picture + cv2.cvtColor(streaks, cv2.COLOR_GRAY2BGR) * (RAIN - picture)
    return picture


def expose(random: np.random.Generator, picture: np.ndarray, light: Light, difficulty: float) -> np.ndarray:
    """Return the uint8 picture of a float32 one (H, W, 3): exposure, white balance, contrast, vignette, blur and
    noise."""
    height, width = picture.shape[:2]
    balance = np.exp(random.normal(0, 0.10 + 0.12 * difficulty)) * np.exp(random.normal(0, 0.03 + 0.06 * difficulty, 3))
    contrast = random.uniform(0.85 - 0.2 * difficulty, 1.15)
    to_grey = np.full((3, 1), 128 * (1 - contrast))
    picture = cv2.transform(picture, np.hstack([np.diag(balance * contrast), to_grey]))
    if random.random() < 0.5:
        x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        picture *= cv2.cvtColor(1 - np.float32(random.uniform(0, 0.15)) * (x**2 + y**2), cv2.COLOR_GRAY2BGR)
    if random.random() < 0.06 + 0.12 * difficulty:  # black and white, half of them toned
        picture = cv2.transform(picture, np.outer(pick(random, (SEPIA, np.ones(3))), np.full(3, 1 / 3)))
    blur = abs(random.normal(0, 0.25 + 0.5 * difficulty))
    if blur > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    if random.random() < 0.1 * difficulty:  # a shaken hand
        length = int(random.integers(3, 7))
        picture = cv2.blur(picture, (length, 1))
    strength = 2 + 4 * difficulty * random.random() + (6 if light.is_dark else 0)
    noise = random.standard_normal(picture.shape, dtype=np.float32)
    noise *= np.float32(strength)
    return cv2.add(picture, noise, dtype=cv2.CV_8U)


def encode(picture: np.ndarray, quality: int) -> bytes:
    """Return the JPEG of a uint8 picture (H, W, 3), BGR."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
