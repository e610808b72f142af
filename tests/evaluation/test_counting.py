"""Counts against a full sort of the exact similarities."""

import numpy as np
import pytest

from aml.evaluation import counting
from aml.evaluation.counting import count_above, count_above_in_scores
from tests.vectors import unit


def exact_scores(queries, rows):
    return (rows.astype(np.float64)[None] * queries.astype(np.float64)[:, None]).sum(axis=2)


def by_sorting(scores, labelled, num_database):
    """(database rows, distractors) above each labelled row, per query."""
    above = []
    for row, rows in zip(scores, labelled, strict=True):
        order = np.argsort(-row, kind="stable")
        ahead = [order[: np.flatnonzero(order == labelled_row)[0]] for labelled_row in rows]
        above.append([((rows < num_database).sum(), (rows >= num_database).sum()) for rows in ahead])
    return above


def assert_counts(counts, expected):
    for i, pairs in enumerate(expected):
        assert counts.database[i].tolist() == [pair[0] for pair in pairs]
        assert counts.distractors[i].tolist() == [pair[1] for pair in pairs]


@pytest.fixture
def case():
    """900 database rows and two distractor parts; a third of all rows are copies of others, some of the queries."""
    random = np.random.default_rng(5)
    queries, rows = unit(random, 6, 48), unit(random, 1700, 48)
    rows[random.choice(1700, 400, replace=False)] = rows[7]
    rows[random.choice(1700, 200, replace=False)] = rows[random.choice(1700, 200)]
    rows[random.choice(1700, 60, replace=False)] = queries[random.choice(6, 60)]
    labelled = [random.choice(900, size, replace=False) for size in (50, 1, 0, 200, 300, 30)]
    return queries, rows, labelled


def test_counts_are_those_of_a_stable_sort(case):
    queries, rows, labelled = case
    expected = by_sorting(exact_scores(queries, rows), labelled, 900)
    counts = count_above(queries, rows[:900], labelled, distractors=[rows[900:1300], rows[1300:]])
    assert_counts(counts, expected)
    assert_counts(count_above_in_scores(exact_scores(queries, rows), labelled, num_distractors=800), expected)
    alone = count_above(queries, rows[:900], labelled)
    assert all((a == b).all() for a, b in zip(alone.database, counts.database, strict=True))
    assert not np.concatenate(alone.distractors).any()


@pytest.mark.parametrize("block_rows", [1, 512, 600, 10**6])
@pytest.mark.parametrize("splits", [[], [900], [901, 1000, 1001, 1500]])
def test_neither_blocks_nor_parts_matter(case, block_rows, splits):
    queries, rows, labelled = case
    parts = np.split(rows[900:], [split - 900 for split in splits])
    counts = count_above(queries, rows[:900], labelled, distractors=parts, block_rows=block_rows)
    assert_counts(counts, by_sorting(exact_scores(queries, rows), labelled, 900))


def test_a_thousand_blocks(monkeypatch, case):
    monkeypatch.setattr(counting, "TILE_ROWS", 1)
    queries, rows, labelled = case
    counts = count_above(queries, rows[:900], labelled, distractors=[rows[900:]], block_rows=1)
    assert_counts(counts, by_sorting(exact_scores(queries, rows), labelled, 900))


def test_all_rows_equal_rank_by_row_number():
    rows = np.repeat(unit(np.random.default_rng(0), 1, 64), 700, axis=0)
    labelled = [np.array([699, 0, 350, 12])]
    counts = count_above(rows[:1], rows, labelled, distractors=[rows])
    assert counts.database[0].tolist() == [699, 0, 350, 12]
    assert counts.distractors[0].tolist() == [0, 0, 0, 0]


def test_rows_one_rounding_apart_keep_their_order():
    """Similarities 1e-9 apart: a float32 product cannot tell these rows from each other."""
    random = np.random.default_rng(1)
    query = unit(random, 1, 128)
    rows = np.repeat(query, 600, axis=0)
    rows[np.arange(600), random.integers(0, 128, 600)] *= np.float32(1 + 2**-22)
    labelled = [np.arange(600)]
    counts = count_above(query, rows, labelled, block_rows=256)
    assert len(np.unique((query @ rows.T)[0])) < 100 < len(np.unique(exact_scores(query, rows)))
    assert_counts(counts, by_sorting(exact_scores(query, rows), labelled, 600))


@pytest.mark.parametrize("dimension", [1, 2, 512, 1000])
def test_any_dimension(dimension):
    random = np.random.default_rng(dimension)
    queries, rows = unit(random, 3, dimension), unit(random, 500, dimension)
    labelled = [random.choice(400, 60, replace=False) for _ in range(3)]
    counts = count_above(queries, rows[:400], labelled, distractors=[rows[400:]])
    assert_counts(counts, by_sorting(exact_scores(queries, rows), labelled, 400))


