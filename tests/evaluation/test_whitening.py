"""Whitening against the authors' values, its defining property, and singular cases."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aml.evaluation import whitening
from aml.files.whitening import Whitening

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "whitening.npz"


def unit(random, *shape):
    """Rows of norm 1, float64."""
    rows = random.standard_normal(shape)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture
def parity():
    with np.load(PARITY) as file:
        return dict(file)


def test_agrees_with_the_authors_up_to_signs(parity):
    descriptors = parity["descriptors"]
    learned = whitening.learn(descriptors, parity["qidxs"], parity["pidxs"])
    np.testing.assert_allclose(learned.mean, parity["mean"], rtol=1e-12)
    projected = (descriptors - learned.mean) @ learned.projection.T
    whitened = projected / (np.linalg.norm(projected, axis=1, keepdims=True) + 1e-6)
    signs = np.sign((whitened * parity["whitened"]).sum(axis=0))
    np.testing.assert_allclose(
        whitened * signs, parity["whitened"], rtol=0, atol=1e-6 * np.abs(parity["whitened"]).max()
    )
    applied = whitening.whiten_queries(descriptors.astype(np.float32), learned)
    np.testing.assert_allclose(applied * signs, parity["whitened"], rtol=0, atol=1e-6)
    assert learned.regularisation == 0


def test_differences_of_pairs_become_white_and_axes_fall_in_variance(parity):
    descriptors, queries, positives = parity["descriptors"], parity["qidxs"], parity["pidxs"]
    learned = whitening.learn(descriptors, queries, positives)
    differences = (descriptors[queries] - descriptors[positives]) @ learned.projection.T
    np.testing.assert_allclose(differences.T @ differences / len(queries), np.eye(32), atol=1e-10)
    projected = (descriptors - learned.mean) @ learned.projection.T
    variances = projected.T @ projected
    np.testing.assert_allclose(variances, np.diag(np.diag(variances)), atol=1e-8 * variances.max())
    assert (np.diff(np.diag(variances)) <= 0).all()


def test_signs_do_not_depend_on_chance(parity):
    learned = whitening.learn(parity["descriptors"], parity["qidxs"], parity["pidxs"])
    largest = np.abs(learned.projection).argmax(axis=1)
    assert (learned.projection[np.arange(32), largest] > 0).all()
    order = np.random.default_rng(0).permutation(400)
    rows_of = np.argsort(order)
    again = whitening.learn(parity["descriptors"][order], rows_of[parity["qidxs"]], rows_of[parity["pidxs"]])
    np.testing.assert_allclose(again.projection, learned.projection, rtol=1e-7, atol=1e-8)


def test_norms_are_one_but_for_the_constant(parity):
    learned = whitening.learn(parity["descriptors"], parity["qidxs"], parity["pidxs"])
    projected = (parity["descriptors"] - learned.mean) @ learned.projection.T
    expected = np.linalg.norm(projected, axis=1) / (np.linalg.norm(projected, axis=1) + 1e-6)
    norms = np.linalg.norm(whitening.whiten_queries(parity["descriptors"].astype(np.float32), learned), axis=1)
    np.testing.assert_allclose(norms, expected, atol=3e-7)


def test_a_row_at_the_mean_stays_finite():
    learned = Whitening(np.array([0.5, 0.75]), np.eye(2))
    assert whitening.whiten_queries(np.array([[0.5, 0.75]], np.float32), learned).tolist() == [[0, 0]]


def test_torch_and_numpy_whiten_alike_in_the_type_of_the_rows(parity):
    learned = whitening.learn(parity["descriptors"], parity["qidxs"], parity["pidxs"])
    exact = whitening.whiten(parity["descriptors"], learned.mean, learned.projection)
    narrow = [torch.tensor(x, dtype=torch.float32) for x in (parity["descriptors"], learned.mean, learned.projection)]
    found = whitening.whiten(*narrow)
    assert (exact.dtype, found.dtype) == (np.float64, torch.float32)
    np.testing.assert_allclose(found.numpy(), exact, rtol=0, atol=2e-6)


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
    """Rounding grows with S, and what has to be added with it: the rule has several steps to take."""
    descriptors = scale * unit(np.random.default_rng(2), 60, 32)
    pairs = np.arange(10), np.arange(10, 20)
    learned, scatter = whitening.learn(descriptors, *pairs), scatter_of(descriptors, *pairs)
    assert learned.regularisation == pytest.approx(authors_constant(scatter), rel=1e-12)
    assert learned.regularisation >= least
    if scale == 1:
        assert learned.condition_number == pytest.approx(np.linalg.eigvalsh(scatter)[-1] / 1e-10, rel=0.01)
    assert np.isfinite(learned.projection).all()
    assert np.isfinite(whitening.whiten_queries(descriptors.astype(np.float32), learned)).all()


def test_a_component_that_no_pair_differs_in_gets_the_constant_alone():
    """Two pairs, e1 and e2 apart: S = diag(1/2, 1/2, 0), and P^T P is the inverse of S + 1e-10 I."""
    descriptors = np.array([[0.5, 0, 1], [-0.5, 0, 1], [0, 0.5, 1], [0, -0.5, 1]])
    learned = whitening.learn(descriptors, np.array([0, 2]), np.array([1, 3]))
    assert learned.regularisation == 1e-10
    assert learned.condition_number == pytest.approx((0.5 + 1e-10) / 1e-10, rel=1e-9)
    np.testing.assert_allclose(learned.projection.T @ learned.projection, np.diag([2, 2, 1e10]), rtol=1e-8, atol=1e-3)


def test_a_factor_that_comes_out_is_taken_however_small_its_pivot():
    """S = diag(1/2, 1e-24 / 2): its factor exists, and the code does not ask for more."""
    descriptors = np.array([[0.5, 0], [-0.5, 0], [0, 5e-13], [0, -5e-13]])
    learned = whitening.learn(descriptors, np.array([0, 2]), np.array([1, 3]))
    assert learned.regularisation == 0
    np.testing.assert_allclose(learned.projection.T @ learned.projection, np.diag([2, 2e24]), rtol=1e-9, atol=1e-3)
    assert learned.condition_number == pytest.approx(1 / np.finfo(np.float64).eps)  # more can't be told apart


def test_the_condition_number_is_that_of_the_scatter(parity):
    learned = whitening.learn(parity["descriptors"], parity["qidxs"], parity["pidxs"])
    scatter = scatter_of(parity["descriptors"], parity["qidxs"], parity["pidxs"])
    assert learned.condition_number == pytest.approx(np.linalg.cond(scatter), rel=1e-9)


def test_shrinkage_adds_its_share_of_the_mean_diagonal(parity):
    """Whitened differences have the covariance of S measured by S + a d I; the axes still fall in variance."""
    descriptors, queries, positives = parity["descriptors"], parity["qidxs"], parity["pidxs"]
    learned = whitening.learn(descriptors, queries, positives, shrinkage=0.5)
    scatter = scatter_of(descriptors, queries, positives)
    shrunk = scatter + 0.5 * np.diag(scatter).mean() * np.eye(32)
    np.testing.assert_allclose(learned.projection @ shrunk @ learned.projection.T, np.eye(32), atol=1e-10)
    assert learned.condition_number == pytest.approx(np.linalg.cond(shrunk), rel=1e-9)
    assert learned.regularisation == 0
    variances = np.square((descriptors - learned.mean) @ learned.projection.T).sum(axis=0)
    assert (np.diff(variances) <= 0).all()


def test_shrinkage_is_added_before_the_authors_constant_is_sought():
    """Of fewer pairs than dimensions the scatter is singular, and with shrinkage it is not."""
    descriptors = unit(np.random.default_rng(2), 60, 32)
    pairs = np.arange(10), np.arange(10, 20)
    assert whitening.learn(descriptors, *pairs).regularisation > 0
    assert whitening.learn(descriptors, *pairs, shrinkage=0.1).regularisation == 0


def test_pairs_without_difference_are_refused():
    descriptors = unit(np.random.default_rng(3), 30, 8)
    with pytest.raises(ValueError, match=r"mean diagonal 0, has no Cholesky factor; accepted: .*same image twice"):
        whitening.learn(descriptors, np.arange(20), np.arange(20))


def test_more_than_the_mean_diagonal_is_not_added():
    descriptors = 1e-5 * unit(np.random.default_rng(2), 60, 32)
    with pytest.raises(ValueError, match=r"mean diagonal [56]\.\S+e-12, has no Cholesky factor; accepted"):
        whitening.learn(descriptors, np.arange(10), np.arange(10, 20))


def test_what_does_not_fit_is_refused():
    descriptors = unit(np.random.default_rng(2), 60, 8)
    with pytest.raises(ValueError, match="no pairs to learn from; accepted: at least one pair"):
        whitening.learn(descriptors, np.array([], int), np.array([], int))
    learned = whitening.learn(descriptors, np.arange(30), np.arange(30, 60))
    with pytest.raises(ValueError, match=r"descriptors \(2, 7\); accepted: rows of dimension 8"):
        whitening.whiten_queries(np.zeros((2, 7), np.float32), learned)
