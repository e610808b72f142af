"""The image lists of testing, which are the arrays of a descriptor folder, and how often something was odd about the
sets."""

from itertools import islice
from pathlib import Path

import numpy as np

from aml.files.atomic import read_json
from aml.files.digests import file_sha256
from aml.files.image_sets import ImageSet, existing, read_images, read_lists, read_queries
from aml.params.reading import setting

KINDS = {"train_set": str | None, "test_sets": list[str], "distractors": str | None}


def testing_sets(values: dict) -> dict:
    """Return the entries of section `grid` in params.yaml that say on which sets networks are tested (`KINDS`)."""
    return {name: setting(values, f"grid.{name}", kind) for name, kind in KINDS.items()}


def testing_lists(processed: Path, **sets) -> dict[str, ImageSet]:
    """Read the image sets of testing by array name: `<test set>.queries` (with boxes), `<test set>.database`, and
    `<distractors>.database` if there are any. `sets`: as `testing_sets` gives them."""
    found = {}
    for name, path in _files(processed, **sets).items():
        read = read_queries if name.endswith(".queries") else read_images
        found[name] = read(path.parent)
    return found


def testing_digests(processed: Path, **sets) -> dict[str, str]:
    """Return the digests of the lists that `testing_lists` gives, without reading their lines: a million lines take
    seconds."""
    return {name: file_sha256(path) for name, path in _files(processed, **sets).items()}


def _files(processed: Path, *, test_sets: list[str], distractors: str | None, **_) -> dict[str, Path]:
    files = {}
    for name in test_sets:
        files[f"{name}.queries"] = processed / name / "queries.csv"
        files[f"{name}.database"] = processed / name / "images.csv"
    if distractors is not None:
        path = existing(processed / distractors, "images.csv")
        with open(path, "rb") as file:
            if len(list(islice(file, 2))) == 2:  # the header, and an image
                files[f"{distractors}.database"] = path
    return files


def whitening_list(folder: Path) -> tuple[ImageSet, tuple[np.ndarray, np.ndarray]]:
    """Read the images of a training set's whitening pairs, each once, by rising row, and the pairs.

    Pairs are rows of this list: (queries, positives), int64.
    """
    lists = read_lists(folder)
    pairs = lists["whitening_queries"], lists["whitening_positives"]
    rows = np.union1d(*pairs)
    return read_images(folder).subset(rows), tuple(np.searchsorted(rows, side) for side in pairs)


def odd_counts(processed: Path, ground_truth: Path, test_sets: list[str]) -> dict[str, dict[str, int]]:
    """Return for each test set what `preprocess` found odd about its queries and labels, in words, and how often."""
    found = {}
    for name in test_sets:
        of_images, of_labels = read_json(processed / name / "report.json"), read_json(ground_truth / f"{name}.json")
        counts = {
            "queries without a positive": len(of_labels["queries_without_positives"]),
            "queries that are in the database": of_images["queries_in_database"],
            "queries whose image is listed again": of_images["queries_listed_again"],
            "unknown keys in the ground truth": len(of_labels["unknown_keys"]),
        }
        found[name] = {what: count for what, count in counts.items() if count}
    return found


def bad_image_counts(processed: Path, *, train_set: str | None, test_sets: list[str], distractors: str | None) -> dict:
    """Return how many damaged images of each set `preprocess` left out (`num_excluded`) or let readers fill
    (`num_filled`)."""
    names = [name for name in (train_set, *test_sets, distractors) if name is not None]
    reports = {name: read_json(processed / name / "report.json") for name in names}
    return {
        f"num_{fate}": {name: len(report[fate]) for name, report in reports.items()} for fate in ("excluded", "filled")
    }
