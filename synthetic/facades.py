"""Paint the textures of walls and roofs: masonry, windows, doors, ornaments, and the outline to which a face is cut."""

from dataclasses import dataclass

import cv2
import numpy as np

from synthetic.streams import pick, smooth_noise
from synthetic.style import Style, colour
from synthetic.textures import PIXELS_PER_METRE, cut, texture_size

DOORWAY = (30, 40, 60)
SHADOW = 0.8


@dataclass(frozen=True)
class Doors:
    """`count` doors side by side; `height` is a share of the wall's."""

    count: int
    shape: str
    height: float


@dataclass(frozen=True)
class Facade:
    """What is on a wall, independent of its size."""

    bays: int
    storeys: int
    doors: Doors | None = None
    num_columns: int = 0
    has_rose: bool = False
    has_clock: bool = False
    has_windows: bool = True
    has_crenels: bool = False


def paint_facade(random: np.random.Generator, style: Style, facade: Facade, width: float, height: float):
    """Return the texture (see Texture) of a wall of width x height metres.

    Shapes come from the style's common stream, so that one building's facades agree; grime and lit windows come from
    `random`.
    """
    columns, rows = texture_size(width, height)
    common = style.common()
    picture = _masonry(style, common, random, columns, rows)
    glow = np.zeros((rows, columns), np.uint8)
    top = (0.2 if facade.has_crenels else 0.12) * rows
    storey = (0.96 * rows - top) / facade.storeys
    trim = colour(style.trim)
    for line in range(facade.storeys + 1):
        y = int(top + line * storey - 2)
        cv2.rectangle(picture, (0, y), (columns, y + 2), trim, -1)
        _darken(picture[y + 3 : y + 5], SHADOW)
    if facade.has_windows:
        _storeys_of_windows(facade, style, common, random, picture, glow, top, storey)
    if facade.num_columns:
        _columns(facade, style, picture, int(top))
    if facade.has_rose:
        y = top + 0.55 * storey if facade.storeys > 1 else 0.35 * rows
        radius = int(min(0.24 * columns, 0.55 * storey))
        draw_rose(picture, (columns // 2, int(y)), radius, int(common.integers(6, 13)), colour(style.glass), trim)
    if facade.has_clock:
        centre = (columns // 2, int(rows * common.uniform(0.18, 0.32)))
        radius = max(4, int(min(0.3 * columns, 0.12 * rows)))
        draw_clock(picture, centre, radius, tuple(common.uniform(0, 6.3, 2)), common.random() < 0.6, trim)
    if facade.doors:
        _doors(facade.doors, style, picture)
    if style.frieze_step:
        y = int(0.45 * top)
        for x in range(0, columns, style.frieze_step):
            cv2.rectangle(picture, (x, y - 3), (x + style.frieze_step // 2, y + 3), trim, -1)
    pixels = cut(picture)
    if facade.has_crenels:
        merlon = int(common.uniform(0.8, 1.6) * PIXELS_PER_METRE)
        for x in range(0, columns, 2 * merlon):
            pixels[: int(0.09 * rows), x : x + merlon] = 0
    return pixels, cv2.GaussianBlur(glow, (3, 3), 0)


def paint_gable(random: np.random.Generator, style: Style, width: float, height: float):
    """Return the texture of a triangular wall under a roof."""
    columns, rows = texture_size(width, height)
    picture = _masonry(style, style.common(), random, columns, rows)
    outline = np.int32([[0, rows - 1], [columns // 2, 0], [columns - 1, rows - 1]])
    cv2.polylines(picture, [outline], True, colour(style.trim), 5, cv2.LINE_AA)
    return cut(picture, outline), np.zeros((rows, columns), np.uint8)


def paint_roof(random: np.random.Generator, style: Style, width: float, height: float, top: float = 1.0):
    """Return the texture of a roof's face; `top`: width of its upper edge over that of the lower one (0: a
    triangle)."""
    columns, rows = texture_size(0.6 * width, 0.6 * height)
    brightness = 1 + 0.25 * (smooth_noise(random, rows, columns, 6) - 0.5)
    brightness[::4] *= 0.82
    picture = _coloured(style.roof, brightness)
    inset = (columns - 1) * (1 - top) / 2
    outline = [[inset, 0], [columns - 1 - inset, 0], [columns - 1, rows - 1], [0, rows - 1]]
    return cut(picture, None if top == 1 else outline), np.zeros((rows, columns), np.uint8)


def _masonry(style, common, random, columns, rows):
    brightness = 1 + 2 * style.grime * (smooth_noise(random, rows, columns, 20) - 0.5)
    if style.masonry in ("ashlar", "brick"):
        brightness *= _stones(common, columns, rows, 5 if style.masonry == "brick" else 9)
    elif style.masonry == "stripes":
        brightness[(np.arange(rows) // 14) % 2 == 1] *= SHADOW
    brightness[int(0.85 * rows) :] *= 0.93  # splashed plinth
    return _coloured(style.stone, brightness)


def _stones(common, columns, rows, course):
    """Return (rows, columns) brightness of stones, `course` pixels high and twice as long, every other row shifted
    by half."""
    length = 2 * course
    shades = np.float32(common.uniform(0.9, 1.08, (rows // course + 1, columns // length + 2)))
    joints = np.where(np.arange(length) == 0, np.float32(0.88), np.float32(1))
    wall = np.repeat(shades, length, axis=1) * np.tile(joints, shades.shape[1])
    wall = np.stack([wall[row, (row % 2) * course :][:columns] for row in range(len(wall))])
    wall = np.repeat(wall, course, axis=0)[:rows]
    wall[::course] *= 0.84
    return wall


def _storeys_of_windows(facade, style, common, random, picture, glow, top, storey):
    bay = picture.shape[1] / facade.bays
    trim = colour(style.trim)
    shapes = [
        style.window if common.random() < 0.7 else pick(common, ("rectangle", "round", "gothic", "twin"))
        for _ in range(facade.storeys)
    ]
    for number, shape in enumerate(shapes):
        width, height = bay * style.window_share, storey * common.uniform(0.5, 0.72)
        y = top + number * storey + 0.55 * (storey - height)
        for x in (np.arange(facade.bays) + 0.5) * bay - width / 2:
            shade, shine = random.uniform(0.7, 1.5), random.uniform(-0.1, 1)
            fill_opening(picture, shape, x - 1, y - 1, width + 2, height + 2, trim)
            fill_opening(picture, shape, x, y, width, height, colour(style.glass * shade))
            if shine > 0.5:  # nearly half of the windows are lit at night
                fill_opening(glow, shape, x, y, width, height, (255 * shine,))
            draw_hood(picture, style.hood, x, y, width, trim)
            if style.has_sills:
                sill = int(y + height + 1)
                cv2.rectangle(picture, (int(x - 2), sill), (int(x + width + 2), sill + 1), trim, -1)


def _columns(facade, style, picture, top):
    columns = picture.shape[1]
    half = max(2, int(0.12 * columns / facade.num_columns))
    for x in np.int32(np.arange(facade.num_columns + 1) * (columns - 2 * half) / facade.num_columns):
        picture[top:, x : x + 2 * half] = np.clip(1.05 * style.trim, 0, 255)
        _darken(picture[top:, x + int(1.4 * half) : x + 2 * half], 0.75)


def _doors(doors, style, picture):
    rows, columns = picture.shape[:2]
    width = columns / doors.count * (0.42 if doors.count > 1 else 0.26)
    for number in range(doors.count):
        is_main = doors.count == 3 and number == 1
        height = rows * doors.height * (1.25 if is_main else 1)
        x, y = columns * (number + 0.5) / doors.count - width / 2, rows - height
        for border in (5, 3, 1):
            frame = colour(style.trim * (0.6 + 0.09 * border))
            fill_opening(picture, doors.shape, x - border, y - border, width + 2 * border, height + border, frame)
        fill_opening(picture, doors.shape, x, y, width, height, DOORWAY)


def _coloured(tone, brightness):
    """Return (h, w, 3) uint8 of one BGR tone at the given brightness (h, w)."""
    return cv2.merge([cv2.convertScaleAbs(brightness, alpha=float(max(channel, 0))) for channel in tone])


def _darken(part, factor):
    part[:] = part * factor


def fill_opening(picture: np.ndarray, shape: str, x: float, y: float, width: float, height: float, fill: tuple) -> None:
    """Fill one opening of a shape of OPENING_SHAPES, its upper left corner at (x, y)."""
    x, y, width, height = int(x), int(y), max(2, int(width)), max(3, int(height))
    if shape == "rectangle":
        cv2.rectangle(picture, (x, y), (x + width, y + height), fill, -1)
    elif shape == "round":
        _fill_round_arch(picture, x, y, width, height, fill)
    elif shape == "twin":
        half = max(1, width // 2 - 1)
        for left in (x, x + width - half):
            _fill_round_arch(picture, left, y, half, height, fill)
    elif shape == "gothic":
        across = np.array([0, 0, 0.25, 0.5, 0.75, 1, 1]) * width
        rise = min(0.8 * width, 0.6 * height)  # of the pointed part
        down = np.array([height, rise, 0.375 * rise, 0, 0.375 * rise, rise, height])
        cv2.fillPoly(picture, [np.int32(np.stack([x + across, y + down], 1))], fill, cv2.LINE_AA)
    else:
        centre = (x + width // 2, y + height // 2)
        cv2.ellipse(picture, centre, (width // 2, height // 2), 0, 0, 360, fill, -1, cv2.LINE_AA)


def draw_hood(picture: np.ndarray, hood: str, x: float, y: float, width: float, trim: tuple) -> None:
    """Draw the ornament, one of HOODS, above a window whose upper left corner is (x, y)."""
    if hood == "flat":
        cv2.rectangle(picture, (int(x - 2), int(y - 4)), (int(x + width + 2), int(y - 3)), trim, -1)
    elif hood == "pediment":
        corners = [[x - 2, y - 2], [x + width / 2, y - 2 - 0.4 * width], [x + width + 2, y - 2]]
        cv2.fillPoly(picture, [np.int32(corners)], trim, cv2.LINE_AA)
    elif hood == "arc":
        cv2.ellipse(picture, (int(x + width / 2), int(y)), (int(width / 2) + 2, 3), 0, 180, 360, trim, 2, cv2.LINE_AA)


def draw_rose(picture: np.ndarray, centre: tuple, radius: int, num_spokes: int, glass: tuple, trim: tuple) -> None:
    """Draw a rose window."""
    cv2.circle(picture, centre, radius + 3, trim, -1, cv2.LINE_AA)
    cv2.circle(picture, centre, radius, glass, -1, cv2.LINE_AA)
    for angle in 2 * np.pi * np.arange(num_spokes) / num_spokes:
        cv2.line(picture, centre, _around(centre, radius, angle), trim, 1, cv2.LINE_AA)
    cv2.circle(picture, centre, radius // 3, trim, 1, cv2.LINE_AA)


def draw_clock(picture: np.ndarray, centre: tuple, radius: int, hands: tuple, is_light: bool, trim: tuple) -> None:
    """Draw a clock face; hands: angles in radians."""
    cv2.circle(picture, centre, radius + 2, trim, -1, cv2.LINE_AA)
    cv2.circle(picture, centre, radius, (225, 230, 232) if is_light else (60, 45, 30), -1, cv2.LINE_AA)
    for angle in hands:
        cv2.line(picture, centre, _around(centre, 0.8 * radius, angle), (90, 90, 90), 1, cv2.LINE_AA)


def _fill_round_arch(picture, x, y, width, height, fill):
    radius = width // 2
    rise = min(radius, int(0.7 * height))
    cv2.rectangle(picture, (x, y + rise), (x + width, y + height), fill, -1)
    cv2.ellipse(picture, (x + radius, y + rise), (radius, rise), 0, 180, 360, fill, -1, cv2.LINE_AA)


def _around(centre, radius, angle):
    return int(centre[0] + radius * np.cos(angle)), int(centre[1] + radius * np.sin(angle))
