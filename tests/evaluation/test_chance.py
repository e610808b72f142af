"""What a random ranking gives, against every order of a few images and a simulation; and which queries go together."""

from itertools import combinations

import numpy as np
import pytest

from aml.evaluation import chance, ranking
from aml.evaluation.landmarks import landmarks

SIZES = [(p, n) for n in range(1, 10) for p in range(1, n + 1)]


@pytest.mark.parametrize(("num_positives", "num_images"), SIZES)
def test_it_is_the_mean_over_every_order(num_positives, num_images):
    """Every set of ranks of the positives comes from equally many orders."""
    orders = [np.array(ranks) for ranks in combinations(range(num_images), num_positives)]
    mean = np.mean([ranking.average_precision(ranks) for ranks in orders])
    assert chance.average_precision(num_positives, num_images) == pytest.approx(mean, rel=1e-12)
    for k in (1, 3, 5, 10):
        mean = np.mean([ranking.precision_at(ranks, k) for ranks in orders])
        assert chance.precision_at(num_positives, num_images, k) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("num_images", [1000, 1001, 1002, 50_000])
def test_many_images_are_summed_as_few_are(num_images):
    terms = sum(1 / rank for rank in range(1, num_images + 1))
    assert chance.average_precision(1, num_images) == pytest.approx((terms + 1) / (2 * num_images), rel=1e-12)


def test_levels_leave_out_junk_and_queries_without_positives():
    labels = [{"easy": [0, 3], "hard": [5], "junk": [1]}, {"easy": [2], "hard": [], "junk": []}]
    found = chance.chance(labels, 40)
    expected = {"easy": [(2, 38), (1, 40)], "medium": [(3, 39), (1, 40)], "hard": [(1, 37)]}  # positives, not junk
    for level, sizes in expected.items():
        assert found[level]["num_queries"] == len(sizes)
        assert found[level]["mAP"] == pytest.approx(np.mean([chance.average_precision(*size) for size in sizes]))
        assert found[level]["mP@10"] == pytest.approx(np.mean([chance.precision_at(*size, 10) for size in sizes]))
    assert np.isnan(found["hard"]["AP"][1])
    assert list(chance.chance([{"easy": [0], "hard": [], "junk": [1]}], 9)) == ["easy", "medium"]


def labels(*positives: set[int]) -> list[dict]:
    """Queries with these positives, all but the first of them hard."""
    return [{"easy": sorted(rows)[:1], "hard": sorted(rows)[1:], "junk": [99]} for rows in positives]


@pytest.mark.parametrize(
    ("positives", "expected"),
    [
        ([{1, 2}, {3, 4}, {1, 2}], [0, 1, 0]),
        ([{1, 2, 3, 4}, {4, 5, 6, 7}], [0, 1]),  # one image shows both
        ([{1, 2, 3, 4}, {3, 4, 5, 6}], [0, 0]),  # half of them
        ([{1}, set(range(50))], [0, 0]),  # half of those of the query that has fewer
        ([{1, 2}, {5, 6}, {1, 2, 3, 4, 5, 6}], [0, 0, 0]),  # the third joins the others
        ([set(), {1}, set()], [0, 1, 2]),
    ],
)
def test_queries_of_one_landmark_share_half_of_their_positives(positives, expected):
    assert landmarks(labels(*positives)) == expected
