"""Time mining hard negatives of 2,000 anchors in a pool of 20,000 descriptors of dimension 2048.

Public: sort all similarities of each anchor, and take the first rows of clusters that were not taken yet.
"""

from functools import partial

import numpy as np

from aml.training.tuples import hard_negatives
from benchmarks import public
from benchmarks.measure import Case, Options, alternate, require_equal

ANCHORS, POOL, DIMENSION, CLUSTERS = 2000, 20_000, 2048, 550
QUICK = 30, 400, 64, 20
NEGATIVES = 5
TOLERANCE = 1e-6  # of a similarity: by a matrix and by a vector, float32 products are rounded differently


def run(options: Options) -> list[Case]:
    num_anchors, num_pool, dimension, num_clusters = QUICK if options.quick else (ANCHORS, POOL, DIMENSION, CLUSTERS)
    rng = np.random.default_rng(0)
    anchors, pool = (_unit(rng.standard_normal((rows, dimension), np.float32)) for rows in (num_anchors, num_pool))
    clusters = [rng.integers(num_clusters, size=rows) for rows in (num_anchors, num_pool)]
    arguments = anchors, pool, *clusters, NEGATIVES
    ways = {"ours": partial(hard_negatives, *arguments), "public": partial(public.hard_negatives, *arguments)}
    timings = alternate(ways, options.trials)
    seconds, found = timings.seconds, timings.results
    pool = pool.astype(np.float64)
    similarities = {name: np.einsum("ad,and->an", anchors, pool[rows]) for name, rows in found.items()}
    what = f"{num_anchors:,} anchors, pool of {num_pool:,} x {dimension}, {NEGATIVES} negatives"
    return [
        Case(
            what=what,
            **timings.of_case,
            equality="exact similarities of the chosen rows",
            difference=require_equal(what, similarities["ours"], similarities["public"], TOLERANCE),
            reached={"5 times the public way": seconds["public"] >= 5 * seconds["ours"]},
            found={"same_rows": float(np.mean(found["ours"] == found["public"]))},
        )
    ]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
