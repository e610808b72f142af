"""Lists of neighbours against a full sort, with duplicates."""

import functools
import sys

import numpy as np
import pytest

from aml.evaluation import neighbours
from aml.evaluation.neighbours import nearest
from tests.evaluation.naive import similarities
from tests.vectors import unit


@pytest.fixture
def case():
    random = np.random.default_rng(0)
    queries, database = unit(random, 5, 32), unit(random, 300, 32)
    database[random.choice(300, 80, replace=False)] = database[4]
    database[random.choice(300, 40, replace=False)] = queries[0]
    return queries, database


@pytest.mark.parametrize("k", [1, 7, 100, 300])
def test_the_list_is_that_of_a_stable_sort(case, k):
    queries, database = case
    rows, found = nearest(queries, database, k)
    scores = similarities(queries, database)
    order = np.argsort(-np.round(scores, 12), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(rows, order)
    np.testing.assert_allclose(found, np.take_along_axis(scores, order, axis=1), rtol=0, atol=1e-12)
    assert rows.dtype == np.int64


@pytest.mark.parametrize("k", [1, 7, 100, 300])
def test_where_faiss_cannot_be_imported_numpy_finds_the_same_and_says_so(case, k, monkeypatch, capsys):
    by_faiss = nearest(*case, k)
    monkeypatch.setitem(sys.modules, "faiss", None)  # an import of it is an ImportError
    monkeypatch.setattr(neighbours, "_faiss", functools.cache(neighbours._faiss.__wrapped__))
    for found, expected in zip(nearest(*case, k), by_faiss, strict=True):
        np.testing.assert_array_equal(found, expected)
    nearest(*case, k)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("faiss can't be imported (import of faiss halted")


@pytest.mark.parametrize("k", [0, -1, 301])
def test_k_outside_the_database_is_refused(case, k):
    with pytest.raises(ValueError, match=f"k {k}; accepted: 1 to 300"):
        nearest(*case, k)
