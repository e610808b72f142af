"""Alpha query expansion and database-side augmentation: they add to a descriptor its nearest ones (METHOD, Sec. 12).

Both need nothing but stored descriptors. They are off unless params.yaml asks for them.
"""

from collections.abc import Sequence

import numpy as np

from aml.evaluation.neighbours import nearest
from aml.evaluation.ranking import GroundTruth, evaluate
from aml.params.expansion import ExpansionSettings, Neighbours

MEASURES = {"query": "mAP+QE", "database": "mAP+DBA"}  # in records and tables


def constants(settings: ExpansionSettings) -> dict[str, dict]:
    """Return neighbours and alpha of each measure that is on, by its name."""
    return {name: vars(how) for part, name in MEASURES.items() if (how := getattr(settings, part))}


def add_expanded(
    levels: dict[str, dict],
    queries: np.ndarray,
    images: Sequence[np.ndarray],
    ground_truth: GroundTruth,
    settings: ExpansionSettings,
) -> None:
    """Add the measures that are on to `levels`, which `ranking.evaluate` gave for the same arguments.

    images: the database (N, D), and the distractors (M, D) if they are searched too. All of them can be neighbours,
    junk included. Each measure is by itself: expanded queries meet the database as it is, and the other way round.
    """
    if settings.query is None and settings.database is None:
        return
    rows = np.concatenate(images)
    if settings.query is not None:
        _add(levels, MEASURES["query"], expand(queries, rows, settings.query), rows, ground_truth)
    if settings.database is not None:
        augmented = expand(rows, rows, settings.database, among_themselves=True)
        _add(levels, MEASURES["database"], queries, augmented, ground_truth)


def expand(
    descriptors: np.ndarray, images: np.ndarray, how: Neighbours, *, among_themselves: bool = False
) -> np.ndarray:
    """Return each of descriptors (Q, D) plus its nearest of images (N, D) by weight, of unit norm, float32.

    All are unit-norm, float32 or float16; sums are float64. among_themselves: the descriptors are the images, and none
    is a neighbour of itself. Raises ValueError if there are fewer images than neighbours.
    """
    number, available = how.neighbours, len(images) - among_themselves
    if number > available:
        raise ValueError(
            f"expansion adds {number} neighbours, and a descriptor has {available}; accepted: as many or fewer, as "
            "neighbours in section expansion of params.yaml"
        )
    found, similarities = nearest(descriptors, images, number + among_themselves)
    if among_themselves:
        others = found != np.arange(len(images))[:, None]
        others[others.all(axis=1), -1] = False  # so many rows are equal to this one that it isn't among the nearest
        found, similarities = (values[others].reshape(-1, number) for values in (found, similarities))
    if how.alpha is None:
        weights = np.broadcast_to(1 - np.arange(1, number + 1) / number, found.shape)
    else:
        weights = np.maximum(similarities, 0) ** how.alpha
    expanded = np.empty(descriptors.shape, np.float32)
    for i, descriptor in enumerate(descriptors):
        total = descriptor + weights[i] @ images[found[i]].astype(np.float64)
        expanded[i] = total / np.linalg.norm(total)
    return expanded


def _add(levels: dict, name: str, queries: np.ndarray, images: np.ndarray, ground_truth: GroundTruth) -> None:
    for level, values in evaluate(queries, images, ground_truth)[0].items():
        levels[level][name] = values["mAP"]
