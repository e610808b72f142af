"""What must hold for every ranking, on hundreds of them, and for every basis that descriptors are written in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aml.evaluation import whitening
from aml.evaluation.ranking import CLASSES, labelled_rows, summarise
from tests.evaluation.naive import counts_by_sorting
from tests.vectors import unit

RANKINGS = st.lists(st.sampled_from(["easy", "hard", "junk", "none", "none"]), max_size=25)
properties = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def measured(ranking: list[str]) -> dict[tuple[str, str], float]:
    """(level, measure) -> mean, of one query whose database, in ranking order, has these classes."""
    ground_truth = [{name: [i for i, found in enumerate(ranking) if found == name] for name in CLASSES}]
    above, _ = counts_by_sorting(np.linspace(1, 0, len(ranking))[None], labelled_rows(ground_truth))
    levels = summarise(above, ground_truth)
    return {(level, name): value for level, found in levels.items() for name, value in found.items() if name[0] == "m"}


@properties
@given(before=RANKINGS, positive=st.sampled_from(["easy", "hard"]), after=RANKINGS)
def test_a_positive_that_moves_up_past_a_negative_gains(before, positive, after):
    low, high = (measured([*before, *pair, *after]) for pair in (("none", positive), (positive, "none")))
    assert low.keys() == high.keys() and all(high[name] >= low[name] for name in low)
    assert high["medium", "mAP"] > low["medium", "mAP"]


@properties
@given(ranking=RANKINGS, ranks=st.lists(st.integers(0, 25), min_size=1, max_size=6))
def test_added_junk_changes_nothing(ranking, ranks):
    longer = ranking.copy()
    for rank in ranks:
        longer.insert(rank, "junk")
    assert measured(longer) == measured(ranking)


def test_whitened_similarities_do_not_depend_on_the_basis():
    random = np.random.default_rng(0)
    rows, pairs = unit(random, 600, 16), (np.arange(200), np.arange(200, 400))
    turned = rows.astype(np.float64) @ np.linalg.qr(random.normal(size=(16, 16)))[0]
    found = [whitening.whiten_queries(x, whitening.learn(x, *pairs)) for x in (rows, turned)]
    np.testing.assert_allclose(found[1] @ found[1].T, found[0] @ found[0].T, rtol=0, atol=2e-6)
    assert np.abs(found[0] @ found[0].T - rows @ rows.T).max() > 0.1  # it does something
