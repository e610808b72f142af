"""Tiny packed sets: a training set `train`, a test set `test` and distractors `crowd`, of noise in many sizes; the
parameters of an extraction; descriptor folders of random rows."""

from pathlib import Path

import numpy as np

from aml.datasets.image_set_writer import PackWriter, write_lists
from aml.files.atomic import write_json
from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.image_sets import LISTS
from aml.files.whitening import Whitening, whitening_digest, write_whitening
from tests.pictures import encoded
from tests.vectors import unit

NUM_TRAIN, NUM_DATABASE, NUM_QUERIES, NUM_DISTRACTORS = 40, 9, 2, 12
LABELS = [{"easy": [0, 4], "hard": [7], "junk": [2]}, {"easy": [1], "hard": [5, 6], "junk": []}]
GRID = {"train_set": "train", "test_sets": ["test"], "distractors": None, "loss_without_teacher": "contr"}
NO_EXPANSION = {"query": None, "database": None}
RUNTIME = {
    "device": "cpu", "processes": 1, "num_threads": None, "num_workers": 0, "num_downloads": 1, "compile": False,
}  # fmt: skip
VALUES = {
    "runtime": RUNTIME,
    "grid": GRID | {"distractors": "crowd"},
    "whitening": {"shrinkage": 0},
    "extract": {
        "image_size": 32, "batch_size": 4, "precision": "float32", "scales": [1.0, 0.5], "distractor_dtype": "float16",
    },
}  # fmt: skip
# Landscape, portrait and odd sides; at 32 pixels the second and the last have one shape.
SIZES = [(40, 32), (32, 40), (40, 30), (37, 29), (31, 38)]
PANORAMA, PANORAMA_ROW = (200, 20), 7
D = 6  # of random rows
EXTRACTION = {"image_size": 32, "scales": [1.0, 0.7], "query_crop": True}


def size_of(row: int) -> tuple[int, int]:
    """Width and height of image `row` of each set, pixels."""
    return PANORAMA if row == PANORAMA_ROW else SIZES[row % len(SIZES)]


def labels_of(processed: Path) -> Path:
    """Where the ground truth stands beside a folder of processed sets."""
    return processed.with_name("ground_truth")


def write_sets(processed: Path) -> Path:
    random = np.random.default_rng(0)
    counts = {"train": NUM_TRAIN, "test": NUM_DATABASE + NUM_QUERIES, "crowd": NUM_DISTRACTORS}
    for name, count in counts.items():
        folder = processed / name
        folder.mkdir(parents=True)
        names = [f"{name}{i}" for i in range(count)]
        with PackWriter(folder) as pack:
            for row, image in enumerate(names):
                noise = random.integers(0, 255, (*reversed(size_of(row)), 3), dtype=np.uint8)
                pack.add(image, encoded(noise), *size_of(row))
            if name == "test":
                boxes = [[0, 0, *size_of(row)] for row in range(NUM_DATABASE, count)]
                pack.write_list("images.csv", names[:NUM_DATABASE])
                pack.write_list("queries.csv", names[NUM_DATABASE:], boxes)
                labels = {"queries": LABELS, "queries_without_positives": [], "unknown_keys": {}}
                write_json(labels_of(processed) / f"{name}.json", labels)
            else:
                pack.write_list("images.csv", names)
            if name == "train":
                lists = {key: np.arange(2, dtype=np.int64) for key in LISTS}
                lists["whitening_queries"], lists["whitening_positives"] = np.arange(0, 30), np.arange(5, 35)
                write_lists(folder, lists)
            report = {"excluded": [], "filled": [], "queries_in_database": 0, "queries_listed_again": 0}
            pack.write_report(report)
    return processed


def describe(
    folder: Path,
    processed: Path,
    *,
    seed: int,
    sha256: str = "0",
    queries: np.ndarray | None = None,
    extraction: dict = EXTRACTION,
) -> None:
    """Write a descriptor folder of random rows, as if those of databases were whitened, with a random whitening.
    `sha256`: of the network. `queries`: rows for the queries, in place of random ones."""
    random, arrays = np.random.default_rng(seed), {}
    dimension = D if queries is None else queries.shape[1]
    folder.mkdir(parents=True, exist_ok=True)
    for name, images in lists_of_testing(processed, test_sets=["test"], distractors="crowd").items():
        whitened = name.endswith("database")
        rows = unit(random, len(images), dimension) if whitened or queries is None else queries
        form = {"shape": rows.shape, "digest": images.digest, "dtype": "float32", "whitened": whitened}
        arrays[name] = write_descriptors(folder, name, [(np.arange(len(images)), rows)], **form)
    write_whitening(folder, random_whitening(seed, dimension))
    network = {"sha256": sha256, "dimension": dimension, "num_parameters": 1, "whitening": None}
    digest = whitening_digest(folder)
    write_provenance(folder, network=network, extraction=extraction, whitening=digest, arrays=arrays)


def random_whitening(seed: int, dimension: int = D) -> Whitening:
    random = np.random.default_rng(seed)
    return Whitening(random.normal(size=dimension), random.normal(size=(dimension, dimension)), 0.0, 1.0 + seed)
