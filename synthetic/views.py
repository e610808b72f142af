"""Draw one photograph of a landmark, with the facts that its labels come from."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from synthetic import scenery
from synthetic.frame import ASPECT, Camera, Frame, aim
from synthetic.landmarks import Landmark, house
from synthetic.light import EASY_WEIGHTS, HARD_WEIGHTS, add_weather, draw_light, encode, expose
from synthetic.streams import pick, stream

SUPERSAMPLING = 1.5
SLENDER = ("tower", "church", "cathedral")


@dataclass(frozen=True)
class View:
    """A photograph. visible (F,) int: pixels of each of the landmark's faces, before reduction to the picture's size.

    box: x0, y0, x1, y1 of the landmark's visible part in pixels; all zero if nothing is visible.
    coverage: share of the picture that shows the landmark; unhidden: share of the landmark that nothing hides.
    scale: pixels a metre at the landmark's distance, before reduction; is_dark: at dusk or night.
    """

    jpeg: bytes
    visible: np.ndarray
    box: list[float]
    coverage: float
    unhidden: float
    scale: float
    is_dark: bool


def draw_view(landmark: Landmark, key: tuple, difficulty: float, image_size: int) -> View:
    """Draw the view of this key; difficulty, 0 (a postcard) to 1. image_size: longer side, pixels."""
    random = stream("view", *landmark.key, *key)
    is_portrait = random.random() < (0.55 if landmark.kind in SLENDER else 0.2)
    width, height = (image_size, int(image_size * ASPECT))[:: -1 if is_portrait else 1]
    canvas = round(width * SUPERSAMPLING), round(height * SUPERSAMPLING)
    camera, distance = _place_camera(random, landmark, difficulty, *canvas)
    light = draw_light(random, EASY_WEIGHTS if difficulty < 0.35 else HARD_WEIGHTS)
    frame = Frame(scenery.draw_sky(random, light, canvas[1], canvas[0], camera.horizon))
    scenery.draw_ground(random, frame.colours, camera, landmark.ground, light.brightness)
    scenery.draw_skyline(random, frame.colours, light, camera.horizon)
    for number, offset in landmark.neighbours:
        moved = replace(camera, eye=camera.eye - offset)  # instead of the house
        frame.draw(moved, house(number), light, is_landmark=False)
    frame.draw(camera, landmark.solid, light, is_landmark=True)
    num_unhidden = np.count_nonzero(frame.faces)
    _draw_occluders(random, frame, camera, distance, light.brightness, difficulty)
    picture = add_weather(random, frame.colours, light, difficulty)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    picture = expose(random, picture, light, difficulty)
    visible = np.bincount(frame.faces.ravel(), minlength=len(landmark.solid) + 1)[1:]
    return View(
        jpeg=encode(picture, int(random.integers(45 if difficulty > 0.4 else 70, 95))),
        visible=visible,
        box=_box(frame.faces, width, height),
        coverage=float(visible.sum() / frame.faces.size),
        unhidden=float(visible.sum() / max(1, num_unhidden)),
        scale=camera.focal / distance,
        is_dark=light.is_dark,
    )


def _place_camera(random, landmark, difficulty, width, height):
    """Return a camera at eye level somewhere before the front (harder: also beside it), and its distance in metres."""
    spread = np.radians(12 + 38 * difficulty)
    azimuth = random.normal(0, spread)  # 0: straight before the front
    if random.random() < 0.35 * difficulty:
        azimuth += pick(random, (-1, 1)) * random.uniform(0.7, 1.35)
    nearest = max(1.25 * landmark.radius, 0.9 * landmark.height) + 6
    distance = nearest * random.uniform(1.15, 1.6 + 1.1 * difficulty)
    eye_height = random.uniform(6, 22) if random.random() < 0.12 else random.uniform(1.6, 2.2)
    eye = np.array([np.sin(azimuth) * distance, -np.cos(azimuth) * distance, eye_height])
    fill = random.uniform(0.7, 1)  # the landmark's extent over the frame's
    if difficulty >= 0.3:
        fill *= pick(random, (1, 0.6, 1.6, 2.4, 0.35), (0.45, 0.2, 0.2, 0.08, 0.07))
    aside = random.normal(0, 0.06 + 0.10 * difficulty) * landmark.radius
    target = np.array([aside, 0, landmark.height * (0.46 + random.normal(0, 0.05 + 0.07 * difficulty))])
    if fill > 1.3:  # a detail
        target += (random.uniform(-0.3, 0.3) * landmark.radius, 0, random.uniform(-0.1, 0.35) * landmark.height)
    level = Camera(eye, aim(eye, target, 0), 1, 0, 0)
    positions, _ = level.project(landmark.solid.corners.reshape(-1, 3))
    extent = positions.max(0) - positions.min(0)
    focal = fill * min(width / extent[0], height / extent[1])
    roll = random.normal(0, 0.015 + 0.06 * difficulty)
    return Camera(eye, aim(eye, target, roll), focal, width, height), distance


def _draw_occluders(random, frame, camera, distance, brightness, difficulty):
    horizon, focal, eye_height = camera.horizon, camera.focal, camera.eye[2]

    def ground(away):  # the row where a thing meets the ground, `away` metres off; a high camera sees over near ones
        if eye_height < 4:
            return horizon + focal * eye_height / away
        return min(0.98 * frame.height, horizon + focal * eye_height / (away + 20))

    for _ in range(random.poisson(2.5)):
        away = random.uniform(0.35, 0.9) * distance
        scenery.draw_person(
            random, frame, random.uniform(0, frame.width), ground(away), 1.75 * focal / away, brightness
        )
    for _ in range(random.poisson(0.5)):
        away = random.uniform(0.4, 0.8) * distance
        x = random.uniform(-0.1, 0.9) * frame.width
        scenery.draw_car(random, frame, x, ground(away), 4.2 * focal / away, brightness)
    if random.random() >= 0.25 + 0.65 * difficulty:
        return
    for _ in range(int(random.integers(1, 2 + int(4 * difficulty)))):
        what = pick(random, ("tree", "person", "post", "wall"), (0.5, 0.25, 0.15, 0.1))
        x = random.uniform(0, frame.width)
        if what == "tree":
            away = random.uniform(0.3, 0.8) * distance
            scenery.draw_tree(random, frame, x, ground(away), random.uniform(5, 11) * focal / away, brightness)
        elif what == "person":
            away = random.uniform(2.6, 6)
            feet = min(1.3 * frame.height, horizon + 1.7 * focal / away)
            scenery.draw_person(random, frame, x, feet, 1.75 * focal / away, brightness)
        elif what == "post":
            scenery.draw_post(random, frame, x, brightness)
        else:
            scenery.draw_near_wall(random, frame, brightness)


def _box(faces, width, height):
    """Return the box around the landmark's pixels, in pixels of the picture of width x height, on a grid of 12 by 9
    cells: as rough as a box drawn by hand, and queries of few different sizes are described faster."""
    left, top, columns, rows = cv2.boundingRect(faces)  # all 0 where nothing is visible
    size = np.array([width, height])
    scale, cell = size / faces.shape[::-1], max(width, height) / 12
    start = cell * np.floor((left, top) * scale / cell)
    end = cell * np.ceil((left + columns, top + rows) * scale / cell)
    return [*start.tolist(), *np.minimum(size, end).tolist()]