def test_an_error_beyond_half_the_first_bound_counts_all_again(monkeypatch, case):
    queries, rows, labelled = case
    tolerances = []
    count = counting._Ladders.count

    def with_an_error(self, *arguments):
        tolerances.append(arguments[-1])
        places, error = count(self, *arguments)
        return places, max(error, 0.6 * tolerances[0])

    monkeypatch.setattr(counting._Ladders, "count", with_an_error)
    counts = count_above(queries, rows[:900], labelled, distractors=[rows[900:]])
    assert len(tolerances) == 4 and tolerances[0] == tolerances[1] < tolerances[2] == 1.01 * 48 * 2.0**-24
    assert_counts(counts, by_sorting(exact_scores(queries, rows), labelled, 900))


def test_memory_maps_and_half_precision(tmp_path, case):
    queries, rows, labelled = case
    np.save(tmp_path / "database.npy", rows[:900])
    np.save(tmp_path / "distractors.npy", rows[900:].astype(np.float16))
    database = np.load(tmp_path / "database.npy", mmap_mode="r")
    distractors = np.load(tmp_path / "distractors.npy", mmap_mode="r")
    counts = count_above(queries, database, labelled, distractors=[distractors])
    scores = exact_scores(queries, np.concatenate([rows[:900], distractors.astype(np.float32)]))
    assert_counts(counts, by_sorting(scores, labelled, 900))


def test_every_half_precision_value_converts_exactly():
    values = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 64)
    finite = np.isfinite(values)
    assert np.array_equal(counting._as_float32(values)[finite], values.astype(np.float32)[finite])
    assert (np.abs(counting._as_float32(values)[~finite]) >= 2**16).all()


def test_whitening_goes_over_queries_and_every_block(case):
    queries, rows, labelled = case
    signs = np.where(np.arange(48) % 3, 1, -1).astype(np.float32)

    def whiten(block):
        turned = (block * signs + np.float32(0.1)) / np.linalg.norm(block * signs + 0.1, axis=1, keepdims=True)
        return turned.astype(np.float32)

    counts = count_above(queries, rows[:900], labelled, distractors=[rows[900:]], whiten=whiten, block_rows=256)
    assert_counts(counts, by_sorting(exact_scores(whiten(queries), whiten(rows)), labelled, 900))


def test_no_queries_and_no_labels():
    rows = unit(np.random.default_rng(0), 10, 4)
    assert count_above(rows[:0], rows, []).database == []
    assert [len(above) for above in count_above(rows[:2], rows, [[], []]).database] == [0, 0]
    assert [len(above) for above in count_above(rows[:1], rows[:0], [[]], distractors=[rows]).distractors] == [0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.1, 0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("part", ["queries", "database", "distractors[1]"])
def test_rows_that_are_not_finite_or_not_of_unit_norm_are_refused(bad, dtype, part):
    rows = unit(np.random.default_rng(0), 700, 16).astype(dtype)
    parts = {name: rows.copy() for name in ("queries", "database", "distractors[0]", "distractors[1]")}
    parts[part][600] *= bad
    queries, database, *distractors = parts.values()
    if part != "queries":
        queries = queries[:2]
    with pytest.raises(
        ValueError, match=rf"^{part}, row 600".replace("[", r"\[").replace("]", r"\]") + ".*accepted: finite"
    ):
        count_above(queries, database, [[0]] * len(queries), distractors=distractors, block_rows=256)


def test_what_cannot_be_counted_is_refused():
    rows = unit(np.random.default_rng(0), 10, 4)
    for arguments, message in [
        ((rows, rows[:, :3], [[0]] * 10), r"database \(10, 3\); accepted: .*\(4,\)"),
        ((rows, rows.astype(np.float64), [[0]] * 10), "database are float64; accepted: float32, float16"),
        ((rows, rows.astype(np.int8), [[0]] * 10), "database are int8"),
        ((rows.astype(np.int64), rows, [[0]] * 10), "queries are int64"),
        ((rows, rows, [[0]] * 9), "labelled rows of 9 queries; accepted: of 10"),
        ((rows, rows, [[0]] * 9 + [[10]]), "query 9: labelled row 10; accepted: 0 to 9"),
        ((rows, rows, [[-1]] + [[0]] * 9), "query 0: labelled row -1"),
        ((rows, rows, [[1, 1]] * 10), "query 0: a labelled row is there twice"),
        ((rows, rows, [[0.5]] * 10), "query 0: labelled rows are float64; accepted: integers"),
    ]:
        with pytest.raises(ValueError, match=message):
            count_above(*arguments)
    with pytest.raises(ValueError, match=r"distractors\[0\] \(10, 3\)"):
        count_above(rows, rows, [[0]] * 10, distractors=[rows[:, :3]])
    with pytest.raises(ValueError, match=r"whitened queries, row 0: norm .*accepted: finite"):
        count_above(rows, rows, [[0]] * 10, whiten=lambda block: 2 * block)
    with pytest.raises(ValueError, match="accepted: a finite matrix"):
        count_above_in_scores(np.array([[0.0, np.nan]]), [[0]])
