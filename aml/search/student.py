"""An exported student: the folder of its ONNX files, and how one of them describes pixels, without torch.

The folder holds student.onnx (one scale) and student-multiscale.onnx (the scales of testing), both also with -float16
and -int8; model.json, which says what the student is and has the sha256 of each file; README.md, the same for readers.
"""

import contextlib
from pathlib import Path

import numpy as np
import onnxruntime

from aml.files.atomic import damaged, read_json
from aml.files.digests import file_sha256

INPUT, OUTPUT = "image", "descriptor"
DESCRIPTION = "model.json"
SINGLE, MULTI = "student", "student-multiscale"  # names of files without precision and .onnx
SIDES = (1, 2, 4, 8, 16, 32, 64)  # pixels


class Student:
    """One ONNX file, opened. `about` is model.json.

    path: an exported folder, or one of its .onnx files. Raises ValueError for a folder that is not one, and for a file
    that is damaged or not of this student.
    """

    def __init__(self, path: Path):
        path = Path(path)
        self.path = path if path.suffix == ".onnx" else path / f"{SINGLE}.onnx"
        described = self.path.parent / DESCRIPTION
        for needed in (described, self.path):
            if not needed.exists():
                raise ValueError(
                    f"{path} is not an exported student: no {needed}; `make search` writes it to data/exported"
                )
        self.about = read_json(described, "key", "teacher", "dimension", "image_size", "smallest_side", "files")
        expected = self.about["files"].get(self.path.name, {}).get("sha256")
        if file_sha256(self.path) != expected:
            raise damaged(self.path, f"it is not the file of {self.about['key']} that {described} names")
        self.session = open_session(self.path)

    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Return the descriptor `(D,)` float32, whitened, of unit norm, of RGB pixels `(H, W, 3)` uint8."""
        return describe(self.session, pixels, self.about["smallest_side"])


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its own lines on stderr; errors come as exceptions
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def describe(session: onnxruntime.InferenceSession, pixels: np.ndarray, smallest_side: int) -> np.ndarray:
    """Return the descriptor `(D,)` of pixels `(H, W, 3)`; a side below `smallest_side` is filled by the pixels of
    its end."""
    height, width = pixels.shape[:2]
    if min(height, width) < smallest_side:
        missing = [(0, max(0, smallest_side - side)) for side in (height, width)]
        pixels = np.pad(pixels, [*missing, (0, 0)], mode="edge")
    return session.run([OUTPUT], {INPUT: as_input(pixels)})[0][0]


def as_input(pixels: np.ndarray) -> np.ndarray:
    """Return pixels `(H, W, 3)` as the input of an ONNX file, `(1, 3, H, W)`."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def smallest_side(session: onnxruntime.InferenceSession) -> int:
    """Return the smallest of SIDES that an image may have: with less, layers leave nothing of the image. Raises
    ValueError where there is none."""
    for side in SIDES:
        with contextlib.suppress(Exception):  # onnxruntime's classes have no common one
            if np.isfinite(session.run([OUTPUT], {INPUT: np.zeros((1, 3, side, side), np.uint8)})[0]).all():
                return side
    raise ValueError(f"the exported network describes no image of {SIDES[-1]} x {SIDES[-1]} pixels")
