"""Time decoding and shrinking a 1024 x 768 JPEG to RGB by all installed libraries, one thread each.

Ours is `aml.images`. Plain is Pillow's open, convert, thumbnail, which the protocol prescribes. The others are timed,
too, and their pixels compared with the protocol's; ours must be as fast as the best of those with equal pixels.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from aml.images import decode, shrink
from benchmarks.measure import Case, Options, alternate, require_equal
from benchmarks.pictures import SIZE, jpeg

LONGER_SIDES = (1024, 362)  # testing's and training's, pixels
SLACK = 1.1  # times of equal work differ by as much from run to run


def run(options: Options) -> list[Case]:
    import cv2
    import torch

    cv2_threads, torch_threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        size, count, trials = ((400, 300), 2, 1) if options.quick else (SIZE, 30, 9)
        pictures = [jpeg(number, size) for number in range(count)]
        what = f"{count} JPEGs of {size[0]} x {size[1]}, longer side "
        return [compare(pictures, side, f"{what}{side}", trials) for side in LONGER_SIDES]
    finally:
        cv2.setNumThreads(cv2_threads)
        torch.set_num_threads(torch_threads)


def compare(pictures: list[bytes], longer_side: int, what: str, trials: int) -> Case:
    seconds, pixels = alternate(
        {
            name: lambda decode=decode: [decode(data, longer_side) for data in pictures]
            for name, decode in DECODERS.items()
        },
        trials,
    )
    differences = {name: _differences(found, pixels["plain"]) for name, found in pixels.items()}
    same = [name for name, (largest, _) in differences.items() if largest == 0]
    best = min(same, key=seconds.get)
    return Case(
        what=what,
        trials=trials,
        seconds=seconds,
        equality="pixels, of 255",
        difference=require_equal(what, pixels["ours"], pixels["plain"], 0),
        reached={"as fast as the best that gives the same pixels": seconds["ours"] <= SLACK * seconds[best]},
        found={
            "milliseconds_an_image": 1000 * seconds["ours"] / len(pictures),
            "best_of_the_same_pixels": best,
            "largest_difference": {name: largest for name, (largest, _) in differences.items()},
            "mean_difference": {name: round(mean, 3) for name, (_, mean) in differences.items()},
        },
    )


def ours(data: bytes, longer_side: int) -> np.ndarray:
    return shrink(decode(data), longer_side)


def plain(data: bytes, longer_side: int) -> np.ndarray:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def pillow_draft(data: bytes, longer_side: int) -> np.ndarray:
    """Pillow without `convert` first, so that the JPEG decoder itself shrinks by halves as far as it can."""
    image = Image.open(io.BytesIO(data))
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.asarray(image.convert("RGB"))


def pillow_reducing(data: bytes, longer_side: int) -> np.ndarray:
    """Pillow's thumbnail after a box filter by whole numbers, as far as twice the size that is wanted."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    size = _size(image.size, longer_side)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))


def opencv(data: bytes, longer_side: int) -> np.ndarray:
    import cv2

    image = _opencv_decoded(data)
    size = _size(image.shape[1::-1], longer_side)
    return image if size == image.shape[1::-1] else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def opencv_then_pillow(data: bytes, longer_side: int) -> np.ndarray:
    return shrink(_opencv_decoded(data), longer_side)


def torchvision(data: bytes, longer_side: int) -> np.ndarray:
    from torchvision.transforms.v2.functional import InterpolationMode, resize

    image = _torchvision_decoded(data)
    size = _size((image.shape[2], image.shape[1]), longer_side)
    shrunk = resize(image, size[::-1], InterpolationMode.BICUBIC, antialias=True)
    return shrunk.permute(1, 2, 0).contiguous().numpy()


def torchvision_then_pillow(data: bytes, longer_side: int) -> np.ndarray:
    return shrink(_torchvision_decoded(data).permute(1, 2, 0).contiguous().numpy(), longer_side)


def _opencv_decoded(data: bytes) -> np.ndarray:
    import cv2

    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)  # (H, W, 3)


def _torchvision_decoded(data: bytes):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    return decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB)  # (3, H, W)


def _size(size: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """Width and height after Pillow's `thumbnail`."""
    image = Image.new("1", size)
    image.thumbnail((longer_side, longer_side))
    return image.size


def _differences(found: list[np.ndarray], expected: list[np.ndarray]) -> tuple[int, float]:
    """The largest and the mean absolute difference of pixels."""
    differences = np.abs(np.stack(found).astype(np.int16) - np.stack(expected))
    return int(differences.max()), float(differences.mean())


DECODERS: dict[str, Callable[[bytes, int], np.ndarray]] = {
    "ours": ours,
    "plain": plain,
    "Pillow, draft": pillow_draft,
    "Pillow, reducing gap": pillow_reducing,
    "OpenCV, area": opencv,
    "OpenCV, then Pillow": opencv_then_pillow,
    "torchvision, bicubic": torchvision,
    "torchvision, then Pillow": torchvision_then_pillow,
}
