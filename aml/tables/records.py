"""Metrics records at the door of the tables: what they must say, what seeds have in common, and one score out of them.

Torch-free.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from aml.files.reading import read_json
from aml.params.reports import Network


def read_records(folder: Path, networks: Iterable[Network]) -> dict[str, dict]:
    """The metrics records <key>.json of the networks, by key; a network without one has none here.

    Other files of the folder, such as records of cells that left the grid, are not opened. Raises ValueError naming a
    record that is damaged.
    """
    paths = {key: folder / f"{key}.json" for network in networks for key in network.record_keys}
    return {key: read_json(path) for key, path in paths.items() if path.exists()}


def check_records(records: dict[str, dict], networks: Iterable[Network], sets: Iterable[str]):
    """Refuse records that can't stand in one table.

    Raises ValueError for a record that isn't about the network and seed its key names, wasn't made with query crops and
    the database side's whitening, holds a score that is no percentage, or was evaluated on other lists, sizes or
    scales than the records before it. Records of no row are not looked at.
    """
    sets = tuple(sets)
    first = None
    for network in networks:
        for key in (key for key in network.record_keys if key in records):
            record = records[key]
            _check_identity(record, key, network)
            _check_protocol(record, key, sets)
            for section in _sections(network):
                _check_whitening(record, key, section)
                _check_scores(_get(record, key, section), f"record {key!r}: {section}")
            first = first or key
            _check_same(records[first], record, first, key, sets)


def missing_records(records: dict[str, dict], networks: Iterable[Network]) -> list[str]:
    """The keys that the networks' records would have, of those that are not there."""
    return [key for network in networks for key in network.record_keys if key not in records]


def over_seeds(
    records: dict[str, dict], networks: Iterable[Network], statistic: Callable[[list[float]], float]
) -> dict[str, dict]:
    """By network key a record whose scores are a statistic of those of its seeds, such as `mean`.

    A network without one of its records has none. Raises ValueError where a seed lacks a score that another has.
    """
    found = {}
    for network in networks:
        of_seeds = {key: records[key] for key in network.record_keys if key in records}
        if len(of_seeds) == len(network.record_keys):
            found[network.key] = {
                "evaluation": next(iter(of_seeds.values()))["evaluation"],
                **{section: _combined(of_seeds, (section,), statistic) for section in _sections(network)},
            }
    return found


def mean(values: list[float]) -> float:
    return round(statistics.fmean(values), 9)  # so that halves are halves in binary too


def deviation(values: list[float]) -> float:
    """Of a sample of two or more."""
    return statistics.stdev(values)


def score(record: dict, key: str, *, section: str, name: str, level: str, metric: str) -> float | None:
    """A score in percent, None at a level at which no query has a positive; `name` is a set's, or <set>+<distractors>.

    Raises ValueError if the record lacks the set or, at a level that it has, the metric.
    """
    levels = _get(record, key, section, name)
    return float(_get(record, key, section, name, level, metric)) if level in levels else None


def num_distractors(record: dict, key: str, name: str) -> int:
    """How many distractors the record's network was evaluated against on a test set."""
    return _get(record, key, "evaluation", "sets", name, "num_distractors")


def learned_whitening(record: dict, key: str, section: str) -> dict | None:
    """How the whitening of a protocol's database side was learned: `regularisation`, what was added to the diagonal of
    the pairs' scatter matrix, and `condition_number`, that of the sum; None for one that came with its network.

    Raises ValueError if the record lacks it.
    """
    return _get(record, key, "evaluation", "learned_whitening", section)


def _sections(network: Network) -> tuple[str, ...]:
    return ("symmetric", "asymmetric") if network.teacher else ("symmetric",)


def _combined(of_seeds: dict[str, dict], path: tuple[str, ...], statistic: Callable):
    nodes = [_get(record, key, *path) for key, record in of_seeds.items()]
    if not isinstance(nodes[0], dict):
        return statistic(nodes)
    return {name: _combined(of_seeds, (*path, name), statistic) for name in dict.fromkeys(chain(*nodes))}


def _check_identity(record: dict, key: str, network: Network):
    teacher = network.teacher
    accepted = {
        "key": (key,),
        "network": (network.name,),
        "teacher": (teacher and teacher.key,),
        "loss": (network.loss.key,) if teacher else (network.loss.key, None),  # published teachers may not say theirs
        "dimension": (network.dimension,),
        "seed": (network.record_keys[key],),
    }
    for field, values in accepted.items():
        found = _get(record, key, "network", field)
        if found not in values:
            raise ValueError(f"record {key!r}: network.{field} is {found!r}; accepted: {values[0]!r}")


def _check_protocol(record: dict, key: str, sets: tuple[str, ...]):
    for field, accepted in (("query_crop", True), ("whitening", "database")):
        found = _get(record, key, "evaluation", field)
        if type(found) is not type(accepted) or found != accepted:
            raise ValueError(f"record {key!r}: evaluation.{field} is {found!r}; accepted: {accepted!r}")
    for name in sets:
        for count, least in (("num_queries", 1), ("num_database", 1), ("num_distractors", 0)):
            found = _get(record, key, "evaluation", "sets", name, count)
            if type(found) is not int or found < least:
                raise ValueError(
                    f"record {key!r}: evaluation.sets.{name}.{count} is {found!r}; accepted: whole, >= {least}"
                )
        _get(record, key, "evaluation", "sets", name, "digest")


def _check_whitening(record: dict, key: str, section: str):
    if learned_whitening(record, key, section) is None:
        return
    for field, least in (("regularisation", 0), ("condition_number", 1)):
        found = _get(record, key, "evaluation", "learned_whitening", section, field)
        if type(found) not in (int, float) or not least <= found < math.inf:
            raise ValueError(
                f"record {key!r}: evaluation.learned_whitening.{section}.{field} is {found!r}; accepted: finite, "
                f">= {least}"
            )


def _check_scores(scores: dict, place: str):
    for path, value in _leaves(scores, place):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= 100:
            raise ValueError(f"{path} is {value!r}; accepted: a percentage from 0 to 100")


def _check_same(first: dict, record: dict, first_key: str, key: str, sets: tuple[str, ...]):
    counted = ("image_size", "scales", "num_excluded", "num_filled", "odd")
    places = [("sets", name) for name in sets] + [(name,) for name in counted]
    for place in places:
        expected = _get(first, first_key, "evaluation", *place)
        found = _get(record, key, "evaluation", *place)
        if found != expected:
            raise ValueError(
                f"record {key!r}: evaluation.{'.'.join(place)} is {found!r}; accepted: "
                f"{expected!r}, as in record {first_key!r}, since one table compares one evaluation"
            )


def _leaves(node, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _leaves(child, f"{path}.{name}")
    else:
        yield path, node


def _get(node: dict, key: str, *path: str):
    for depth, name in enumerate(path):
        if not isinstance(node, dict) or name not in node:
            known = ", ".join(map(str, node)) if isinstance(node, dict) else repr(node)
            raise ValueError(f"record {key!r} lacks {'.'.join(path[: depth + 1])}; it has: {known}")
        node = node[name]
    return node
