"""Descriptor folders of the packed sets, of random rows."""

from pathlib import Path

import numpy as np

from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.whitening import Whitening, whitening_sha256, write_whitening
from tests.vectors import unit

D = 6


def describe(
    folder: Path, processed: Path, *, seed: int, distractors: str | None = None, sha256: str = "0"
) -> dict[str, np.ndarray]:
    """A descriptor folder of random rows, as if those of databases were whitened, with a random whitening; gives the
    rows. `sha256`: of the network."""
    random, rows, lines = np.random.default_rng(seed), {}, {}
    folder.mkdir()
    for name, images in lists_of_testing(processed, test_sets=["test"], distractors=distractors).items():
        rows[name] = unit(random, len(images), D)
        pieces, whitened = [(np.arange(len(images)), rows[name])], name.endswith("database")
        form = {"shape": (len(images), D), "digest": images.digest, "dtype": "float32", "whitened": whitened}
        lines[name] = write_descriptors(folder, name, pieces, **form)
    write_whitening(folder, random_whitening(seed))
    network = {"sha256": sha256, "dimension": D, "num_parameters": 1, "whitening": None}
    extraction = {"image_size": 32, "scales": [1.0, 0.7], "query_crop": True}
    digest = whitening_sha256(folder)
    write_provenance(folder, network=network, extraction=extraction, whitening=digest, arrays=lines)
    return rows


def random_whitening(seed: int) -> Whitening:
    random = np.random.default_rng(seed)
    return Whitening(random.normal(size=D), random.normal(size=(D, D)), 0.0, 1.0 + seed)
