"""Descriptor folders of the packed sets, of random rows."""

from pathlib import Path

import numpy as np

from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.whitening import whitening_sha256, write_whitening

D = 6


def describe(
    folder: Path, processed: Path, *, seed: int, whitening=None, flat=False, distractors: str | None = None
) -> dict[str, np.ndarray]:
    """A descriptor folder of random rows, with a whitening of its own or with the whitening images; gives the rows.
    `flat`: the last component of every row is 0."""
    random, rows, lines = np.random.default_rng(seed), {}, {}
    folder.mkdir()
    lists, _ = lists_of_testing(processed, train_set="train", test_sets=["test"], distractors=distractors)
    for name, images in lists.items():
        if whitening is None or name != "train.whitening":
            vectors = random.normal(size=(len(images), D)).astype(np.float32)
            vectors[:, D - flat :] = 0
            rows[name] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            pieces = [(np.arange(len(vectors)), rows[name])]
            lines[name] = write_descriptors(
                folder, name, pieces, shape=vectors.shape, digest=images.digest(), dtype="float32"
            )
    if whitening is not None:
        write_whitening(folder, *whitening)
    network = {"dimension": D, "num_parameters": 1, "whitening": whitening_sha256(folder)}
    extraction = {"image_size": 32, "scales": [1.0], "query_crop": True}
    write_provenance(folder, network=network, extraction=extraction, arrays=lines)
    return rows


def random_whitening(seed: int):
    random = np.random.default_rng(seed)
    return random.normal(size=D), random.normal(size=(D, D))
