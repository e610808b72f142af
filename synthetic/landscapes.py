"""Draw a photograph without any landmark."""

import cv2
import numpy as np

from synthetic.frame import ASPECT, Frame
from synthetic.light import LANDSCAPE_WEIGHTS, draw_light
from synthetic.occluders import draw_car, draw_person, draw_tree
from synthetic.openings import colour
from synthetic.optics import encode, expose
from synthetic.scenery import draw_sky
from synthetic.streams import pick, smooth_noise, stream

DIFFICULTY = 0.5  # of the exposure
MEADOWS = np.float32([[150, 120, 80], [70, 130, 95], [120, 150, 170], [130, 135, 138]])
ROCK, FOREST = np.float32([120, 110, 85]), np.float32([70, 110, 80])


def draw_landscape(key: tuple, image_size: int) -> bytes:
    """The JPEG of hills and a plain with trees, people and cars; image_size: longer side, pixels."""
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
        y = random.uniform(horizon + 8, height)
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
