"""Expanded descriptors and their mAP against plain loops in float64."""

import numpy as np
import pytest

from aml.evaluation.expansion import MEASURES, add_expanded, expand
from aml.evaluation.ranking import evaluate
from aml.params.expansion import ExpansionSettings, Neighbours
from tests.vectors import unit

WAYS = [Neighbours(5, 3.0), Neighbours(5, 0.0), Neighbours(1, 0.5), Neighbours(20, None), Neighbours(39, 1.0)]


def expanded(descriptors, images, how, own=None) -> np.ndarray:
    """One descriptor after the other; own: descriptors are the images, and none is its own neighbour."""
    found, images = [], images.astype(np.float64)
    for number, descriptor in enumerate(descriptors.astype(np.float64)):
        others = [row for row in range(len(images)) if own is None or row != number]
        similarity = {
            row: sum(float(a) * float(b) for a, b in zip(images[row], descriptor, strict=True)) for row in others
        }
        order = sorted(others, key=lambda row: (-round(similarity[row], 12), row))[: how.neighbours]
        total = descriptor.copy()
        for rank, row in enumerate(order, start=1):
            by_rank = (how.neighbours - rank) / how.neighbours
            total += (by_rank if how.alpha is None else max(similarity[row], 0) ** how.alpha) * images[row]
        found.append(total / np.sqrt((total**2).sum()))
    return np.array(found)


@pytest.fixture
def case():
    """Queries and images in few dimensions, so that some similarities are negative; many images are equal."""
    random = np.random.default_rng(0)
    queries, images = unit(random, 6, 8), unit(random, 40, 8)
    images[random.choice(40, 12, replace=False)] = images[3]
    return queries, images


@pytest.mark.parametrize("how", WAYS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_queries_are_expanded_as_the_formula_says(case, how, dtype):
    queries, images = case[0], case[1].astype(dtype)
    found = expand(queries, images, how)
    np.testing.assert_allclose(found, expanded(queries, images, how), rtol=0, atol=2e-7)
    assert found.dtype == np.float32


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_no_image_is_its_own_neighbour(case, how):
    _, images = case
    found = expand(images, images, how, among_themselves=True)
    np.testing.assert_allclose(found, expanded(images, images, how, own=True), rtol=0, atol=2e-7)


@pytest.mark.parametrize(("among_themselves", "available"), [(False, 40), (True, 39)])
def test_more_neighbours_than_images_are_refused(case, among_themselves, available):
    with pytest.raises(
        ValueError, match=f"expansion adds {available + 1} neighbours, and a descriptor has {available}"
    ):
        expand(case[1], case[1], Neighbours(available + 1, 3.0), among_themselves=among_themselves)


@pytest.mark.parametrize("distractors", [0, 15])
def test_each_measure_is_by_itself_and_distractors_are_neighbours_too(case, distractors):
    queries, images = case
    parts = np.split(images, [len(images) - distractors])
    labels = [{"easy": np.array([n]), "hard": np.array([n + 1]), "junk": np.array([n + 9])} for n in range(6)]
    levels = evaluate(queries, images, labels)[0]
    settings = ExpansionSettings(Neighbours(7, 3.0), Neighbours(4, None))
    by_query = expanded(queries, images, settings.query).astype(np.float32)
    by_image = expanded(images, images, settings.database, own=True).astype(np.float32)
    expected = {
        level: values
        | {MEASURES["query"]: evaluate(by_query, images, labels)[0][level]["mAP"]}
        | {MEASURES["database"]: evaluate(queries, by_image, labels)[0][level]["mAP"]}
        for level, values in levels.items()
    }
    add_expanded(levels, queries, parts, labels, settings)
    assert levels.keys() == expected.keys()
    for level, values in expected.items():
        for name in ("mAP", *MEASURES.values()):
            assert levels[level][name] == pytest.approx(values[name], abs=1e-12)
        assert len({levels[level][name] for name in ("mAP", *MEASURES.values())}) == 3  # the case tells them apart
