"""The bootstrap of the tables' scores: each network's mAP and mP@10 in draws of landmarks and seeds.

A draw takes from each test set as many landmarks as it has, with replacement and with all their queries, and as many
seeds as students have. All networks answered the same queries, so one draw serves all of them: what makes a landmark
hard for two networks cancels out of their difference.

A column is (protocol, <set> or <set>+<distractors>, level); the protocol "chance" is a random ranking.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aml.evaluation.per_query import Column, read_per_query
from aml.params.reports import BootstrapSettings, TableSettings
from aml.tables.model import LEVELS, METRICS

CHANCE = "chance"  # protocol and key of the random ranking
ROUNDING = 0.005 + 1e-6  # of a record's mAP, and of the queries' AP

# by network key (or "chance"), protocol, set, level, metric: (draws,) float32, percent
Draws = dict[tuple[str, str, str, str, str], np.ndarray]


@dataclass(frozen=True)
class Answers:
    """The scores of networks on those queries of a column that have positives."""

    file: str  # the first that was read
    landmarks: dict[str, int]  # by query
    scores: dict[str, np.ndarray] = field(default_factory=dict)  # by network key: (seeds, METRICS, queries), percent


Scores = dict[Column, Answers]


def read_scores(folder: Path, records: dict[str, dict], settings: TableSettings) -> Scores:
    """Read the scores of every network that has, for each seed, a record and <folder>/<key>.csv.

    Raises ValueError if a file does not come from its record's evaluation, or has other queries and landmarks than the
    files before it.
    """
    found: Scores = {}
    for network in settings.networks():
        paths = {key: folder / f"{key}.csv" for key in network.record_keys}
        if any(key not in records or not path.exists() for key, path in paths.items()):
            continue
        files = [read_per_query(path) for path in paths.values()]
        for column in _columns(settings):
            of_seeds = []
            for (key, path), of_file in zip(paths.items(), files, strict=True):
                queries = of_file.get(column, {})
                _check_mean(records[key], path, column, [query.average_precision for query in queries.values()])
                if not queries:
                    continue
                landmarks = {name: query.landmark for name, query in queries.items()}
                first = found.setdefault(column, Answers(path.name, landmarks))
                if list(landmarks.items()) != list(first.landmarks.items()):
                    raise ValueError(
                        f"{path} has other queries with positives than {first.file} in {'.'.join(column)}, or other "
                        "landmarks; accepted: the same, in one order, since networks are compared query by query"
                    )
                values = [(query.average_precision, query.precision_at_10) for query in queries.values()]
                of_seeds.append(np.transpose(values))
            if of_seeds and column[0] == CHANCE:
                found[column].scores.setdefault(CHANCE, np.array(of_seeds[:1]))
            elif of_seeds:
                found[column].scores[network.key] = np.array(of_seeds)
    return found


def draw(scores: Scores, settings: BootstrapSettings) -> Draws:
    """Return each network's mAP and mP@10 in each draw, right to six digits.

    The landmarks of each test set, and the seeds, are drawn separately. A draw is left out if it has no query with a
    positive at a level.
    """
    landmarks: dict[str, np.ndarray] = {}  # numbers, by test set
    for column, answers in scores.items():
        numbers = [*landmarks.get(_test_set(column), ()), *answers.landmarks.values()]
        landmarks[_test_set(column)] = np.unique(numbers)
    drawn = {
        name: draw_counts(len(numbers), draws=settings.draws, seed=(settings.seed, 1 + stream))
        for stream, (name, numbers) in enumerate(landmarks.items())
    }
    members = {  # (queries, landmarks), 1 where a query shows a landmark
        column: np.float32(np.array([*answers.landmarks.values()])[:, None] == landmarks[_test_set(column)])
        for column, answers in scores.items()
    }
    num_queries = {column: drawn[_test_set(column)] @ of_column.sum(axis=0) for column, of_column in members.items()}
    kept = np.all([numbers > 0 for numbers in num_queries.values()], axis=0)
    found: Draws = {}
    for column, answers in scores.items():
        counts = drawn[_test_set(column)][kept]
        for number in {len(of_network) for of_network in answers.scores.values()}:  # of seeds
            networks = {key: values for key, values in answers.scores.items() if len(values) == number}
            seeds = draw_counts(number, draws=settings.draws, seed=(settings.seed, 0))[kept]
            weights = seeds[:, :, None] * counts[:, None, :]  # (draws, seeds, landmarks)
            weights /= number * num_queries[column][kept][:, None, None]
            sums = np.float32(list(networks.values())) @ members[column]  # (networks, seeds, METRICS, landmarks)
            means = np.tensordot(sums, weights, ([1, 3], [1, 2]))  # (networks, METRICS, draws)
            for key, of_network in zip(networks, means, strict=True):
                found |= {(key, *column, metric): values for metric, values in zip(METRICS, of_network, strict=True)}
    return found


def _columns(settings: TableSettings) -> list[Column]:
    names = [test_set.key for test_set in settings.test_sets]
    if settings.distractors:
        names += [f"{name}+{settings.distractors.key}" for name in names]
    protocols = ("symmetric", "asymmetric", CHANCE)
    return [(protocol, name, level) for protocol in protocols for name in names for level in LEVELS]


def _test_set(column: Column) -> str:
    return column[1].partition("+")[0]


def draw_counts(number: int, *, draws: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """Return how often each of `number` things comes in a draw of so many with replacement: (draws, number) float32."""
    drawn = np.random.default_rng(seed).integers(0, number, (draws, number))
    drawn += number * np.arange(draws)[:, None]  # bins of its own for each draw
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float32)


def percentile_interval(values: np.ndarray, confidence: float) -> np.ndarray:
    """Return the ends (2, N) of the middle `confidence` percent of each row of values (N, draws), interpolated linearly
    between two draws."""
    outside = (100 - confidence) / 2
    return np.percentile(values, [outside, 100 - outside], axis=1)


def _check_mean(record: dict, path: Path, column: Column, found: list[float]) -> None:
    """Raise ValueError unless the mean of the queries' AP is the record's mAP, or there is none of either."""
    expected = recorded(record, column)
    mean = sum(found) / len(found) if found else None
    if (mean is None) != (expected is None) or (mean is not None and abs(mean - expected) > ROUNDING):
        shown = "no AP" if mean is None else f"AP of mean {mean:.2f}"
        raise ValueError(
            f"{path} has {shown} in {'.'.join(column)}; accepted: the record's mAP, {expected}; evaluate both again"
        )


def recorded(record: dict, column: Column) -> float | None:
    """Return a record's mAP in percent, None where it has none."""
    protocol, name, level = column
    return record.get(protocol, {}).get(name, {}).get(level, {}).get("mAP")
