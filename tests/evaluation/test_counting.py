"""Counts against a full sort of the exact similarities."""

import numpy as np
import pytest

from aml.evaluation import counting
from aml.evaluation.counting import count_above
from tests.evaluation.naive import counts_by_sorting, similarities
from tests.vectors import unit


def assert_counts(counts, scores, labelled, num_database):
    """The counts are those of a sort of scores (Q, N), whose columns from num_database on are distractors."""
    expected = counts_by_sorting(scores, labelled, num_distractors=scores.shape[1] - num_database)
    for found, of_part in zip(counts, expected, strict=True):
        for of_query, expected_of_query in zip(found, of_part, strict=True):
            np.testing.assert_array_equal(of_query, expected_of_query)


@pytest.fixture
def case():
    """1,700 rows, 900 of them the database; a third are copies of others, some of the queries."""
    random = np.random.default_rng(5)
    queries, rows = unit(random, 6, 48), unit(random, 1700, 48)
    rows[random.choice(1700, 400, replace=False)] = rows[7]
    rows[random.choice(1700, 200, replace=False)] = rows[random.choice(1700, 200)]
    rows[random.choice(1700, 60, replace=False)] = queries[random.choice(6, 60)]
    labelled = [random.choice(900, size, replace=False) for size in (50, 1, 0, 200, 300, 30)]
    return queries, rows, labelled


@pytest.mark.parametrize("block_rows", [1, 100, 512, 10**6])
@pytest.mark.parametrize("num_database", [900, 901, 1699, 1700])
def test_neither_blocks_nor_parts_matter(monkeypatch, case, block_rows, num_database):
    monkeypatch.setattr(counting, "GATHERED_ROWS", 7)
    monkeypatch.setattr(counting, "BLOCK_BYTES", 4 * 48 * block_rows)
    queries, rows, labelled = case
    distractors = rows[num_database:] if num_database < 1700 else None
    counts = count_above(queries, rows[:num_database], labelled, distractors)
    assert_counts(counts, similarities(queries, rows), labelled, num_database)


def test_all_rows_equal_rank_by_row_number():
    rows, none = np.repeat(unit(np.random.default_rng(0), 1, 64), 700, axis=0), np.empty(0, int)
    of_database, of_distractors = count_above(rows[:2], rows, [np.array([699, 0, 350, 12]), none], rows)
    assert [counts.tolist() for counts in of_database] == [[699, 0, 350, 12], []]
    assert [counts.tolist() for counts in of_distractors] == [[0, 0, 0, 0], []]


def test_rows_one_rounding_apart_keep_their_order():
    """Similarities 1e-9 apart: a float32 product cannot tell these rows from each other."""
    random = np.random.default_rng(1)
    query = unit(random, 1, 128)
    rows = np.repeat(query, 600, axis=0)
    rows[np.arange(600), random.integers(0, 128, 600)] *= np.float32(1 + 2**-22)
    scores = similarities(query, rows)
    assert len(np.unique((query @ rows.T)[0])) < 100 < len(np.unique(scores))
    assert_counts(count_above(query, rows, [np.arange(600)]), scores, [np.arange(600)], 600)


def test_an_error_beyond_half_the_first_bound_counts_all_again(monkeypatch, case):
    queries, rows, labelled = case
    tolerances = []
    count = counting._Bins.count

    def with_an_error(self, *arguments):
        tolerances.append(self.tolerance)
        num_in_bin, error = count(self, *arguments)
        return num_in_bin, max(error, 0.6 * tolerances[0])

    monkeypatch.setattr(counting._Bins, "count", with_an_error)
    counts = count_above(queries, rows[:900], labelled, rows[900:])
    assert len(tolerances) == 4 and tolerances[0] == tolerances[1] < tolerances[2] == 1.01 * 48 * 2.0**-24
    assert_counts(counts, similarities(queries, rows), labelled, 900)


def test_memory_maps_and_half_precision(tmp_path, case):
    queries, rows, labelled = case
    np.save(tmp_path / "database.npy", rows[:900])
    np.save(tmp_path / "distractors.npy", rows[900:].astype(np.float16))
    database = np.load(tmp_path / "database.npy", mmap_mode="r")
    distractors = np.load(tmp_path / "distractors.npy", mmap_mode="r")
    counts = count_above(queries, database, labelled, distractors)
    rows = np.concatenate([rows[:900], distractors.astype(np.float32)])
    assert_counts(counts, similarities(queries, rows), labelled, 900)


def test_every_half_precision_value_converts_exactly():
    values = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 64)
    finite = np.isfinite(values)
    assert np.array_equal(counting._as_float32(values)[finite], values.astype(np.float32)[finite])
    assert (np.abs(counting._as_float32(values)[~finite]) >= 2**16).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.1, 0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("part", ["queries", "database", "distractors"])
def test_rows_that_are_not_finite_or_not_of_unit_norm_are_refused(bad, dtype, part):
    rows = unit(np.random.default_rng(0), 700, 16).astype(dtype)
    parts = {name: rows.copy() for name in ("queries", "database", "distractors")}
    parts[part][600] *= bad
    queries, database, distractors = parts.values()
    if part != "queries":
        queries = queries[:2]
    with pytest.raises(ValueError, match=rf"^{part}, row 600: norm .*accepted: finite"):
        count_above(queries, database, [np.array([0, 600])] * len(queries), distractors)
