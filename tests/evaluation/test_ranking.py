"""The protocol: hand-made rankings, the benchmark's own values, and a full sort."""

from pathlib import Path

import numpy as np
import pytest

from aml.evaluation.ranking import (
    average_precision,
    evaluate,
    labelled_rows,
    precision_at,
    summarise,
)
from tests.evaluation.naive import counts_by_sorting, similarities
from tests.vectors import unit

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "evaluation.npz"


def at_ranks(*ranks):
    """Zero-based ranks of positives whose one-based ranks these are."""
    return np.array(ranks, dtype=np.int64) - 1


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        *[((2, 4), 1 / 3), ((1, 10), (1 + (1 / 9 + 2 / 10) / 2) / 2), ((5,), 0.1), ((1,), 1.0), ((1, 2, 3), 1.0)],
        ((), np.nan),
    ],
)
def test_average_precision_by_trapezoids(ranks, expected):
    assert average_precision(at_ranks(*ranks)) == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    ("ranks", "k", "expected"),
    [
        *[((3, 5), 10, 2 / 5), ((3, 5), 3, 1 / 3), ((1, 2, 3), 10, 1.0), ((2, 40), 10, 0.1), ((7,), 5, 0.0)],
        *[((1, 9), 1, 1.0), ((), 10, np.nan)],
    ],
)
def test_precision_stops_at_the_last_positive(ranks, k, expected):
    assert precision_at(at_ranks(*ranks), k) == pytest.approx(expected, abs=1e-15, nan_ok=True)


def of_ranking(*classes):
    """Results of one query whose database, in ranking order, has these classes."""
    ground_truth = [{name: [i for i, c in enumerate(classes) if c == name] for name in ("easy", "hard", "junk")}]
    scores = np.linspace(1, 0, len(classes))[None]
    return summarise(counts_by_sorting(scores, labelled_rows(ground_truth))[0], ground_truth)


def test_each_level_has_its_own_positives_and_junk():
    results = of_ranking("hard", "none", "easy", "junk", "none", "hard", "easy")
    assert results["easy"]["mAP"] == pytest.approx(average_precision(at_ranks(2, 4)))
    assert results["hard"]["mAP"] == pytest.approx(average_precision(at_ranks(1, 4)))
    assert results["medium"]["mAP"] == pytest.approx(average_precision(at_ranks(1, 3, 5, 6)))
    assert results["medium"]["mP@5"] == pytest.approx(3 / 5)
    assert set(of_ranking("easy", "none", "junk")) == {"easy", "medium"} and of_ranking("none", "junk") == {}


def test_a_query_without_positives_is_left_out_of_the_mean():
    ground_truth = [{"easy": [1], "hard": [], "junk": []}, {"easy": [], "hard": [0], "junk": []}]
    scores = np.array([[0.9, 0.8], [0.9, 0.8]])
    results = summarise(counts_by_sorting(scores, labelled_rows(ground_truth))[0], ground_truth)
    assert results["easy"]["mAP"] == 0.25 and results["easy"]["num_queries"] == 1
    assert results["easy"]["AP"][0] == 0.25 and np.isnan(results["easy"]["AP"][1])
    assert results["medium"]["mAP"] == 0.625 and results["medium"]["num_queries"] == 2
    assert results["hard"]["mP@1"] == 1


def test_agrees_with_the_benchmark():
    with np.load(PARITY) as file:
        parity = dict(file)
    classes = {
        name: np.split(parity[f"gnd/{name}"], np.cumsum(parity[f"gnd/{name}_count"])[:-1])
        for name in ("easy", "hard", "junk")
    }
    ground_truth = [{name: classes[name][i] for name in classes} for i in range(12)]
    results = summarise(counts_by_sorting(parity["scores"].T, labelled_rows(ground_truth))[0], ground_truth)
    assert set(results) == {"easy", "medium", "hard"}
    for level, result in results.items():
        np.testing.assert_allclose(result["mAP"], parity[f"{level}/mAP"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(result["AP"], parity[f"{level}/AP"], rtol=0, atol=1e-12)
        for i, k in enumerate((1, 5, 10)):
            np.testing.assert_allclose(result[f"mP@{k}"], parity[f"{level}/mP"][i], rtol=0, atol=1e-12)
            np.testing.assert_allclose(result[f"P@{k}"], parity[f"{level}/P"][:, i], rtol=0, atol=1e-12)


# ---- from descriptors


@pytest.fixture
def case():
    random = np.random.default_rng(2)
    queries, database, distractors = unit(random, 7, 24), unit(random, 400, 24), unit(random, 500, 24)
    ground_truth = []
    for query in queries:
        rows = random.choice(400, 60, replace=False)
        near = database[rows[:30]] + 2 * query
        database[rows[:30]] = near / np.linalg.norm(near, axis=1, keepdims=True)
        ground_truth.append({"easy": rows[:10], "hard": rows[10:40], "junk": rows[40:]})
    ground_truth[3]["easy"] = []
    database[rows[5:9]] = database[rows[4]]  # duplicates, in the database and beyond
    distractors[:5] = database[rows[4]]
    return queries, database, ground_truth, distractors


def test_evaluates_descriptors_as_a_full_sort_does(case):
    queries, database, ground_truth, distractors = case
    without, appended = evaluate(queries, database, ground_truth, distractors)
    for results, rows in ((without, database), (appended, np.concatenate([database, distractors]))):
        above, _ = counts_by_sorting(similarities(queries, rows), labelled_rows(ground_truth))
        expected = summarise(above, ground_truth)
        for level, result in results.items():
            np.testing.assert_array_equal(result["AP"], expected[level]["AP"])
            assert (result["mAP"], result["mP@10"]) == (expected[level]["mAP"], expected[level]["mP@10"])
    assert appended["hard"]["mAP"] < without["hard"]["mAP"]
    assert without["easy"]["num_queries"] == 6 and np.isnan(without["easy"]["AP"][3])
    alone, appended = evaluate(queries, database, ground_truth)
    assert appended is None
    assert all(np.array_equal(alone[level]["AP"], without[level]["AP"], equal_nan=True) for level in without)
