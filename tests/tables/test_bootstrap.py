"""The paired bootstrap: distributions that can be written down, a loop, and coverage."""

import numpy as np
import pytest

from aml.tables.uncertainty import draw_counts, percentile_intervals


def test_draws_are_seeded_counts_of_queries():
    counts = draw_counts(7, draws=50, seed=3)
    drawn = np.random.default_rng(3).integers(0, 7, (50, 7))
    np.testing.assert_array_equal(counts, [np.bincount(draw, minlength=7) for draw in drawn])
    draw_counts.cache_clear()
    np.testing.assert_array_equal(counts, draw_counts(7, draws=50, seed=3))
    assert (counts != draw_counts(7, draws=50, seed=4)).any()


def test_an_interval_is_the_percentiles_of_resampled_means():
    random = np.random.default_rng(0)
    scores = random.random((3, 20))
    low, high = percentile_intervals(scores, draw_counts(20, draws=1000, seed=5), confidence=90)
    drawn = np.random.default_rng(5).integers(0, 20, (1000, 20))
    for system, row in enumerate(scores):
        means = sorted(np.mean(row[draw]) for draw in drawn)
        # 5 % and 95 % of the way from the first of 1000 to the last: positions 49.95 and 949.05
        assert low[system] == pytest.approx(0.05 * means[49] + 0.95 * means[50], abs=1e-6)
        assert high[system] == pytest.approx(0.95 * means[949] + 0.05 * means[950], abs=1e-6)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(50, (0.375, 0.625)), (100 / 3, (0.5, 0.5)), (99, (0.0075, 0.9925))],
)
def test_two_queries_enumerated(confidence, expected):
    """All four draws, each as likely: means 0, 1/2, 1/2, 1."""
    counts = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
    low, high = percentile_intervals(np.array([[0.0, 1.0]]), counts, confidence=confidence)
    assert (low[0], high[0]) == pytest.approx(expected, abs=1e-6)


def test_pairing_takes_out_what_both_systems_share():
    random = np.random.default_rng(1)
    first, counts = random.random(48), draw_counts(48, draws=2000, seed=0)
    second = first - 0.125
    low, high = percentile_intervals(np.stack([first, first - first, first - second]), counts, confidence=95)
    assert high[0] - low[0] > 0.1
    assert low[1] == high[1] == 0
    assert (low[2], high[2]) == pytest.approx((0.125, 0.125), abs=1e-6)


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    """2,000 samples of 50 from Beta(2, 3), mean 0.4: 95 %, less the little that the percentile interval is too short
    on 50 (sqrt(49 / 50) of the t interval's 1.96 / 2.01: 93.6 %), 1.5 points up or down."""
    samples = np.random.default_rng(2).beta(2, 3, (2000, 50))
    low, high = percentile_intervals(samples, draw_counts(50, draws=2000, seed=0), confidence=95)
    assert 0.921 < np.mean((low <= 0.4) & (high >= 0.4)) < 0.951
