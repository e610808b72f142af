"""A pinhole camera, and the picture while it is painted: colours, nearness, the landmark's face at each pixel."""

from dataclasses import dataclass
from math import dist

import cv2
import numpy as np

from synthetic.light import Light
from synthetic.solids import Solid
from synthetic.style import colour


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. eye (3,) in metres; rotation (3, 3), rows: right, down and forward; focal length in pixels."""

    eye: np.ndarray
    rotation: np.ndarray
    focal: float
    width: int
    height: int

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return image positions (..., 2), pixels from the upper left corner, and depths (...) of points (..., 3)."""
        seen = (points - self.eye) @ self.rotation.T
        depth = seen[..., 2]
        centre = np.array([self.width, self.height]) / 2
        return centre + self.focal * seen[..., :2] / np.maximum(depth, 1e-6)[..., None], depth

    @property
    def horizon(self) -> float:
        """The row of the horizon in the middle column, for a camera without roll."""
        forward = self.rotation[2]
        return self.height / 2 + self.focal * forward[2] / max(0.2, float(np.hypot(forward[0], forward[1])))


def aim(eye: np.ndarray, target: np.ndarray, roll: float) -> np.ndarray:
    """Return the rotation of a camera at `eye` that looks at `target`, turned by `roll` radians about its axis."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    cosine, sine = np.cos(roll), np.sin(roll)
    return np.stack([cosine * right + sine * up, sine * right - cosine * up, forward])


ASPECT = 0.75  # shorter side to longer; one for all pictures, so that they can share a batch
NEAREST = 0.5  # metres in front of the camera at which faces end
TIE = 0.999  # of two faces in one plane the later one shows


class Frame:
    """A picture while it is painted. colours (H, W, 3) float32 BGR; faces (H, W) uint8: number of the landmark's
    face plus 1, 0 for all else."""

    def __init__(self, colours: np.ndarray):
        self.colours = np.ascontiguousarray(colours, np.float32)
        self.faces = np.zeros(colours.shape[:2], np.uint8)
        self._nearness = np.zeros(colours.shape[:2], np.float32)  # 1 / depth
        self.height, self.width = colours.shape[:2]

    def draw(self, camera: Camera, solid: Solid, light: Light, *, is_landmark: bool) -> None:
        """Draw a house of the background, which nearer ones hide, in whatever order they are drawn; or the landmark,
        over all that is there, and note its faces."""
        if is_landmark:
            self._nearness[:] = 0
        positions, depths = camera.project(solid.corners)  # (F, 4, 2), (F, 4)
        to_eye = camera.eye - solid.centres
        faces_camera = (solid.normals * to_eye).sum(1) > 0
        visible = np.flatnonzero(faces_camera & (depths.min(1) > NEAREST))
        distances = np.linalg.norm(to_eye[visible], axis=1)
        tones = light.on(solid.normals)
        for face in visible[np.argsort(-distances, kind="stable")]:  # far to near, for soft edges
            plane = _inverse_depth(camera, solid.normals[face], solid.centres[face])
            number = int(face) + 1 if is_landmark else 0
            self._draw_face(solid.textures[face], positions[face], plane, tones[face], light.window_glow, number)

    def fill_polygon(self, corners: np.ndarray, tone: np.ndarray) -> None:
        """Draw a polygon (k, 2) in front of everything."""
        self._cover(cv2.fillPoly, [np.int32(corners)], tone=tone)

    def fill_ellipse(self, x: float, y: float, radius_x: float, radius_y: float, tone: np.ndarray) -> None:
        """Draw an ellipse in front of everything."""
        centre, radii = (int(x), int(y)), (max(1, int(radius_x)), max(1, int(radius_y)))
        self._cover(cv2.ellipse, centre, radii, 0, 0, 360, tone=tone, thickness=-1)

    def fill_box(self, left: float, top: float, right: float, bottom: float, tone: np.ndarray) -> None:
        """Draw a rectangle in front of everything."""
        self._cover(cv2.rectangle, (int(left), int(top)), (int(right), int(bottom)), tone=tone, thickness=-1)

    def draw_line(self, start: tuple, end: tuple, width: float, tone: np.ndarray) -> None:
        """Draw a line in front of everything."""
        self._cover(cv2.line, tuple(map(int, start)), tuple(map(int, end)), tone=tone, thickness=max(1, int(width)))

    def _cover(self, draw, *shape, tone, **options):
        draw(self.colours, *shape, colour(tone), **options)
        draw(self.faces, *shape, 0, **options)

    def _draw_face(self, texture, positions, plane, tone, window_glow, number):
        """Draw one face with its corners at `positions` (4, 2); plane: 1 / depth = plane . (x, y, 1)."""
        left, top = np.maximum(np.floor(positions.min(0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(positions.max(0)).astype(int) + 2, (self.width, self.height))
        if right - left < 2 or bottom - top < 2:
            return
        upper_left, upper_right, lower_right, lower_left = positions
        across = max(dist(upper_left, upper_right), dist(lower_left, lower_right))
        down = max(dist(upper_left, lower_left), dist(upper_right, lower_right))
        pixels, glow = texture.level(across, down)
        rows, columns = glow.shape
        corners = np.float32([[0, 0], [columns - 1, 0], [columns - 1, rows - 1], [0, rows - 1]])
        matrix = cv2.getPerspectiveTransform(corners, np.float32(positions - (left + 0.5, top + 0.5)))
        patch = cv2.warpPerspective(pixels, matrix, (right - left, bottom - top))
        coverage = patch[..., 3] * np.float32(1 / 255)
        x, y = np.arange(left, right, dtype=np.float32) + 0.5, np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5
        nearness = np.float32(plane[0]) * x + np.float32(plane[1]) * y + np.float32(plane[2])
        here = slice(top, bottom), slice(left, right)
        shown = nearness > TIE * self._nearness[here]
        coverage *= shown
        behind = 1 - coverage
        if window_glow is not None:
            shine = cv2.warpPerspective(glow, matrix, (right - left, bottom - top)) * shown
        for channel in range(3):  # four times as fast as arrays whose last axis is 3 long
            region = self.colours[here][..., channel]
            region *= behind
            region += patch[..., channel] * (tone[channel] * shown)
            if window_glow is not None:
                region += shine * window_glow[channel]
        solid_part = coverage > 0.5
        self._nearness[here][solid_part] = nearness[solid_part]
        self.faces[here][solid_part] = number


def _inverse_depth(camera, normal, point):
    """Return the vector (3,) whose product with an image position (x, y, 1) is 1 / depth of the plane's point there."""
    seen_normal = camera.rotation @ normal
    slope = seen_normal[:2] / camera.focal
    constant = seen_normal[2] - slope @ (camera.width / 2, camera.height / 2)
    return np.array([*slope, constant]) / (normal @ (point - camera.eye))
