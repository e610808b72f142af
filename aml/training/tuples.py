"""The tuples of an epoch: pairs with mined negatives, which need labels; or random images, with or without neighbours.

A tuple is a row of image rows: an anchor, its positive, its hard negatives; or an anchor and its nearest images in the
teacher's space. A random image is a tuple of one.
"""

from dataclasses import dataclass

import numpy as np
import torch

BLOCK_BYTES = 64 << 20  # of the score matrix that mining holds at a time


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a training set: image rows (N,), their clusters (N,), and (query, positive) pairs as rows (P,)."""

    images: np.ndarray
    clusters: np.ndarray
    queries: np.ndarray
    positives: np.ndarray

    @classmethod
    def of(cls, lists: dict[str, np.ndarray], name: str) -> "Split":
        return cls(*(lists[f"{name}_{part}"] for part in ("images", "clusters", "queries", "positives")))


def draw(rng: np.random.Generator, available: int, count: int) -> np.ndarray:
    """Return `count` random numbers below `available`, none twice before all have come once."""
    rounds = max(1, -(-count // available))
    return np.concatenate([rng.permutation(available) for _ in range(rounds)])[:count]


def neighbour_tuples(split: Split, rng: np.random.Generator, *, count: int, neighbours: np.ndarray) -> np.ndarray:
    """Return `count` random images with their nearest ones, `(count, K)` image rows.

    neighbours: (N, K), as `nearest_neighbours` returns them for `split.images`, each image first; K = 1: no others.
    """
    return split.images[neighbours[draw(rng, len(split.images), count)]]


def nearest_neighbours(descriptors: np.ndarray, num_neighbours: int) -> np.ndarray:
    """Return each row's nearest rows by inner product, `(N, num_neighbours)` int64: the row itself, then falling.

    descriptors: (N, D), unit norm. Raises ValueError for num_neighbours above N.
    """
    count = len(descriptors)
    if num_neighbours > count:
        raise ValueError(f"num_neighbours is {num_neighbours}; accepted: at most {count}, the images of the split")
    descriptors = torch.from_numpy(np.asarray(descriptors, np.float32))
    found, block = [], max(1, BLOCK_BYTES // (4 * count))
    for begin in range(0, count, block):
        scores = descriptors[begin : begin + block] @ descriptors.T
        scores.diagonal(begin).fill_(torch.inf)
        found.append(scores.topk(num_neighbours).indices.numpy())
    return np.concatenate(found)


def mined_tuples(
    split: Split, rng: np.random.Generator, *, count: int, pool_size: int, num_negatives: int, anchors_of, pool_of
) -> np.ndarray:
    """Return `count` random pairs with their hard negatives, `(count, 2 + num_negatives)` image rows.

    `anchors_of(rows)` returns the student's descriptors of anchors, `pool_of(rows)` the teacher's of the pool, or the
    student's without a teacher: negatives are hard by what the loss will compare (METHOD, Sec. 3).
    """
    pairs = draw(rng, len(split.queries), count)
    anchors, positives = split.queries[pairs], split.positives[pairs]
    if num_negatives == 0:
        return np.stack([anchors, positives], axis=1)
    pool = draw(rng, len(split.images), min(pool_size, len(split.images)))
    cluster_of = dict(zip(split.images.tolist(), split.clusters.tolist(), strict=True))
    unique, inverse = np.unique(anchors, return_inverse=True)
    mined = hard_negatives(
        anchors_of(unique),
        pool_of(split.images[pool]),
        np.array([cluster_of[row] for row in unique.tolist()]),
        split.clusters[pool],
        num_negatives,
    )
    negatives = split.images[pool][mined[inverse]]  # (count, num_negatives)
    return np.concatenate([anchors[:, None], positives[:, None], negatives], axis=1)


def hard_negatives(
    anchors: np.ndarray, pool: np.ndarray, anchor_clusters: np.ndarray, pool_clusters: np.ndarray, num_negatives: int
) -> np.ndarray:
    """Return the hardest rows of the pool `(P, D)` for each anchor `(A, D)`: `(A, num_negatives)` int64.

    They are the rows of highest similarity, falling, whose clusters differ from the anchor's and from each other. Of
    equal scores the lower cluster comes first, within a cluster the lower row. Rows of scores are not sorted: the best
    members of the best clusters are taken. Raises ValueError where the pool has too few other clusters.
    """
    order = np.argsort(pool_clusters, kind="stable")
    clusters, starts = np.unique(pool_clusters[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    fewest = len(clusters) - np.isin(anchor_clusters, clusters).any()
    if fewest < num_negatives:
        raise ValueError(
            f"the mining pool of {len(pool)} images holds {fewest} clusters besides an anchor's own; "
            f"{num_negatives} negatives of different clusters are asked for"
        )
    pool = np.ascontiguousarray(pool[order].T)  # (D, P), cluster by cluster
    found = np.empty((len(anchors), num_negatives), np.int64)
    block = max(1, BLOCK_BYTES // (4 * len(order)))
    for begin in range(0, len(anchors), block):
        scores = anchors[begin : begin + block] @ pool  # (b, P)
        best = np.maximum.reduceat(scores, starts, axis=1)  # (b, clusters)
        best[anchor_clusters[begin : begin + block, None] == clusters] = -np.inf
        chosen = np.argsort(-best, axis=1, kind="stable")[:, :num_negatives]
        for row, picks in enumerate(chosen):
            for column, cluster in enumerate(picks):
                members = scores[row, starts[cluster] : ends[cluster]]
                found[begin + row, column] = starts[cluster] + np.argmax(members)
    return order[found]
