import numpy as np
import pytest

from aml.training import tuples
from aml.training.tuples import (
    Split,
    draw,
    hard_negatives,
    mined_tuples,
    nearest_neighbours,
    neighbour_tuples,
)
from tests.vectors import unit


def naive_hard_negatives(anchors, pool, anchor_clusters, pool_clusters, num_negatives):
    """The rule as written: walk down the ranking, take what is of a cluster not seen yet."""
    found = []
    for anchor, cluster in zip(anchors, anchor_clusters, strict=True):
        seen, picks = {cluster}, []
        for row in np.argsort(-(pool @ anchor), kind="stable"):
            if pool_clusters[row] not in seen and len(picks) < num_negatives:
                seen.add(pool_clusters[row])
                picks.append(row)
        found.append(picks)
    return np.array(found)


def split(num_clusters=8, views=3):
    images = np.arange(10, 10 + num_clusters * views)
    clusters = np.repeat(np.arange(num_clusters) + 100, views)
    return Split(images, clusters, queries=images[::views], positives=images[1::views])


@pytest.mark.parametrize("block_bytes", [tuples.BLOCK_BYTES, 4 * 200 * 3])
@pytest.mark.parametrize("num_negatives", [1, 5])
def test_mining_equals_the_naive_walk(monkeypatch, num_negatives, block_bytes):
    monkeypatch.setattr(tuples, "BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(0)
    case = unit(rng, 20, 16), unit(rng, 200, 16), rng.integers(0, 12, 20), rng.integers(0, 12, 200), num_negatives
    np.testing.assert_array_equal(hard_negatives(*case), naive_hard_negatives(*case))


def test_equal_scores_go_by_row_and_too_few_clusters_is_an_error():
    pool = np.tile(unit(np.random.default_rng(0), 1, 4), (6, 1))
    found = hard_negatives(pool[:1], pool, np.array([0]), np.array([0, 2, 2, 1, 1, 3]), 3)
    assert sorted(found[0].tolist()) == [1, 3, 5]  # the first row of each other cluster
    with pytest.raises(ValueError, match="holds 1 clusters besides an anchor's own; 2 negatives"):
        hard_negatives(pool[:1], pool[:4], np.array([0]), np.array([0, 0, 1, 1]), 2)


def test_draw_uses_all_before_any_twice():
    rng = np.random.default_rng(0)
    assert sorted(draw(rng, 5, 5).tolist()) == [0, 1, 2, 3, 4]
    assert np.bincount(draw(rng, 5, 12)).max() <= 3
    assert len(draw(rng, 5, 0)) == 0


def test_no_negatives_are_mined_for_a_loss_that_uses_none():
    """With negatives: tests/training/test_loop.py."""
    options = {"count": 4, "pool_size": 24, "num_negatives": 0, "anchors_of": None, "pool_of": None}
    assert mined_tuples(split(), np.random.default_rng(0), **options).shape == (4, 2)


def test_neighbours_are_the_nearest_of_the_split_by_the_teacher_the_image_first():
    descriptors, own = unit(np.random.default_rng(0), 24, 6), split()
    nearest = nearest_neighbours(descriptors, 5)
    for row, found in enumerate(nearest):
        others = sorted(set(range(24)) - {row}, key=lambda other: -(descriptors[row] @ descriptors[other]))
        assert found.tolist() == [row, *others[:4]]
    drawn = neighbour_tuples(own, np.random.default_rng(1), count=30, neighbours=nearest)
    assert drawn.shape == (30, 5) and sorted(drawn[:24, 0]) == own.images.tolist()
    np.testing.assert_array_equal(drawn, own.images[nearest[drawn[:, 0] - 10]])
    with pytest.raises(ValueError, match="num_neighbours is 25; accepted: at most 24"):
        nearest_neighbours(descriptors, 25)
