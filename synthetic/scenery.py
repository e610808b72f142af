"""Draw what is behind a landmark (sky, ground, a far skyline), what hides it, and photographs without any landmark.

A thing that hides the landmark meets the ground at (x, y), in pixels; `brightness` is the light's.
"""

import cv2
import numpy as np

from synthetic.frame import ASPECT, Camera, Frame
from synthetic.light import LANDSCAPE_WEIGHTS, Light, draw_light, encode, expose
from synthetic.streams import pick, smooth_noise, stream
from synthetic.style import STONES, colour

GROUNDS = np.float32([[135, 145, 150], [60, 120, 85], [110, 118, 125]])  # paving, grass, asphalt; BGR
GRASS = 1
CLOUD = np.float32([250, 248, 246])
WOODS = np.float32([70, 105, 80])


def draw_sky(random: np.random.Generator, light: Light, height: int, width: int, horizon: float) -> np.ndarray:
    """Return a sky, (height, width, 3) float32."""
    share = np.clip(np.arange(height, dtype=np.float32) / max(1, horizon), 0, 1)[:, None, None]
    gradient = np.float32(light.hour.sky_top) * (1 - share) + np.float32(light.hour.sky_bottom) * share
    sky = np.repeat(np.float32(gradient), width, axis=1)
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


SKIN = np.float32([130, 160, 205])
RUBBER = np.float32([25, 25, 25])
POST = np.float32([35, 38, 40])
BARK, BARE_BARK = np.float32([40, 55, 70]), np.float32([45, 55, 65])
LEAVES, AUTUMN_LEAVES = np.float32([40, 85, 60]), np.float32([50, 90, 130])


def draw_person(
    random: np.random.Generator, frame: Frame, x: float, y: float, height: float, brightness: float
) -> None:
    """Draw a person, `height` pixels tall."""
    coat, legs = random.uniform(20, 220, 3) * brightness, random.uniform(20, 120, 3) * brightness
    skin = SKIN * random.uniform(0.4, 1) * brightness
    frame.fill_box(x - 0.1 * height, y - 0.45 * height, x + 0.1 * height, y, legs)
    frame.fill_ellipse(x, y - 0.62 * height, 0.15 * height, 0.24 * height, coat)
    frame.fill_ellipse(x, y - 0.92 * height, 0.09 * height, 0.09 * height, skin)


def draw_car(random: np.random.Generator, frame: Frame, x: float, y: float, width: float, brightness: float) -> None:
    """Draw a car, `width` pixels long, its left end at x."""
    paint, height = random.uniform(20, 220, 3) * brightness, 0.3 * width
    cabin = np.array([[0.15, 1], [0.3, 1.7], [0.7, 1.7], [0.88, 1]]) * (width, -height) + (x, y)
    frame.fill_box(x, y - height, x + width, y - 0.1 * height, paint)
    frame.fill_polygon(cabin, 0.6 * paint)
    for wheel in (0.2, 0.8):
        frame.fill_ellipse(x + wheel * width, y - 0.1 * height, 0.09 * width, 0.09 * width, RUBBER * brightness)


def draw_tree(random: np.random.Generator, frame: Frame, x: float, y: float, height: float, brightness: float) -> None:
    """Draw a tree, `height` pixels tall; one in five is bare."""
    leaves = LEAVES * random.uniform(0.6, 1.3) if random.random() < 0.8 else AUTUMN_LEAVES
    frame.draw_line((x, y), (x, y - 0.5 * height), 0.05 * height, BARK * brightness)
    is_bare = random.random() < 0.2
    num_parts = 10 if is_bare else 34
    angles, radii = random.uniform(0, 2 * np.pi, num_parts), np.sqrt(random.random(num_parts))
    sizes, shades = random.uniform(0.05, 0.11, num_parts) * height, random.uniform(0.7, 1.3, num_parts)
    across = x + 0.32 * height * radii * np.cos(angles)
    up = y - height * (0.66 - 0.33 * radii * np.sin(angles))
    for end_x, end_y, size, shade in zip(across, up, sizes, shades, strict=True):
        if is_bare:
            frame.draw_line((x, y - 0.4 * height), (end_x, end_y), 1, BARE_BARK * brightness)
        else:
            frame.fill_ellipse(end_x, end_y, size, size, leaves * (shade * brightness))


