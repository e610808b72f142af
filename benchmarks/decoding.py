"""Time decoding and shrinking a 1024 x 768 JPEG to RGB by all installed libraries, one thread each.

Ours is `aml.images`. Plain is Pillow's open, convert, thumbnail, which the protocol prescribes. The others decode by
another library and shrink by Pillow. All give the same pixels; ours must be as fast as the best.
"""

import io

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from aml.images import decode, shrink
from benchmarks.measure import Case, Options, alternate, require_equal
from benchmarks.pictures import SIZE, jpeg

LONGER_SIDES = (1024, 362)  # testing's and training's, pixels
SLACK = 1.1  # times of equal work differ by as much from run to run


def run(options: Options) -> list[Case]:
    size, count, trials = ((400, 300), 2, 1) if options.quick else (SIZE, 30, 9)
    pictures = [jpeg(number, size) for number in range(count)]
    what = f"{count} JPEGs of {size[0]} x {size[1]}, longer side "
    return [compare(pictures, side, f"{what}{side}", trials) for side in LONGER_SIDES]


def compare(pictures: list[bytes], longer_side: int, what: str, trials: int) -> Case:
    ways = {
        "ours": lambda: [shrink(decode(data), longer_side) for data in pictures],
        "plain": lambda: [plain(data, longer_side) for data in pictures],
        "OpenCV, then Pillow": lambda: [shrink(by_opencv(data), longer_side) for data in pictures],
        "torchvision, then Pillow": lambda: [shrink(by_torchvision(data), longer_side) for data in pictures],
    }
    timings = alternate(ways, trials)
    seconds, pixels = timings.seconds, timings.results
    for name, found in pixels.items():
        require_equal(f"{what}, {name}", found, pixels["plain"], 0)
    best = min(seconds, key=seconds.get)
    return Case(
        what=what,
        **timings.of_case,
        equality="pixels, of 255",
        difference=0.0,
        reached={"as fast as the best": seconds["ours"] <= SLACK * seconds[best]},
        found={"milliseconds_an_image": 1000 * seconds["ours"] / len(pictures), "best": best},
    )


def plain(data: bytes, longer_side: int) -> np.ndarray:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def by_opencv(data: bytes) -> np.ndarray:
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def by_torchvision(data: bytes) -> np.ndarray:
    decoded = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB)  # (3, H, W)
    return np.ascontiguousarray(decoded.numpy().transpose(1, 2, 0))  # by one thread, as the others work
