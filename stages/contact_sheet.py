"""Draws a contact sheet of the data: queries with their easy, hard and junk images, training clusters, distractors.

Reads: <processed>/<set> of every set that is trained or tested on, <ground_truth>/<set>.json of test sets.
Writes: <sheet>, a JPEG.
"""

from pathlib import Path

import numpy as np

from aml.files.atomic import replacing
from aml.files.evaluated_lists import testing_sets
from aml.files.image_sets import read_ground_truth, read_images, read_lists, read_queries
from aml.pages.contact_sheet import contact_sheet, thumbnail
from stages.runtime import run_command

QUERIES_PER_SET, CLUSTERS = 5, 3
COLUMNS = {"easy": 4, "hard": 4, "junk": 1}
NUM_COLUMNS = 1 + sum(COLUMNS.values())


def main(processed: Path, ground_truth: Path, sheet: Path, values: dict) -> None:
    sets = testing_sets(values)
    rows = training_rows(processed / sets["train_set"])
    for name in sets["test_sets"]:
        rows += test_rows(processed / name, ground_truth / f"{name}.json")
    distractors = read_images(processed / sets["distractors"]) if sets["distractors"] is not None else ()
    if len(distractors):
        shown = spread(len(distractors), NUM_COLUMNS)
        rows.append((sets["distractors"], [("", thumbnail(distractors, row)) for row in shown]))
    with replacing(sheet) as path:
        contact_sheet(rows).save(path, format="JPEG", quality=90)


def training_rows(folder: Path) -> list:
    """Return the first images of the first, the middle and the last cluster."""
    images, lists = read_images(folder), read_lists(folder)
    clusters = np.unique(lists["train_clusters"])
    rows = []
    for cluster in clusters[spread(len(clusters), CLUSTERS)]:
        members = lists["train_images"][lists["train_clusters"] == cluster][:NUM_COLUMNS]
        rows.append((f"{folder.name}\ncluster {cluster}", [("", thumbnail(images, row)) for row in members]))
    return rows


def test_rows(folder: Path, labels: Path) -> list:
    """Return queries with their boxes, then images that the ground truth calls easy, hard and junk."""
    queries, database = read_queries(folder), read_images(folder)
    ground_truth = read_ground_truth(labels)
    rows = []
    for query in spread(len(queries), QUERIES_PER_SET):
        pictures = [("query", thumbnail(queries, query, has_box=True))]
        for label, count in COLUMNS.items():
            found = [(label, thumbnail(database, row)) for row in ground_truth[query][label][:count]]
            pictures += found + [None] * (count - len(found))
        rows.append((f"{folder.name}\nquery {query}", pictures))
    return rows


def spread(available: int, count: int) -> np.ndarray:
    """Return at most `count` numbers below `available`, spread evenly from the first to the last."""
    return np.unique(np.linspace(0, available - 1, min(count, available)).round().astype(np.int64))


if __name__ == "__main__":
    run_command(main)
