"""From stored bytes to normalised tensors: one preprocessing for training, targets and testing.

Order matters and is the protocol's (METHOD, Sec. 4): decode to RGB, crop a query to its box, then shrink.
"""

import functools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from aml.decoding import read_pixels
from aml.files.image_sets import ImageSet

FEW_PIXELS = 50_000_000  # decoded in half a second; two processes that do it take as long to start


def shrink(pixels: np.ndarray, longer_side: float) -> np.ndarray:
    """Pixels `(H, W, 3)` with the longer side at most `longer_side`: Lanczos, aspect kept, never enlarged."""
    if max(pixels.shape[:2]) <= longer_side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.array(image)


def crop_and_shrink(pixels: np.ndarray, box: Sequence[float], longer_side: float) -> np.ndarray:
    """A query: cropped to `box` = (x0, y0, x1, y1) pixels, then shrunk by as much as its whole image would be."""
    cropped = np.array(Image.fromarray(pixels).crop(tuple(box)))
    return shrink(cropped, longer_side * max(cropped.shape[:2]) / max(pixels.shape[:2]))


class ImageTensors(Dataset):
    """The pixels `(3, H, W)` uint8 of an image set, by row; cropped where the set has boxes."""

    def __init__(self, images: ImageSet, *, image_size: int, normalisation: dict):
        self.images, self.image_size, self.normalisation = images, image_size, normalisation

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> torch.Tensor:
        pixels = read_pixels(self.images, row)
        if self.images.boxes is None:
            pixels = shrink(pixels, self.image_size)
        else:
            pixels = crop_and_shrink(pixels, self.images.boxes[row], self.image_size)
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def __getitems__(self, rows: Sequence[int]) -> list[torch.Tensor]:
        return [self[row] for row in rows]

    def normalised(self, pixels: torch.Tensor, device: torch.device) -> torch.Tensor:
        """A batch `(B, 3, H, W)` uint8 as float32 on `device`, channels last: [0, 1], less each channel's mean, divided
        by its standard deviation. There, and not image by image, since bytes travel four times as fast."""
        images = pixels.to(device, non_blocking=True, memory_format=torch.channels_last).float().div_(255)
        mean, std = (_per_channel(*self.normalisation[name], device) for name in ("mean", "std"))
        return images.sub_(mean).div_(std)


@functools.cache
@torch.inference_mode(False)
def _per_channel(red: float, green: float, blue: float, device: torch.device) -> torch.Tensor:
    """Brought to the device once: such a copy waits for all that the device has to do."""
    return torch.tensor([red, green, blue], device=device).view(3, 1, 1)


def stack(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tensors `(C, H, W)` as one `(n, C, H, W)`, channels last: as images are decoded, so that they are copied as they
    lie, and as the convolutions want them."""
    return torch.stack([tensor.permute(1, 2, 0) for tensor in tensors]).permute(0, 3, 1, 2)


def stack_by_shape(tensors: Sequence[torch.Tensor]) -> list[tuple[list[int], torch.Tensor]]:
    """Tensors of any shapes as few batches: for each shape, the positions in `tensors` and the stack `(n, C, H, W)`."""
    positions = defaultdict(list)
    for position, tensor in enumerate(tensors):
        positions[tensor.shape].append(position)
    return [(where, stack([tensors[i] for i in where])) for where in positions.values()]


def batches_of_one_size(images: ImageSet, rows: Sequence[int], batch_size: int) -> list[list[int]]:
    """`rows` in batches of at most `batch_size` images of one stored size, hence of one shape (boxes aside)."""
    by_size = defaultdict(list)
    for row in rows:
        box = () if images.boxes is None else tuple(images.boxes[row])
        by_size[(*images.sizes[row], *box)].append(int(row))
    return [same[i : i + batch_size] for same in by_size.values() for i in range(0, len(same), batch_size)]


def decoding_processes(images: ImageSet, batches: Sequence[Sequence[int]], num_workers: int) -> int:
    """How many processes shall decode these rows: `num_workers`, or 0, the stage's own, for few pixels."""
    pixels = images.sizes.astype(np.int64).prod(axis=1)
    return num_workers if sum(pixels[list(batch)].sum() for batch in batches) > FEW_PIXELS else 0
