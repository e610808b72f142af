"""Images from stored bytes to normalised tensors. Packing, training, targets, extraction and pictures all use this
file.

The order of steps is the protocol's (METHOD, Sec. 4): decode to RGB, crop a query to its box, then shrink. Threads may
decode at the same time, because nothing here changes a setting of Pillow's. torch is imported late, because packing and
pictures read images without it.
"""

import contextlib
import functools
import io
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

from aml.files.image_sets import ImageSet

if TYPE_CHECKING:
    from torch import Tensor, device
    from torch.utils.data import DataLoader

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # no TIFF: Pillow turns those by EXIF; no EPS: it starts programs
MAX_PIXELS = 80_000_000  # below Pillow's own warning; the largest image of ROxford has 12 million
_ORIENTATION = 0x0112
_END_OF_JPEG = b"\xff\xd9"
FEW_PIXELS = 50_000_000  # decoded in half a second; two processes that do it take as long to start


def shrink(pixels: np.ndarray, longer_side: float, box: Sequence[float] | None = None) -> np.ndarray:
    """Shrink pixels `(H, W, 3)` to a longer side of at most `longer_side`: Lanczos, aspect kept, never enlarged.

    A query is cropped to its `box` = (x0, y0, x1, y1) pixels, then shrunk by as much as its whole image would be.
    """
    if box is not None:
        whole, pixels = pixels, np.array(Image.fromarray(pixels).crop(tuple(box)))
        longer_side = longer_side * max(pixels.shape[:2]) / max(whole.shape[:2])
    if max(pixels.shape[:2]) <= longer_side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.array(image)


class ImageTensors:
    """The pixels `(3, H, W)` uint8 of an image set, by row; cropped where the set has boxes. A torch Dataset."""

    def __init__(self, images: ImageSet, *, image_size: int, normalisation: dict):
        self.images, self.image_size, self.normalisation = images, image_size, normalisation

    def __getitem__(self, row: int) -> "Tensor":
        import torch

        box = None if self.images.boxes is None else self.images.boxes[row]
        return torch.from_numpy(shrink(read_pixels(self.images, row), self.image_size, box)).permute(2, 0, 1)

    def loader(
        self, batches: Sequence[Sequence[int]], stacked: Callable, *, num_workers: int, device: "device"
    ) -> "DataLoader":
        """Return an iterable of the pixels of each batch of rows, as `stacked` makes one of a list. `num_workers`
        processes decode them if the rows have many pixels."""
        from torch.utils.data import DataLoader

        pixels = self.images.sizes.astype(np.int64).prod(axis=1)
        are_many = sum(pixels[list(batch)].sum() for batch in batches) > FEW_PIXELS
        return DataLoader(
            self,
            batch_sampler=batches,
            collate_fn=stacked,
            num_workers=num_workers if are_many else 0,
            pin_memory=device.type == "cuda",
        )

    def normalised(self, pixels: "Tensor", device: "device") -> "Tensor":
        """Return a batch `(B, 3, H, W)` uint8 as float32 on `device`, channels last: [0, 1], less each channel's mean,
        divided by its standard deviation. It is normalised there, since bytes travel four times as fast."""
        import torch

        images = pixels.to(device, non_blocking=True, memory_format=torch.channels_last).float().div_(255)
        mean, std = (_per_channel(*self.normalisation[name], device) for name in ("mean", "std"))
        return images.sub_(mean).div_(std)


@functools.cache
def _per_channel(red: float, green: float, blue: float, device: "device") -> "Tensor":
    """Return three numbers, one for each channel, on the device. They are copied once, because a copy waits until
    the device has done all its work."""
    import torch

    with torch.inference_mode(False):
        return torch.tensor([red, green, blue], device=device).view(3, 1, 1)


def stack(tensors: Sequence["Tensor"]) -> "Tensor":
    """Stack tensors `(C, H, W)` as one `(n, C, H, W)`, channels last: images are decoded in this layout, so that
    copying is fast, and the convolutions want it."""
    import torch

    return torch.stack([tensor.permute(1, 2, 0) for tensor in tensors]).permute(0, 3, 1, 2)


def stack_by_shape(tensors: Sequence["Tensor"]) -> list[tuple[list[int], "Tensor"]]:
    """Stack tensors of any shapes: for each shape, return the positions in `tensors` and the stack `(n, C, H, W)`."""
    positions = defaultdict(list)
    for position, tensor in enumerate(tensors):
        positions[tensor.shape].append(position)
    return [(where, stack([tensors[i] for i in where])) for where in positions.values()]


