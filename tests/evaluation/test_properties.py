"""What must hold for every ranking, on hundreds of them, and for every basis that descriptors are written in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aml.evaluation import whitening
from aml.evaluation.ranking import CLASSES, evaluate, labelled_rows, summarise
from tests.evaluation.naive import counts_by_sorting
from tests.vectors import unit

RANKINGS = st.lists(st.sampled_from(["easy", "hard", "junk", "none", "none"]), max_size=25)
properties = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def measured(ranking: list[str]) -> dict[tuple[str, str], float]:
    """(level, measure) -> mean, of one query whose database, in ranking order, has these classes."""
    ground_truth = [{name: [i for i, found in enumerate(ranking) if found == name] for name in CLASSES}]
    scores = np.linspace(1, 0, len(ranking))[None]
    above, _ = counts_by_sorting(scores, labelled_rows(ground_truth))
    levels = summarise(above, ground_truth)
    return {(level, name): value for level, found in levels.items() for name, value in found.items() if name[0] == "m"}


@properties
@given(ranking=RANKINGS, rank=st.integers(1, 24))
def test_a_positive_that_moves_up_never_costs_anything(ranking, rank):
    rank = min(rank, len(ranking) - 1)
    if rank < 1 or ranking[rank] not in ("easy", "hard") or ranking[rank - 1] in ("easy", "hard"):
        return
    before = measured(ranking)
    ranking[rank - 1], ranking[rank] = ranking[rank], ranking[rank - 1]
    after = measured(ranking)
    assert after.keys() == before.keys()
    assert all(after[name] >= before[name] for name in before)
    if ranking[rank] == "none":
        assert after["medium", "mAP"] > before["medium", "mAP"]


@properties
@given(ranking=RANKINGS, ranks=st.lists(st.integers(0, 25), min_size=1, max_size=6))
def test_added_junk_changes_nothing(ranking, ranks):
    longer = ranking.copy()
    for rank in ranks:
        longer.insert(rank, "junk")
    assert measured(longer) == measured(ranking)


@properties
@given(ranking=RANKINGS, rank=st.integers(0, 25))
def test_an_added_negative_gains_nothing(ranking, rank):
    longer = [*ranking[:rank], "none", *ranking[rank:]]
    before, after = measured(ranking), measured(longer)
    assert after.keys() == before.keys() and all(after[name] <= before[name] for name in before)


def test_whitened_results_do_not_depend_on_the_basis():
    random = np.random.default_rng(0)
    rows, pairs = unit(random, 600, 16), (np.arange(200), np.arange(200, 400))
    rows[200:400] = unit_rows(rows[:200] + 0.5 * rows[200:400])
    turn, _ = np.linalg.qr(random.normal(size=(16, 16)))
    turned = unit_rows(rows.astype(np.float64) @ turn)
    one, other = whitening.learn(rows, *pairs), whitening.learn(turned, *pairs)
    whitened = [whitening.whiten_queries(x, w) for x, w in ((rows, one), (turned, other))]
    gram, turned_gram = (x @ x.T for x in whitened)
    assert np.abs(gram - rows @ rows.T).max() > 0.1  # it does something
    np.testing.assert_allclose(turned_gram, gram, rtol=0, atol=2e-6)
    ground_truth = [{"easy": [i], "hard": [i + 10, i + 20], "junk": [i + 30]} for i in range(20)]
    results = [evaluate(x[:20], x[400:], ground_truth)[0] for x in whitened]
    for level in results[0]:
        np.testing.assert_array_equal(results[0][level]["AP"], results[1][level]["AP"])


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
