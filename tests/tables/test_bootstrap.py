"""The paired bootstrap over landmarks and seeds: distributions that can be written down, a loop, and coverage."""

import numpy as np
import pytest

from aml.params.reports import BootstrapSettings
from aml.tables.bootstrap import Answers, draw, percentile_interval

COLUMN = ("symmetric", "set", "medium")


def settings(draws: int, seed: int = 0) -> BootstrapSettings:
    return BootstrapSettings(seed=seed, draws=draws, confidence=95.0)


def answers(landmarks: list[int], **scores: np.ndarray) -> Answers:
    """Networks' AP (seeds, queries) of queries of these landmarks; P@10 is half of it."""
    queries = {f"q{number}": landmark for number, landmark in enumerate(landmarks)}
    return Answers("x.csv", queries, {key: np.stack([ap, ap / 2], axis=1) for key, ap in scores.items()})


def test_a_draw_is_the_mean_over_the_queries_of_its_landmarks_and_over_its_seeds():
    """Against a loop that repeats each query as often as its landmark was drawn. Landmarks have 1 to 4 queries."""
    random = np.random.default_rng(0)
    landmarks = [0, 0, 2, 5, 5, 5, 7, 7, 7, 7]
    student, teacher = random.random((3, 10)), random.random((1, 10))
    found = draw({COLUMN: answers(landmarks, student=student, teacher=teacher)}, settings(200, seed=4))
    drawn = np.random.default_rng((4, 1)).integers(0, 4, (200, 4))
    seeds = np.random.default_rng((4, 0)).integers(0, 3, (200, 3))
    for number in range(200):
        names = np.array([0, 2, 5, 7])[drawn[number]]
        queries = [query for name in names for query in range(10) if landmarks[query] == name]
        for key, scores in (("student", student[seeds[number]]), ("teacher", teacher)):
            mean = np.mean([of_seed[queries] for of_seed in scores])
            for metric, share in (("mAP", 1), ("mP@10", 2)):
                assert found[(key, *COLUMN, metric)][number] == pytest.approx(mean / share, rel=1e-5)


def test_all_columns_of_a_test_set_share_a_draw_and_those_of_two_don_t():
    scores = np.random.default_rng(1).random((1, 6))
    columns = [("symmetric", "a", "medium"), ("asymmetric", "a+crowd", "hard"), ("symmetric", "b", "medium")]
    found = draw({column: answers([0, 1, 2, 3, 4, 5], x=scores) for column in columns}, settings(100))
    first, same, other = (found[("x", *column, "mAP")] for column in columns)
    np.testing.assert_array_equal(first, same)
    assert np.mean(first == other) < 0.1


def test_a_draw_without_a_query_at_a_level_is_left_out():
    """Of the two landmarks one alone has hard positives: a quarter of the draws has none of it."""
    found = draw(
        {
            ("symmetric", "a", "medium"): answers([0, 1], x=np.array([[10.0, 20.0]])),
            ("symmetric", "a", "hard"): answers([1], x=np.array([[5.0]])),
        },
        settings(1000),
    )
    medium = found[("x", "symmetric", "a", "medium", "mAP")]
    assert 700 < len(medium) < 800 and set(medium) == {15.0, 20.0}
    np.testing.assert_array_equal(found[("x", "symmetric", "a", "hard", "mAP")], 5.0)


def test_two_landmarks_enumerated():
    """All four draws, each as likely: means 0, 1/2, 1/2, 1."""
    ends = percentile_interval(np.array([[0.0, 0.5, 0.5, 1.0]]), 50)
    assert ends.ravel().tolist() == [0.375, 0.625]


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    """2,000 samples of 50 landmarks from Beta(2, 3), mean 0.4, each with three queries that all score what the landmark
    does: 95 %, less the little that the percentile interval is too short on 50 (sqrt(49 / 50) of the t interval's
    1.96 / 2.01: 93.6 %), 1.5 points up or down. What two networks share, pairing takes out."""
    samples = np.random.default_rng(2).beta(2, 3, (2000, 50))
    networks = {str(number): np.repeat(sample[None], 3, axis=1) for number, sample in enumerate(samples)}
    networks["less"] = networks["0"] - 0.125
    found = draw({COLUMN: answers([*np.repeat(range(50), 3)], **networks)}, settings(2000))
    draws = np.stack([found[(key, *COLUMN, "mAP")] for key in networks])
    low, high = percentile_interval(draws[:-1], 95)
    assert 0.921 < np.mean((low <= 0.4) & (high >= 0.4)) < 0.951
    np.testing.assert_allclose(draws[0] - draws[-1], 0.125, atol=1e-6)
