"""The image lists of testing, which are the arrays of a descriptor folder, and what was odd about the sets."""

from pathlib import Path

import numpy as np

from aml.files.atomic import read_json
from aml.files.image_sets import ImageSet, read_images, read_lists, read_queries
from aml.params.reading import setting

KINDS = {"train_set": str | None, "test_sets": list[str], "distractors": str | None}


def testing_sets(values: dict) -> dict:
    """The entries of section `grid` in params.yaml that say which sets networks are tested on: `KINDS`."""
    return {name: setting(values, f"grid.{name}", kind) for name, kind in KINDS.items()}


def testing_lists(processed: Path, *, train_set: str | None, test_sets: list[str], distractors: str | None):
    """Read the image sets of testing by array name, and the pairs that whitening is learned from.

    Names: `<test set>.queries` (with boxes), `<test set>.database`, `<train set>.whitening` and
    `<distractors>.database`, if there are any. Pairs: (queries, positives), int64 rows of the whitening array; None
    without a training set, when every network owns its whitening."""
    images: dict[str, ImageSet] = {}
    for test_set in test_sets:
        images[f"{test_set}.queries"] = read_queries(processed / test_set)
        images[f"{test_set}.database"] = read_images(processed / test_set)
    whitening_pairs = None
    if train_set is not None:
        lists = read_lists(processed / train_set)
        pairs = lists["whitening_queries"], lists["whitening_positives"]
        rows = np.union1d(*pairs)  # each image once, by rising row
        images[f"{train_set}.whitening"] = read_images(processed / train_set).subset(rows)
        whitening_pairs = tuple(np.searchsorted(rows, side) for side in pairs)
    if distractors is not None:
        listed = read_images(processed / distractors)
        images |= {f"{distractors}.database": listed} if len(listed) else {}
    return images, whitening_pairs


def odd_counts(processed: Path, ground_truth: Path, test_sets: list[str]) -> dict[str, dict[str, int]]:
    """Test set -> what `preprocess` found odd about its queries and labels, in words, and how often."""
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
    """How many damaged images of each set `preprocess` left out (`num_excluded`) or let readers fill (`num_filled`)."""
    names = [name for name in (train_set, *test_sets, distractors) if name is not None]
    reports = {name: read_json(processed / name / "report.json") for name in names}
    return {
        f"num_{fate}": {name: len(report[fate]) for name, report in reports.items()} for fate in ("excluded", "filled")
    }
