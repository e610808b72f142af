"""Metrics records at the door of the tables: what they must say, and one score out of them. Torch-free."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from aml.reports.settings import Network
from aml.storage.seals import read_sealed


def read_records(folder: Path) -> dict[str, dict]:
    """The metrics records <key>.json of a folder by key. Raises ValueError naming one that is damaged."""
    return {path.stem: read_sealed(path) for path in sorted(folder.glob("*.json"))}


def check_records(records: dict[str, dict], networks: Iterable[Network], sets: Iterable[str]):
    """Refuse records that can't stand in one table.

    Raises ValueError for a record that isn't about the network its key names, wasn't made with query crops and
    the database side's whitening, holds a score that is no percentage, or was evaluated on other lists, sizes or
    scales than the records before it. Records of no row are not looked at.
    """
    sets = tuple(sets)
    first = None
    for network in networks:
        record = records.get(network.key)
        if record is None:
            continue
        _check_identity(record, network)
        _check_protocol(record, network, sets)
        for section in ("symmetric", "asymmetric") if network.teacher else ("symmetric",):
            _check_scores(_get(record, network.key, section), f"record {network.key!r}: {section}")
        first = first or network.key
        _check_same(records[first], record, first, network.key, sets)


def score(record: dict, key: str, *, section: str, name: str, level: str, metric: str) -> float | None:
    """A score in percent, None at a level at which no query has a positive; `name` is a set's, or <set>+<distractors>.

    Raises ValueError if the record lacks the set or, at a level that it has, the metric.
    """
    levels = _get(record, key, section, name)
    return float(_get(record, key, section, name, level, metric)) if level in levels else None


def num_distractors(record: dict, key: str, name: str) -> int:
    """How many distractors the record's network was evaluated against on a test set."""
    return _get(record, key, "evaluation", "sets", name, "num_distractors")


def _check_identity(record: dict, network: Network):
    teacher = network.teacher
    accepted = {
        "key": (network.key,),
        "network": (network.name,),
        "teacher": (teacher and teacher.key,),
        "loss": (network.loss.key,) if teacher else (network.loss.key, None),  # published teachers may not say theirs
        "dimension": (network.dimension,),
    }
    for field, values in accepted.items():
        found = _get(record, network.key, "network", field)
        if found not in values:
            raise ValueError(f"record {network.key!r}: network.{field} is {found!r}; accepted: {values[0]!r}")


def _check_protocol(record: dict, network: Network, sets: tuple[str, ...]):
    for field, accepted in (("query_crop", True), ("whitening", "database")):
        found = _get(record, network.key, "evaluation", field)
        if type(found) is not type(accepted) or found != accepted:
            raise ValueError(f"record {network.key!r}: evaluation.{field} is {found!r}; accepted: {accepted!r}")
    for name in sets:
        for count, least in (("num_queries", 1), ("num_database", 1), ("num_distractors", 0)):
            found = _get(record, network.key, "evaluation", "sets", name, count)
            if type(found) is not int or found < least:
                raise ValueError(
                    f"record {network.key!r}: evaluation.sets.{name}.{count} is {found!r}; accepted: whole, >= {least}"
                )
        _get(record, network.key, "evaluation", "sets", name, "digest")


def _check_scores(scores: dict, place: str):
    for path, value in _leaves(scores, place):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= 100:
            raise ValueError(f"{path} is {value!r}; accepted: a percentage from 0 to 100")


def _check_same(first: dict, record: dict, first_key: str, key: str, sets: tuple[str, ...]):
    places = [("sets", name) for name in sets] + [("image_size",), ("scales",), ("num_excluded",)]
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
