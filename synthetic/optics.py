"""Change a picture by weather, lens, sensor and photographer, and encode it."""

import cv2
import numpy as np

from synthetic.light import Light
from synthetic.streams import pick

SEPIA = np.float32([0.88, 1.0, 1.1])
RAIN = 235


def add_weather(random: np.random.Generator, picture: np.ndarray, light: Light, difficulty: float) -> np.ndarray:
    """The picture (H, W, 3) float32 with haze and rain; it rains more often in harder views."""
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
    """The uint8 picture of a float32 one (H, W, 3): exposure, white balance, contrast, vignette, blur and noise."""
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
    """The JPEG of a uint8 picture (H, W, 3), BGR."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, picture.shape
    return data.tobytes()
