"""The index of a teacher's database: a folder that holds together or is refused, searched without torch.

index.faiss      the whitened descriptors, as faiss writes them
images.csv       set,name,width,height: line i is row i of the index; pixels in stored order
whitening.npz    the whitening that the rows went through, for further queries of the teacher itself
index.json       the teacher, how it described the images, the kind of index, and the sha256 of the three files
"""

import csv
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np

from aml.files.atomic import damaged, read_json, replacing_folder, write_json
from aml.files.digests import file_sha256
from aml.files.whitening import FILENAME as WHITENING
from aml.files.whitening import Whitening, write_whitening

DESCRIPTION, VECTORS, IMAGES = "index.json", "index.faiss", "images.csv"
FILES = (VECTORS, IMAGES, WHITENING)


class Image(NamedTuple):
    """One image of the database."""

    set: str
    name: str
    width: int
    height: int


class Result(NamedTuple):
    rank: int  # from 1
    similarity: float
    set: str
    name: str


def write_index(folder: Path, index: faiss.Index, images: list[Image], whitening: Whitening, *, about: dict) -> None:
    """Write the folder. images: one for each row of the index. about: `teacher` and what else index.json says."""
    with replacing_folder(folder) as temporary:
        faiss.write_index(index, str(temporary / VECTORS))
        with open(temporary / IMAGES, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([Image._fields, *images])
        write_whitening(temporary, whitening)
        files = {name: file_sha256(temporary / name) for name in FILES}
        size = {"rows": index.ntotal, "dimension": index.d}
        write_json(temporary / DESCRIPTION, {**about, **size, "files": files})


class Index:
    """An index folder, opened. `about` is index.json, `images` has one entry for each row.

    Raises ValueError for a folder that is not an index, and for files that are damaged or do not belong together.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not (self.folder / DESCRIPTION).exists():
            raise ValueError(f"{folder} is not an index: there is no {DESCRIPTION}; `make search` writes one")
        self.about = read_json(self.folder / DESCRIPTION, "teacher", "files")
        for name in FILES:
            path = self.folder / name
            if not path.exists() or file_sha256(path) != self.about["files"].get(name):
                raise damaged(path, f"it is not the file that {DESCRIPTION} names")
        self.faiss = faiss.read_index(str(self.folder / VECTORS))
        with open(self.folder / IMAGES, encoding="utf-8", newline="") as file:
            self.images = [Image(line[0], line[1], int(line[2]), int(line[3])) for line in list(csv.reader(file))[1:]]

    def require_teacher(self, teacher: dict, where: Path) -> None:
        """Raise ValueError unless `teacher`, with `key`, `sha256` and `whitening`, has made this index."""
        if teacher != self.about["teacher"]:
            raise ValueError(
                f"{self.folder} is the index of {named(self.about['teacher'])}, but {where} belongs to "
                f"{named(teacher)}: descriptors of the two can't be compared; index that teacher, or export a student "
                "of this one"
            )

    def search(self, descriptor: np.ndarray, top: int) -> list[Result]:
        """Return the `top` rows most similar to a whitened descriptor `(D,)`, or all rows if there are fewer. An
        index that is not exact may find fewer."""
        similarities, rows = self.faiss.search(descriptor[None], min(top, len(self.images)))
        found = zip(similarities[0].tolist(), rows[0].tolist(), strict=True)  # row -1, at the end: none was found
        return [
            Result(rank, similarity, self.images[row].set, self.images[row].name)
            for rank, (similarity, row) in enumerate(found, start=1)
            if row >= 0
        ]


def named(teacher: dict) -> str:
    """Return a teacher in words, with the beginnings of its digests."""
    return f"{teacher['key']} ({teacher['sha256'][:8]}, whitening {teacher['whitening'][:8]})"
