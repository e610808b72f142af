"""Write image sets. `aml.files.image_sets` describes the files and reads them."""

import csv
import hashlib
import re
import tarfile
from array import array
from pathlib import Path

import numpy as np

from aml.files.atomic import write_json
from aml.files.image_sets import BOX_COLUMNS, COLUMNS, LISTS

_NUMBERS = len(COLUMNS) - 2  # of an image: all columns but row and name
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PackWriter:
    """Writes images.tar into `folder`, image after image, and lists over it:

    with PackWriter(folder) as pack:
        pack.add(name, data, width, height)
        pack.write_list("images.csv", names)
        pack.write_report({"kind": "test"})

    The bytes of images.tar depend on names, data and their order alone. Images are not kept in memory.
    """

    def __init__(self, folder):
        self.folder, self._digest = Path(folder), hashlib.sha256()
        self._index = {}  # name -> index of the image
        self._numbers = array("q")  # offset, bytes, width, height, filled of each image

    def __enter__(self):
        self._file = open(self.folder / "images.tar", "wb", buffering=1 << 20)
        return self

    def __exit__(self, *error):
        self._file.close()

    def __contains__(self, name):
        return name in self._index

    def add(self, name: str, data: bytes, width: int, height: int, *, filled: bool = False):
        """Append one image of `width` x `height` pixels. `filled`: it is damaged, and readers fill it. Raises
        ValueError for a name that can't be written."""
        if problem := unwritable(name):
            raise ValueError(f"image name {name!r}: {problem}")
        header = tarfile.TarInfo(name)  # time, owner and group stay 0
        header.size = len(data)
        self._write(header.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict"))
        self._index[name] = len(self._index)
        self._numbers.extend([self._file.tell(), len(data), int(width), int(height), int(filled)])
        self._write(data)
        self._write(bytes(-len(data) % tarfile.BLOCKSIZE))

    def _write(self, data):
        self._file.write(data)
        self._digest.update(data)

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height of a packed image, pixels."""
        start = self._index[name] * _NUMBERS
        return self._numbers[start + 2], self._numbers[start + 3]

    def write_list(self, filename: str, names: list[str], boxes=None, images: list[str] | None = None):
        """Write a list of packed images in the order of `names`; boxes: x0,y0,x1,y1 in pixels for each name.

        images: the packed images' names, if those of the list differ from them; each name of the list starts with its
        image's.
        """
        with open(self.folder / filename, "w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(COLUMNS if boxes is None else COLUMNS + BOX_COLUMNS)
            boxes = boxes or [[]] * len(names)
            for row, (name, image, box) in enumerate(zip(names, images or names, boxes, strict=True)):
                start = self._index[image] * _NUMBERS
                lines.writerow([row, name, *self._numbers[start : start + _NUMBERS], *map(float, box)])

    def write_report(self, report: dict):
        """End images.tar, and write report.json: `report` and the sha256 of images.tar."""
        self._write(bytes(1024 + -(self._file.tell() + 1024) % tarfile.RECORDSIZE))  # zeros, up to a whole record
        write_json(self.folder / "report.json", {**report, "images_sha256": self._digest.hexdigest()})


def unwritable(name: str) -> str | None:
    """Return why an image of this name can't be packed, or None."""
    if not name or _CONTROL.search(name):
        return "at least one character and no control characters are accepted"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode text"
    return None


def write_lists(folder, lists: dict[str, np.ndarray]):
    """Write lists.npz: `LISTS`, int64 (n,) each, rows of images.csv. Equal lists give equal bytes."""
    np.savez(Path(folder) / "lists.npz", **{name: lists[name] for name in LISTS})
