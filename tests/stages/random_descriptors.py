"""Descriptor folders of the packed sets, of random rows."""

from pathlib import Path

import numpy as np

from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.whitening import Whitening, whitening_digest, write_whitening
from tests.vectors import unit

D = 6
EXTRACTION = {"image_size": 32, "scales": [1.0, 0.7], "query_crop": True}


def describe(
    folder: Path,
    processed: Path,
    *,
    seed: int,
    distractors: str | None = None,
    sha256: str = "0",
    queries: np.ndarray | None = None,
    extraction: dict = EXTRACTION,
) -> dict[str, np.ndarray]:
    """A descriptor folder of random rows, as if those of databases were whitened, with a random whitening; gives the
    rows. `sha256`: of the network. `queries`: rows for the queries, in place of random ones."""
    random, rows, lines = np.random.default_rng(seed), {}, {}
    dimension = D if queries is None else queries.shape[1]
    folder.mkdir(parents=True, exist_ok=True)
    for name, images in lists_of_testing(processed, test_sets=["test"], distractors=distractors).items():
        whitened = name.endswith("database")
        rows[name] = unit(random, len(images), dimension) if whitened or queries is None else queries
        pieces, shape = [(np.arange(len(images)), rows[name])], (len(images), dimension)
        form = {"shape": shape, "digest": images.digest, "dtype": "float32", "whitened": whitened}
        lines[name] = write_descriptors(folder, name, pieces, **form)
    write_whitening(folder, random_whitening(seed, dimension))
    network = {"sha256": sha256, "dimension": dimension, "num_parameters": 1, "whitening": None}
    digest = whitening_digest(folder)
    write_provenance(folder, network=network, extraction=extraction, whitening=digest, arrays=lines)
    return rows


def random_whitening(seed: int, dimension: int = D) -> Whitening:
    random = np.random.default_rng(seed)
    return Whitening(random.normal(size=dimension), random.normal(size=(dimension, dimension)), 0.0, 1.0 + seed)
