"""Read image sets: data/processed/<set> and data/ground_truth/<set>.json, as the stage `preprocess` writes them.

images.tar         plain tar of the images' own bytes
images.csv         row,name,offset,bytes,width,height,filled; line i is row i of every array about this set.
                   offset: position of the image's data in images.tar; width, height: pixels in stored order (no EXIF
                   rotation); filled: 1 for a damaged image that is decoded as far as it goes, 0 for a whole one
queries.csv        test sets: the same columns and x0,y0,x1,y1, the annotated box in pixels (floats)
lists.npz          training sets: int64 arrays, rows of images.csv (`LISTS`)
report.json        kind, counts, what was odd about the images and the lists, and the sha256 of images.tar

The ground truth of a test set is a file of its own, since descriptors do not depend on it: {"queries": a list with
{"easy", "hard", "junk"} for each query, rows of images.csv; and what was odd about the labels}; {} for other sets.
"""

import csv
import hashlib
import os
from array import array
from pathlib import Path

import numpy as np

from aml.files.atomic import damaged, read_json, read_npz
from aml.files.digests import file_sha256

COLUMNS = ["row", "name", "offset", "bytes", "width", "height", "filled"]
BOX_COLUMNS = ["x0", "y0", "x1", "y1"]
LISTS = (
    "train_images", "train_clusters", "train_queries", "train_positives",
    "val_images", "val_clusters", "val_queries", "val_positives",
    "whitening_queries", "whitening_positives",
)  # fmt: skip
LABELS = ("easy", "hard", "junk")


class ImageSet:
    """A list of N images and their bytes.

    names: list of str; sizes: (N, 2) int64, width and height in pixels; filled: (N,) bool, damaged images that readers
    fill; boxes: (N, 4) float64 x0,y0,x1,y1 or None; digest: sha256 (hex) of its file, of a subset also of its rows.
    It may be pickled and forked: each process opens images.tar by itself, and reads do not move a shared position.
    """

    def __init__(self, tar, names, spans, sizes, filled, digest, boxes=None):
        self.names, self.sizes, self.filled, self.digest, self.boxes = names, sizes, filled, digest, boxes
        self._tar, self._spans, self._descriptor = Path(tar), spans, None

    def __len__(self):
        return len(self.names)

    def read(self, row: int) -> bytes:
        """Return the stored bytes of one image. Raises ValueError if images.tar holds another image there."""
        if self._descriptor is None:
            self._descriptor = os.open(self._tar, os.O_RDONLY)
        offset, length = (int(x) for x in self._spans[row])
        block = os.pread(self._descriptor, 512 + length, offset - 512)  # the tar header tells whose bytes follow
        name, stored = self.names[row].encode(), block[:100].rstrip(b"\0")
        if len(block) < 512 + length or not stored or not (name.startswith(stored) or name.endswith(stored)):
            raise damaged(
                self._tar, f"it does not hold {self.names[row]!r} ({length} bytes) at byte {offset}, as row {row} says"
            )
        return block[512:]

    def pack_digest(self) -> str:
        """Return the sha256 (hex) of the list and of all bytes of its images."""
        packed = read_json(self._tar.with_name("report.json"), "images_sha256")["images_sha256"]
        return hashlib.sha256(f"{self.digest} {packed}".encode()).hexdigest()

    def subset(self, rows: np.ndarray) -> "ImageSet":
        """Return the list of these rows, in this order, over the same images.tar."""
        boxes = None if self.boxes is None else self.boxes[rows]
        names = [self.names[row] for row in rows]
        digest = hashlib.sha256(f"{self.digest} {np.asarray(rows).tolist()}".encode()).hexdigest()
        return ImageSet(self._tar, names, self._spans[rows], self.sizes[rows], self.filled[rows], digest, boxes)

    def __del__(self):
        if self._descriptor is not None:
            os.close(self._descriptor)

    def __getstate__(self):
        return {**self.__dict__, "_descriptor": None}


def read_images(folder) -> ImageSet:
    """Read the images of images.csv. Raises ValueError for a missing file and for a line that breaks the format."""
    return _read_list(Path(folder), "images.csv", COLUMNS)


def read_queries(folder) -> ImageSet:
    """Read the queries of queries.csv with their boxes.

    Raises ValueError as `read_images` does, and for a query without a box: the whole image is never taken instead.
    """
    return _read_list(Path(folder), "queries.csv", COLUMNS + BOX_COLUMNS)


def read_lists(folder) -> dict[str, np.ndarray]:
    """Read the arrays of lists.npz by name (`LISTS`), each (n,) int64. Raises ValueError for a damaged file."""
    return read_npz(existing(Path(folder), "lists.npz"), LISTS)


def read_ground_truth(path) -> list[dict[str, np.ndarray]]:
    """Read the database rows of each label, (n,) int64 each, for each query in the order of queries.csv.

    Raises ValueError for a damaged file.
    """
    path = Path(path)
    ground_truth = read_json(existing(path.parent, path.name), "queries")["queries"]
    return [{label: np.array(query[label], dtype=np.int64) for label in LABELS} for query in ground_truth]


def existing(folder: Path, filename: str) -> Path:
    """Return the path of a set's file. Raises ValueError where there is none."""
    if not (folder / filename).is_file():
        raise ValueError(f"no {filename} in {folder}: run preprocess for this set first")
    return folder / filename


def _read_list(folder, filename, columns) -> ImageSet:
    path, tar = existing(folder, filename), existing(folder, "images.tar")
    names, numbers, boxes, line = [], array("q"), array("d"), columns
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            next(lines, None)
            for line in lines:
                if len(line) != len(columns):
                    raise ValueError(f"{len(columns)} values are expected")
                names.append(line[1])
                numbers.extend(map(int, line[2 : len(COLUMNS)]))
                boxes.extend(map(float, line[len(COLUMNS) :]))
        except (ValueError, OverflowError, csv.Error) as error:  # a UnicodeDecodeError is a ValueError
            raise damaged(path, f"line {lines.line_num} is {','.join(line)!r} ({error})") from None
    numbers = np.array(numbers, dtype=np.int64).reshape(-1, len(COLUMNS) - 2)
    spans, sizes, filled = numbers[:, [0, 1]], numbers[:, [2, 3]], numbers[:, 4] == 1
    boxes = None if columns == COLUMNS else np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return ImageSet(tar, names, spans, sizes, filled, file_sha256(path), boxes)
