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
import math
import os
import tarfile
from array import array
from pathlib import Path

import numpy as np

from aml.files.atomic import damaged, read_json, read_npz

FILES = ("images.tar", "images.csv", "queries.csv", "lists.npz", "report.json")
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
    fill; boxes: (N, 4) float64 x0,y0,x1,y1 or None.
    It may be pickled and forked: each process opens images.tar by itself, and reads do not move a shared position.
    """

    def __init__(self, tar, names, spans, sizes, filled, boxes=None):
        self.names, self.sizes, self.filled, self.boxes = names, sizes, filled, boxes
        self._tar, self._spans, self._descriptor = Path(tar), spans, None

    def __len__(self):
        return len(self.names)

    def read(self, row: int) -> bytes:
        """The stored bytes of one image. Raises ValueError for a row outside 0..N-1, and if images.tar holds another
        image there.
        """
        if not 0 <= row < len(self):
            raise ValueError(f"row {row} of {self._tar.parent}: accepted are 0 to {len(self) - 1}")
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

    def digest(self) -> str:
        """sha256 (hex) of the list: names, sizes and boxes, in row order."""
        digest = hashlib.sha256()
        for row, (name, (width, height)) in enumerate(zip(self.names, self.sizes.tolist(), strict=True)):
            box = "" if self.boxes is None else "\t".join(map(repr, self.boxes[row].tolist()))
            digest.update(f"{name}\t{width}\t{height}\t{box}\n".encode())
        return digest.hexdigest()

    def pack_digest(self) -> str:
        """sha256 (hex) of the list and of all bytes of its images."""
        path = self._tar.with_name("report.json")
        packed = read_json(path, "images_sha256")["images_sha256"]
        digest = hashlib.sha256(f"{self.digest()} {packed}".encode())
        digest.update(self._spans.tobytes() + self.filled.tobytes())
        return digest.hexdigest()

    def subset(self, rows: np.ndarray) -> "ImageSet":
        """The list of these rows, in this order, over the same images.tar."""
        boxes = None if self.boxes is None else self.boxes[rows]
        names = [self.names[row] for row in rows]
        return ImageSet(self._tar, names, self._spans[rows], self.sizes[rows], self.filled[rows], boxes)

    def close(self):
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self):
        self.close()

    def __getstate__(self):
        return {**self.__dict__, "_descriptor": None}


def read_images(folder) -> ImageSet:
    """Read the images of images.csv. Raises ValueError for a folder, line or number that breaks the format."""
    return _read_list(Path(folder), "images.csv", COLUMNS)


def read_queries(folder) -> ImageSet:
    """Read the queries of queries.csv with their boxes. Raises ValueError as `read_images` does, and for a query
    without a box: the whole image is never taken instead."""
    return _read_list(Path(folder), "queries.csv", COLUMNS + BOX_COLUMNS)


def read_lists(folder) -> dict[str, np.ndarray]:
    """Read the arrays of lists.npz by name (`LISTS`), each (n,) int64. Raises ValueError for a damaged file."""
    return read_npz(_existing(Path(folder), "lists.npz"), LISTS)


def read_ground_truth(path, num_queries: int, num_database: int) -> list[dict[str, np.ndarray]]:
    """Read the database rows of each label, (n,) int64 each, per query in the order of queries.csv.

    Raises ValueError for a file of another format: a row outside the database, a row with two labels, another number of
    queries than `num_queries`.
    """
    path = _existing(Path(path).parent, Path(path).name)
    ground_truth = read_json(path, "queries")["queries"]
    check_ground_truth(ground_truth, num_queries, num_database, path)
    return [{label: np.array(query[label], dtype=np.int64) for label in LABELS} for query in ground_truth]


def check_ground_truth(ground_truth: list, num_queries: int, num_database: int, where):
    """Raises ValueError, naming `where`, unless `ground_truth` has the format of a ground truth."""
    if not isinstance(ground_truth, list) or len(ground_truth) != num_queries:
        found = f"{len(ground_truth)} entries" if isinstance(ground_truth, list) else type(ground_truth).__name__
        raise ValueError(
            f"{where}: {found} where a list with one entry for each of the {num_queries} queries is expected"
        )
    for query, labels in enumerate(ground_truth):
        if not isinstance(labels, dict) or set(labels) != set(LABELS):
            raise ValueError(f"{where}: query {query} needs exactly the labels {', '.join(LABELS)}")
        seen = {}
        for label in LABELS:
            if not isinstance(labels[label], list):
                raise ValueError(f"{where}: query {query}, {label}: a list of database rows is expected")
            for row in labels[label]:
                if type(row) is not int or not 0 <= row < num_database:
                    raise ValueError(
                        f"{where}: query {query}, {label}: {str(row)[:40]} is no database row, "
                        f"accepted are 0 to {num_database - 1}"
                    )
                if row in seen:
                    raise ValueError(f"{where}: query {query}: row {row} is labelled {seen[row]} and again {label}")
                seen[row] = label


def check_distinct(names: list, where):
    """Raises ValueError, naming `where`, for the first name that comes twice."""
    if len(set(names)) != len(names):
        seen = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise ValueError(f"{where}: {twice!r} is listed twice")


def check_box(box, width: int, height: int, where):
    """Raises ValueError, naming `where`, unless box (x0, y0, x1, y1) covers a pixel of a width x height image.

    A box that only reaches over the border is accepted: cropping as upstream does (Pillow's `crop`, coordinates
    rounded) fills the outside with black.
    """
    if len(box) != 4 or not all(math.isfinite(x) for x in box):
        raise ValueError(f"{where}: box {list(box)} where four finite numbers x0, y0, x1, y1 are expected")
    x0, y0, x1, y1 = (round(x) for x in box)
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"{where}: box {list(box)} is empty; x0 < x1 and y0 < y1 are expected, in whole pixels")
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise ValueError(f"{where}: box {list(box)} lies outside its image of {width} x {height} pixels")
    if x1 - x0 > 2 * width or y1 - y0 > 2 * height:
        raise ValueError(f"{where}: box {list(box)} is more than twice its image of {width} x {height} pixels")


def _existing(folder, filename):
    if not (folder / filename).is_file():
        raise ValueError(f"no {filename} in {folder}: run preprocess for this set first")
    return folder / filename


def _read_list(folder, filename, columns) -> ImageSet:
    path, tar = _existing(folder, filename), _existing(folder, "images.tar")
    extra = sorted(x for x in os.listdir(folder) if x not in FILES and not x.startswith("."))
    if extra:
        raise ValueError(f"{folder}: unexpected {extra[0]!r}; an image set holds nothing but {', '.join(FILES)}")
    names, numbers, boxes, row = [], array("q"), array("d"), -1
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = next(lines, [])
            if header != columns:
                raise ValueError(f"header {','.join(header)!r} where {','.join(columns)!r} is expected")
            for row, line in enumerate(lines):
                if len(line) != len(columns) or line[0] != str(row):
                    raise ValueError(f"{line} where row {row} with {len(columns)} values is expected")
                names.append(line[1])
                numbers.extend(map(int, line[2 : len(COLUMNS)]))
                boxes.extend(map(float, line[len(COLUMNS) :]))
        except (ValueError, OverflowError, csv.Error) as error:  # a UnicodeDecodeError is a ValueError
            raise ValueError(f"{path}, line {row + 2}: {error}") from None
    numbers = np.array(numbers, dtype=np.int64).reshape(-1, len(COLUMNS) - 2)
    spans, sizes, filled = numbers[:, [0, 1]], numbers[:, [2, 3]], numbers[:, 4]
    _check_rows(names, spans, sizes, filled, tar.stat().st_size, path)
    if len(columns) == len(COLUMNS):
        return ImageSet(tar, names, spans, sizes, filled == 1)
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    for name, box, size in zip(names, boxes.tolist(), sizes.tolist(), strict=True):
        check_box(box, *size, f"{path}, query {name!r}")
    return ImageSet(tar, names, spans, sizes, filled == 1, boxes)


def _check_rows(names, spans, sizes, filled, tar_bytes, path):
    check_distinct(names, path)
    bad = (spans[:, 0] < tarfile.BLOCKSIZE) | (spans[:, 1] < 1) | (spans[:, 1] > tar_bytes - spans[:, 0])
    bad |= (sizes < 1).any(axis=1) | (filled < 0) | (filled > 1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{path}: row {row} ({names[row]!r}) has bytes {spans[row].tolist()}, size {sizes[row].tolist()}, filled "
            f"{filled[row]}; accepted are spans inside images.tar of {tar_bytes} bytes, sizes above 0, filled 0 or 1"
        )
