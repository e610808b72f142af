"""Draw windows, doors, roses and clocks on a wall's texture (h, w, 3) uint8."""

import cv2
import numpy as np


def colour(value: np.ndarray) -> tuple[float, float, float]:
    """A BGR triple as OpenCV's drawing functions take it."""
    blue, green, red = value
    return min(max(float(blue), 0), 255), min(max(float(green), 0), 255), min(max(float(red), 0), 255)


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
