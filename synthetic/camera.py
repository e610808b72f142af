"""A pinhole camera."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Camera:
    """eye (3,) in metres; rotation (3, 3), rows: right, down and forward; focal length in pixels."""

    eye: np.ndarray
    rotation: np.ndarray
    focal: float
    width: int
    height: int

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image positions (..., 2), pixels from the upper left corner, and depths (...) of points (..., 3)."""
        seen = (points - self.eye) @ self.rotation.T
        depth = seen[..., 2]
        centre = np.array([self.width, self.height]) / 2
        return centre + self.focal * seen[..., :2] / np.maximum(depth, 1e-6)[..., None], depth

    def moved(self, offset: np.ndarray) -> "Camera":
        """The same camera, shifted: it sees a solid as this one sees the solid shifted by -offset."""
        return replace(self, eye=self.eye + offset)

    @property
    def horizon(self) -> float:
        """The row of the horizon in the middle column, for a camera without roll."""
        forward = self.rotation[2]
        return self.height / 2 + self.focal * forward[2] / max(0.2, float(np.hypot(forward[0], forward[1])))


def aim(eye: np.ndarray, target: np.ndarray, roll: float) -> np.ndarray:
    """The rotation of a camera at `eye` that looks at `target`, turned by `roll` radians about its axis."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    cosine, sine = np.cos(roll), np.sin(roll)
    return np.stack([cosine * right + sine * up, sine * right - cosine * up, forward])
