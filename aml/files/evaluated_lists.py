"""Which image lists testing describes: the arrays of a descriptor folder, by name."""

from pathlib import Path

import numpy as np

from aml.files.atomic import read_json
from aml.files.image_sets import ImageSet, read_images, read_lists, read_queries
from aml.params.reading import setting

KINDS = {"train_set": str | None, "test_sets": list[str], "distractors": str | None}


def testing_sets(values: dict) -> dict:
    """The names under `grid` in params.yaml that say on what networks are tested: `KINDS`, and nothing else of it."""
    return {name: setting(values, f"grid.{name}", kind) for name, kind in KINDS.items()}


def testing_lists(processed: Path, *, train_set: str | None, test_sets: list[str], distractors: str | None):
    """Array name -> image set: `<test set>.queries` (with boxes) and `<test set>.database`, `<train set>.whitening`,
    and `<distractors>.database`, unless there is none; and the whitening's (queries, positives) as rows of its own
    array, int64, None without a training set, where every network owns its whitening."""
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
    """Test set -> what preprocess found odd about its queries and labels, in words, and how often; {} for nothing."""
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
    """How many images of each set preprocess left out, `num_excluded`, or took filled, `num_filled`, since they are
    damaged: two dicts by set name."""
    names = [name for name in (train_set, *test_sets, distractors) if name is not None]
    reports = {name: read_json(processed / name / "report.json") for name in names}
    return {
        f"num_{fate}": {name: len(report[fate]) for name, report in reports.items()} for fate in ("excluded", "filled")
    }