def draw_post(random: np.random.Generator, frame: Frame, x: float, brightness: float) -> None:
    """Draw a post from the lower edge up to a height in the upper half."""
    top = frame.height * random.uniform(0, 0.5)
    frame.draw_line((x, frame.height), (x, top), max(2, 0.012 * frame.width), POST * brightness)


def draw_near_wall(random: np.random.Generator, frame: Frame, brightness: float) -> None:
    """Draw a wall at the left or right edge, from top to bottom."""
    width = random.uniform(0.15, 0.4) * frame.width
    left = pick(random, (-0.05 * frame.width, frame.width - width))
    frame.fill_box(left, 0, left + width, frame.height, pick(random, STONES) * 0.8 * brightness)


DIFFICULTY = 0.5  # of the exposure
MEADOWS = np.float32([[150, 120, 80], [70, 130, 95], [120, 150, 170], [130, 135, 138]])
ROCK, FOREST = np.float32([120, 110, 85]), np.float32([70, 110, 80])


def draw_landscape(key: tuple, image_size: int) -> bytes:
    """Return the JPEG of hills and a plain with trees, people and cars; image_size: longer side, pixels."""
    random = stream("landscape", *key)
    width, height = image_size, int(image_size * ASPECT)
    light = draw_light(random, LANDSCAPE_WEIGHTS)
    brightness, horizon = light.brightness, height * random.uniform(0.35, 0.7)
    frame = Frame(draw_sky(random, light, height, width, horizon))
    for ridge in range(int(random.integers(1, 4))):
        _draw_ridge(random, frame, horizon, ridge, brightness)
    meadow = frame.colours[int(horizon) :]
    texture = 1 + 0.4 * (smooth_noise(random, *meadow.shape[:2], 6) - 0.5)
    meadow[:] = texture[..., None] * (pick(random, MEADOWS) * np.float32(brightness))
    for _ in range(random.poisson(3)):
        y = random.uniform(horizon, 1.05 * height)
        size = (y - horizon + 12) * random.uniform(0.8, 2)
        draw_tree(random, frame, random.uniform(0, width), y, size, brightness)
    for _ in range(random.poisson(2)):
        y = random.uniform(horizon + 5, 1.1 * height)
        size = (y - horizon) * random.uniform(0.5, 0.9) + 6
        draw_person(random, frame, random.uniform(0, width), y, size, brightness)
    for _ in range(random.poisson(0.7)):
        y = random.uniform(min(horizon + 8, height), height)
        draw_car(random, frame, random.uniform(0, width), y, random.uniform(0.15, 0.5) * width, brightness)
    return encode(expose(random, frame.colours, light, DIFFICULTY), int(random.integers(50, 95)))


def _draw_ridge(random, frame, horizon, number, brightness):
    """Draw hills; nearer ones, with a higher number, are lower and darker."""
    width, height = frame.width, frame.height
    heights = random.random((1, int(random.integers(4, 9))), dtype=np.float32)
    outline = cv2.resize(heights, (width, 1), interpolation=cv2.INTER_CUBIC)[0]
    outline = horizon - 0.3 * height * (0.9 - 0.3 * number) * outline + 4 * number
    corners = np.stack([np.r_[0, np.arange(width), width - 1], np.r_[height, outline, height]], 1)
    tone = pick(random, (ROCK, FOREST)) * brightness * (1.1 - 0.2 * number)
    cv2.fillPoly(frame.colours, [np.int32(corners)], colour(tone))