def batches_of_one_size(images: ImageSet, rows: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return `rows` in batches of at most `batch_size` images of one stored size and box, hence of one shape."""
    by_size = defaultdict(list)
    for row in rows:
        box = () if images.boxes is None else tuple(images.boxes[row])
        by_size[(*images.sizes[row], *box)].append(int(row))
    return [same[i : i + batch_size] for same in by_size.values() for i in range(0, len(same), batch_size)]


def in_order(pool: Executor, function: Callable, items: Iterable, most: int) -> Iterator:
    """Yield `function(item)` of each item, in their order, while `pool` computes; at most `most` are held at a time."""
    begun = deque()
    for item in items:
        begun.append(pool.submit(function, item))
        if len(begun) == most:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


class Checked(NamedTuple):
    """What `check` finds: size in pixels as stored (no EXIF rotation), Pillow's mode, and whether it can be decoded."""

    width: int
    height: int
    mode: str
    is_rotated: bool  # EXIF asks viewers to turn it
    problem: str | None  # why the image cannot be decoded
    can_be_filled: bool  # the rest of a damaged image can be decoded


def read_pixels(images: ImageSet, row: int) -> np.ndarray:
    """Return the RGB pixels of image `row`, filled where the set was packed so. Raises ValueError naming an image that
    cannot be decoded."""
    data = images.read(row)
    try:
        return decode(data, fill=bool(images.filled[row]))
    except ValueError as error:
        raise ValueError(f"image {images.names[row]!r} cannot be decoded ({error})") from error


def decode(data: bytes, *, fill: bool = False) -> np.ndarray:
    """Return RGB pixels `(H, W, 3)` uint8 in stored order: boxes refer to it, so EXIF rotation is not applied.

    The pixels are Pillow's, even if a faster decoder reads them. With `fill`, the part that is missing or damaged after
    the header is filled as Pillow does with ImageFile.LOAD_TRUNCATED_IMAGES [code]: the rest of a truncated JPEG is
    grey.

    Raises ValueError, with the reason, for bytes that are not an image of FORMATS, for a damaged image unless `fill`,
    for 16 bits a channel, and for more than MAX_PIXELS.
    """
    image = opened(data)
    if fill:
        with _reasons(data):
            return np.array(_filled(image, data).convert("RGB"))
    if image.format == "JPEG" and image.mode in ("L", "RGB"):
        with contextlib.suppress(ValueError):  # damaged: Pillow decides
            return simplejpeg.decode_jpeg(data)
    with _reasons(data):
        return np.array(image.convert("RGB"))


def check(data: bytes) -> Checked:
    """Return what an image is and whether it can be decoded. A failure is returned as `problem`, not raised."""
    try:
        image = opened(data)
    except ValueError as error:
        return Checked(0, 0, "", False, str(error), False)
    found = Checked(*image.size, image.mode, _is_rotated(image), None, False)
    try:
        decode(data)
    except ValueError as error:
        found = found._replace(problem=str(error))
        with contextlib.suppress(ValueError):
            decode(data, fill=True)
            found = found._replace(can_be_filled=True)
    return found


def opened(data: bytes, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Read the header of an image. Raises ValueError, with the reason, for an image that is not within the limits."""
    with _reasons(data):
        image = Image.open(io.BytesIO(data), formats=formats)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels, at most {MAX_PIXELS} in all are accepted")
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"16 or more bits a pixel (mode {image.mode}), which turns white in RGB; 8 bits a channel are accepted"
        )
    return image


def _filled(image: Image.Image, data: bytes) -> Image.Image:
    """Return the same as LOAD_TRUNCATED_IMAGES would give, without that setting, which all threads would share.

    An end mark makes libjpeg fill the missing part. If a decoder fails, the part decoded before is kept.
    """
    if image.format in ("JPEG", "MPO"):
        image = Image.open(io.BytesIO(data + _END_OF_JPEG), formats=FORMATS)
    try:
        image.load()
    except OSError:
        image.tile = []  # nothing is left to decode
    return image


@contextlib.contextmanager
def _reasons(data: bytes):
    """Turn whatever Pillow raises about these bytes into a ValueError with the reason."""
    try:
        yield
    except Image.DecompressionBombError:
        reason = f"more than {2 * Image.MAX_IMAGE_PIXELS} pixels, at most {MAX_PIXELS} are accepted"
        raise ValueError(reason) from None
    except Image.UnidentifiedImageError:
        reason = f"no image of a known format ({', '.join(FORMATS)})" if data else "an empty file"
        raise ValueError(reason) from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ... on damaged files
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _is_rotated(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception:  # damaged EXIF, which nothing else reads
        return False
