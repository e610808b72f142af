"""Draw what is behind a landmark: sky, ground and a far skyline."""

import cv2
import numpy as np

from synthetic.camera import Camera
from synthetic.light import Light
from synthetic.openings import colour
from synthetic.streams import pick, smooth_noise
from synthetic.style import STONES

GROUNDS = np.float32([[135, 145, 150], [60, 120, 85], [110, 118, 125]])  # paving, grass, asphalt; BGR
GRASS = 1
CLOUD = np.float32([250, 248, 246])
WOODS = np.float32([70, 105, 80])


def draw_sky(random: np.random.Generator, light: Light, height: int, width: int, horizon: float) -> np.ndarray:
    """A sky, (height, width, 3) float32."""
    share = np.clip(np.arange(height, dtype=np.float32) / max(1, horizon), 0, 1)[:, None, None]
    gradient = np.float32(light.hour.sky_top) * (1 - share) + np.float32(light.hour.sky_bottom) * share
    sky = np.empty((height, width, 3), np.float32)
    sky[:] = gradient
    if light.hour.name in ("day", "golden", "dusk") and random.random() < 0.75:
        large, small = smooth_noise(random, height, width, width / 5), smooth_noise(random, height, width, width / 12)
        density = 0.6 * large + 0.4 * small - random.uniform(0.35, 0.6)
        cover = cv2.cvtColor(np.clip(2.2 * density, 0, 1), cv2.COLOR_GRAY2BGR)
        tone = CLOUD * (0.5 + 0.5 * light.brightness) * (1 if light.hour.name == "day" else 0.85)
        sky += cover * (np.float32(tone) - sky)
    return sky


def draw_ground(random: np.random.Generator, picture: np.ndarray, camera: Camera, kind: int, brightness: float) -> None:
    """Draw the plane z = 0 on the picture (H, W, 3), with a pattern that shrinks with the distance."""
    height, width = picture.shape[:2]
    x = ((np.arange(width) + 0.5 - width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / camera.focal).astype(np.float32)[:, None]
    turn = np.float32(camera.rotation)
    falls = -(turn[0, 2] * x + turn[1, 2] * y + turn[2, 2])  # (H, W): by how much each pixel's ray goes down
    rows = np.flatnonzero((falls > 0).any(1))
    if not len(rows):
        return
    first = rows[0]
    falls, y = falls[first:], y[first:]
    distance = np.float32(camera.eye[2]) / np.maximum(falls, 1e-3)
    east = np.float32(camera.eye[0]) + distance * (turn[0, 0] * x + turn[1, 0] * y + turn[2, 0])
    north = np.float32(camera.eye[1]) + distance * (turn[0, 1] * x + turn[1, 1] * y + turn[2, 1])
    if kind == GRASS:
        pattern = 0.5 + 0.5 * np.sin(2.1 * east + 3 * np.sin(1.3 * north))
    else:
        pattern = (np.sin(0.9 * east) * np.sin(0.9 * north) > 0).astype(np.float32)
    shade = 1 - 0.14 * np.exp(-distance / 60) * pattern
    shade *= 0.95 + 0.1 * smooth_noise(random, *shade.shape, 5)
    tones = cv2.merge([shade * np.float32(tone * brightness) for tone in GROUNDS[kind]])
    cv2.copyTo(tones, np.uint8(falls > 0), picture[first:])


def draw_skyline(random: np.random.Generator, picture: np.ndarray, light: Light, horizon: float) -> None:
    """Draw far houses and woods on the horizon of the picture (H, W, 3)."""
    height, width = picture.shape[:2]
    sky, x = np.float32(light.hour.sky_bottom), 0.0
    while x < width:
        block = random.uniform(0.06, 0.2) * width
        rise = random.uniform(0.02, 0.12) * height * (1.6 if random.random() < 0.2 else 1)
        shade = 0.5 * random.uniform(0.55, 1) * light.brightness
        is_house = random.random() < 0.65
        stone = pick(random, STONES) * shade + 0.3 * sky * min(1, 1.2 * light.brightness)
        tone = stone if is_house else WOODS * light.brightness
        cv2.rectangle(picture, (int(x), int(horizon - rise)), (int(x + block), int(horizon)), colour(tone), -1)
        x += block * random.uniform(0.7, 1.1)
