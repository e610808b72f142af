"""Write the lists of a test set: database, queries with their boxes, ground truth."""

import math
from collections import Counter
from dataclasses import dataclass

from aml.datasets.image_set_writer import PackWriter


@dataclass
class GroundTruth:
    """The queries and the database of a test set, and which images answer each query."""

    database: list[str]
    queries: list[str]  # one image may be listed again, with another box
    boxes: list[list[float]]  # x0, y0, x1, y1 of each query, pixels
    labels: list[dict[str, list[int]]]  # per query, rows of the database
    unknown_keys: Counter  # how often each key or column occurs that is not read


def write_test_lists(pack: PackWriter, found: GroundTruth, where: str) -> dict:
    """Write images.csv and queries.csv, and return the entries of report.json about them.

    Raises ValueError, naming `where`, for a box that misses its image.
    """
    database, queries, boxes = found.database, found.queries, found.boxes
    pack.write_list("images.csv", database)
    over = [
        query
        for query, box in zip(queries, boxes, strict=True)
        if _is_over_the_border(box, *pack.size(query), f"{where}, query {query!r}")
    ]
    pack.write_list("queries.csv", own_names(queries), boxes, images=queries)
    return {
        "kind": "test",
        "queries": len(queries),
        "database": len(database),
        "queries_in_database": len(set(queries) & set(database)),
        "queries_listed_again": len(queries) - len(set(queries)),
        "boxes_over_the_border": over,
    }


def labels_and_oddities(found: GroundTruth) -> dict:
    """Return the ground truth as `aml.files.image_sets` describes it, with what is odd about it."""
    names = own_names(found.queries)
    without = [name for name, rows in zip(names, found.labels, strict=True) if not rows["easy"] + rows["hard"]]
    odd = {"queries_without_positives": without, "unknown_keys": dict(sorted(found.unknown_keys.items()))}
    return {"queries": found.labels, **odd}


def own_names(queries: list[str]) -> list[str]:
    """Return a name for each query: the name of its image, or "<name> (2)" and so on if the image is listed again
    (with another box)."""
    names, listed = [], Counter()
    for query in queries:
        listed[query] += 1
        names.append(query if listed[query] == 1 else f"{query} ({listed[query]})")
    return names


def _is_over_the_border(box, width: int, height: int, where) -> bool:
    """Return whether box (x0, y0, x1, y1) reaches over the border of a width x height image, which is accepted:
    cropping as upstream does (Pillow's `crop`, coordinates rounded) fills the outside with black.

    Raises ValueError, naming `where`, unless the box covers a pixel of the image.
    """
    if not all(map(math.isfinite, box)):
        raise ValueError(f"{where}: box {list(box)} where four finite numbers x0, y0, x1, y1 are expected")
    x0, y0, x1, y1 = (round(x) for x in box)
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"{where}: box {list(box)} is empty; x0 < x1 and y0 < y1 are expected, in whole pixels")
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise ValueError(f"{where}: box {list(box)} lies outside its image of {width} x {height} pixels")
    if x1 - x0 > 2 * width or y1 - y0 > 2 * height:
        raise ValueError(f"{where}: box {list(box)} is more than twice its image of {width} x {height} pixels")
    return x0 < 0 or y0 < 0 or x1 > width or y1 > height
