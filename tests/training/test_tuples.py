import numpy as np
import pytest

from aml.training.tuples import (
    Split,
    draw,
    hard_negatives,
    mined_tuples,
    nearest_neighbours,
    neighbour_tuples,
    random_tuples,
)


def unit_rows(rows, dimension, seed):
    descriptors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)


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


@pytest.mark.parametrize("num_negatives", [1, 5])
def test_mining_equals_the_naive_walk(num_negatives):
    anchors, pool = unit_rows(20, 16, 0), unit_rows(200, 16, 1)
    rng = np.random.default_rng(2)
    anchor_clusters, pool_clusters = rng.integers(0, 12, 20), rng.integers(0, 12, 200)
    found = hard_negatives(anchors, pool, anchor_clusters, pool_clusters, num_negatives)
    np.testing.assert_array_equal(
        found, naive_hard_negatives(anchors, pool, anchor_clusters, pool_clusters, num_negatives)
    )


def test_mining_in_small_blocks_is_the_same(monkeypatch):
    anchors, pool, clusters = unit_rows(20, 16, 0), unit_rows(60, 16, 1), np.arange(60) % 9
    whole = hard_negatives(anchors, pool, np.arange(20) % 9, clusters, 4)
    monkeypatch.setattr("aml.training.tuples.BLOCK_BYTES", 4 * 60 * 3)
    np.testing.assert_array_equal(hard_negatives(anchors, pool, np.arange(20) % 9, clusters, 4), whole)


def test_equal_scores_go_by_row():
    pool = np.tile(unit_rows(1, 4, 0), (6, 1))
    found = hard_negatives(pool[:1], pool, np.array([0]), np.array([0, 2, 2, 1, 1, 3]), 3)
    assert sorted(found[0].tolist()) == [1, 3, 5]  # the first row of each other cluster


def test_too_few_clusters_is_an_error():
    pool = unit_rows(4, 4, 0)
    with pytest.raises(ValueError, match="holds 1 clusters besides an anchor's own; 2 negatives"):
        hard_negatives(pool[:1], pool, np.array([0]), np.array([0, 0, 1, 1]), 2)


def test_draw_uses_all_before_any_twice():
    rng = np.random.default_rng(0)
    assert sorted(draw(rng, 5, 5).tolist()) == [0, 1, 2, 3, 4]
    assert np.bincount(draw(rng, 5, 12)).max() <= 3
    assert len(draw(rng, 5, 0)) == 0


def test_random_tuples_hold_one_image():
    tuples = random_tuples(split(), np.random.default_rng(0), 7)
    assert tuples.shape == (7, 1)
    assert set(tuples.ravel()) <= set(split().images)


def test_mined_tuples_hold_anchor_positive_and_negatives_of_other_clusters():
    data, described = split(), unit_rows(100, 8, 3)
    tuples = mined_tuples(
        data,
        np.random.default_rng(0),
        count=8,
        pool_size=24,
        num_negatives=5,
        anchors_of=lambda rows: described[rows],
        pool_of=lambda rows: described[rows],
    )
    assert tuples.shape == (8, 7)
    cluster = dict(zip(data.images, data.clusters, strict=True))
    pairs = set(zip(data.queries, data.positives, strict=True))
    for anchor, positive, *negatives in tuples:
        assert (anchor, positive) in pairs
        clusters = [cluster[row] for row in negatives]
        assert cluster[anchor] not in clusters and len(set(clusters)) == 5


def test_mining_asks_for_anchors_and_pool_by_their_own_networks():
    """A negative is hard for the student's anchor among the teacher's descriptors."""
    data, student, teacher = split(), unit_rows(100, 8, 4), unit_rows(100, 8, 5)
    mined = [
        mined_tuples(
            data,
            np.random.default_rng(0),
            count=8,
            pool_size=24,
            num_negatives=2,
            anchors_of=student.__getitem__,
            pool_of=own.__getitem__,
        )
        for own in (teacher, student)
    ]
    cluster = dict(zip(data.images, data.clusters, strict=True))
    for anchor, _, first, _ in mined[0]:
        others = [row for row in data.images if cluster[row] != cluster[anchor]]
        assert first == others[int(np.argmax(teacher[others] @ student[anchor]))]
    assert (mined[0] != mined[1]).any()


def test_no_negatives_are_mined_for_a_loss_that_uses_none():
    tuples = mined_tuples(
        split(),
        np.random.default_rng(0),
        count=4,
        pool_size=24,
        num_negatives=0,
        anchors_of=None,
        pool_of=None,
    )
    assert tuples.shape == (4, 2)


def test_neighbours_are_the_nearest_of_the_split_by_the_teacher_the_image_first():
    descriptors, own = unit_rows(24, 6, 0), split()
    nearest = nearest_neighbours(descriptors, 5)
    for row, found in enumerate(nearest):
        others = sorted(set(range(24)) - {row}, key=lambda other: -(descriptors[row] @ descriptors[other]))
        assert found.tolist() == [row, *others[:4]]
    tuples = neighbour_tuples(own, np.random.default_rng(1), count=30, neighbours=nearest)
    assert tuples.shape == (30, 5) and sorted(tuples[:24, 0]) == own.images.tolist()
    np.testing.assert_array_equal(tuples, own.images[nearest[tuples[:, 0] - 10]])
    with pytest.raises(ValueError, match="num_neighbours is 25; accepted: at most 24"):
        nearest_neighbours(descriptors, 25)
