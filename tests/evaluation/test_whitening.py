"""Whitening against the authors' values, its defining property, and singular cases."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aml.evaluation import whitening
from aml.files.whitening import Whitening
from tests.vectors import unit

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "whitening.npz"


@pytest.fixture
def parity():
    """The authors' descriptors, pairs and results, and what is learned here of these."""
    with np.load(PARITY) as file:
        found = SimpleNamespace(**file)
    found.scatter = scatter_of(found.descriptors, found.qidxs, found.pidxs)
    found.learned = whitening.learn(found.descriptors, found.qidxs, found.pidxs)
    found.projected = (found.descriptors - found.learned.mean) @ found.learned.projection.T
    found.applied = whitening.whiten_queries(found.descriptors.astype(np.float32), found.learned)
    return found


def test_agrees_with_the_authors_up_to_signs(parity):
    np.testing.assert_allclose(parity.learned.mean, parity.mean, rtol=1e-12)
    whitened = parity.projected / (np.linalg.norm(parity.projected, axis=1, keepdims=True) + 1e-6)
    signs = np.sign((whitened * parity.whitened).sum(axis=0))
    np.testing.assert_allclose(whitened * signs, parity.whitened, rtol=0, atol=1e-6 * np.abs(parity.whitened).max())
    np.testing.assert_allclose(parity.applied * signs, parity.whitened, rtol=0, atol=1e-6)
    assert parity.learned.regularisation == 0


def test_differences_of_pairs_become_white_and_axes_fall_in_variance(parity):
    """Norms are one but for the constant."""
    projection = parity.learned.projection
    np.testing.assert_allclose(projection @ parity.scatter @ projection.T, np.eye(32), atol=1e-10)
    variances = parity.projected.T @ parity.projected
    np.testing.assert_allclose(variances, np.diag(np.diag(variances)), atol=1e-8 * variances.max())
    assert (np.diff(np.diag(variances)) <= 0).all()
    assert parity.learned.condition_number == pytest.approx(np.linalg.cond(parity.scatter), rel=1e-9)
    norms = np.linalg.norm(parity.projected, axis=1)
    np.testing.assert_allclose(np.linalg.norm(parity.applied, axis=1), norms / (norms + 1e-6), atol=3e-7)


def test_signs_do_not_depend_on_chance(parity):
    largest = np.abs(parity.learned.projection).argmax(axis=1)
    assert (parity.learned.projection[np.arange(32), largest] > 0).all()
    order = np.random.default_rng(0).permutation(400)
    rows_of = np.argsort(order)
    again = whitening.learn(parity.descriptors[order], rows_of[parity.qidxs], rows_of[parity.pidxs])
    np.testing.assert_allclose(again.projection, parity.learned.projection, rtol=1e-7, atol=1e-8)


def test_a_row_at_the_mean_stays_finite():
    learned = Whitening(np.array([0.5, 0.75]), np.eye(2))
    assert whitening.whiten_queries(np.array([[0.5, 0.75]], np.float32), learned).tolist() == [[0, 0]]


def scatter_of(descriptors, queries, positives):
    differences = (descriptors[queries] - descriptors[positives]).astype(np.float64)
    return differences.T @ differences / len(queries)


def authors_constant(scatter):
    """What the authors' code adds to the diagonal: 0, then 1e-10, ten times as much and so on."""
    added = 0.0
    while True:
        try:
            np.linalg.cholesky(scatter + added * np.eye(len(scatter)))
        except np.linalg.LinAlgError:
            added = 10 * added or 1e-10
        else:
            return added


@pytest.mark.parametrize(("scale", "least"), [(1, 1e-10), (1e4, 1e-9), (1e5, 1e-8)])
def test_fewer_pairs_than_dimensions_take_the_authors_constant(scale, least):
    """Rounding grows with S, and what has to be added with it: the rule has several steps to take. Shrinkage is added
    before."""
    descriptors = scale * unit(np.random.default_rng(2), 60, 32).astype(np.float64)
    pairs = np.arange(10), np.arange(10, 20)
    learned, scatter = whitening.learn(descriptors, *pairs), scatter_of(descriptors, *pairs)
    assert learned.regularisation == pytest.approx(authors_constant(scatter), rel=1e-12)
    assert learned.regularisation >= least
    if scale == 1:
        assert learned.condition_number == pytest.approx(np.linalg.eigvalsh(scatter)[-1] / 1e-10, rel=0.01)
    assert np.isfinite(learned.projection).all()
    assert np.isfinite(whitening.whiten_queries(descriptors.astype(np.float32), learned)).all()
    assert whitening.learn(descriptors, *pairs, shrinkage=0.1).regularisation == 0


def test_a_factor_that_comes_out_is_taken_however_small_its_pivot():
    """S = diag(1/2, 1e-24 / 2): its factor exists, and the code does not ask for more."""
    descriptors = np.array([[0.5, 0], [-0.5, 0], [0, 5e-13], [0, -5e-13]])
    learned = whitening.learn(descriptors, np.array([0, 2]), np.array([1, 3]))
    assert learned.regularisation == 0
    np.testing.assert_allclose(learned.projection.T @ learned.projection, np.diag([2, 2e24]), rtol=1e-9, atol=1e-3)
    assert learned.condition_number == pytest.approx(1 / np.finfo(np.float64).eps)  # more can't be told apart


def test_shrinkage_adds_its_share_of_the_mean_diagonal(parity):
    """Whitened differences have the covariance of S measured by S + a d I; the axes still fall in variance."""
    learned = whitening.learn(parity.descriptors, parity.qidxs, parity.pidxs, shrinkage=0.5)
    shrunk = parity.scatter + 0.5 * np.diag(parity.scatter).mean() * np.eye(32)
    np.testing.assert_allclose(learned.projection @ shrunk @ learned.projection.T, np.eye(32), atol=1e-10)
    assert learned.condition_number == pytest.approx(np.linalg.cond(shrunk), rel=1e-9)
    assert learned.regularisation == 0
    variances = np.square((parity.descriptors - learned.mean) @ learned.projection.T).sum(axis=0)
    assert (np.diff(variances) <= 0).all()


def test_what_does_not_fit_is_refused():
    descriptors = unit(np.random.default_rng(2), 60, 32).astype(np.float64)
    for scale, queries, positives, message in (
        (1, [], [], "no pairs to learn from; accepted: at least one pair"),
        (1, range(20), range(20), r"mean diagonal 0, has no Cholesky factor; accepted: .*same image twice"),
        (1e-5, range(10), range(10, 20), r"mean diagonal [56]\.\S+e-12, has no Cholesky factor; accepted"),
    ):
        with pytest.raises(ValueError, match=message):
            whitening.learn(scale * descriptors, np.array(queries, int), np.array(positives, int))
    with pytest.raises(ValueError, match=r"descriptors \(2, 7\); accepted: rows of dimension 8"):
        whitening.whiten_queries(np.zeros((2, 7), np.float32), Whitening(np.zeros(8), np.eye(8)))
