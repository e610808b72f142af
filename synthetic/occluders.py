"""Draw what hides a landmark: people, cars, trees, posts and near walls.

(x, y), in pixels, is where the thing meets the ground; `brightness` is the light's.
"""

import numpy as np

from synthetic.frame import Frame
from synthetic.streams import pick
from synthetic.style import STONES

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
