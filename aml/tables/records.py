"""Read and check the metrics records, and look up single scores."""

import statistics
from collections.abc import Iterable
from pathlib import Path

from aml.files.atomic import read_json
from aml.params.reports import Network

SHARED = ("image_size", "scales", "num_excluded", "num_filled", "odd")  # of `evaluation`, equal in all records


def read_records(folder: Path, networks: Iterable[Network]) -> dict[str, dict]:
    """Read the metrics records <key>.json of the networks, by key; a network without one has none here.

    Other files of the folder, such as records of cells that left the grid, are not opened. Raises ValueError naming a
    record that is damaged.
    """
    paths = {key: folder / f"{key}.json" for network in networks for key in network.record_keys}
    return {key: read_json(path) for key, path in paths.items() if path.exists()}


def check_records(records: dict[str, dict], networks: Iterable[Network], sets: Iterable[str]) -> None:
    """Refuse records that don't belong into one table.

    Raises ValueError for a record that is not about the network and seed its key names, that was made without query
    crops or without the database side's whitening, or that was evaluated on other lists, sizes or scales than the
    records before it. Records without a row are not checked.
    """
    first = None
    shared = [("chance",), *(("evaluation", "sets", name) for name in sets), *(("evaluation", name) for name in SHARED)]
    if any("expansion" in (record.get("evaluation") or ()) for record in records.values()):
        shared.append(("evaluation", "expansion"))
    for network, key in present(records, networks):
        first = first or key
        for path, expected in _own(network, key).items():
            _require(records[key], key, path, expected)
        for path in shared:
            reason = f", as in record {first!r}, since one table compares one evaluation"
            _require(records[key], key, path, get(records[first], first, *path), reason)


def missing_records(records: dict[str, dict], networks: Iterable[Network]) -> list[str]:
    """Return the keys of the networks' records that are not there."""
    return [key for network in networks for key in network.record_keys if key not in records]


def present(records: dict[str, dict], networks: Iterable[Network]) -> list[tuple[Network, str]]:
    """Return the keys of the networks' records that are there, each with its network."""
    return [(network, key) for network in networks for key in network.record_keys if key in records]


def any_record(records: dict[str, dict], networks: Iterable[Network]) -> dict | None:
    """Return the first record of these networks, for what all have in common; None if there is none."""
    return next((records[key] for _, key in present(records, networks)), None)


def mean(values: list[float]) -> float:
    """Return the mean, rounded so that halves are halves in binary too."""
    return round(statistics.fmean(values), 9)


def score(record: dict, key: str, *, section: str, name: str, level: str, metric: str) -> float | None:
    """Return a score in percent, None at a level at which no query has a positive; `name` is <set> or
    <set>+<distractors>.

    Raises ValueError if the record lacks the set or, at a level that it has, the metric.
    """
    levels = get(record, key, section, name)
    return float(get(record, key, section, name, level, metric)) if level in levels else None


def get(record: dict, key: str, *path: str):
    """Return what stands at a path in the record `key`. Raises ValueError where it lacks that."""
    node = record
    for depth, name in enumerate(path):
        if not isinstance(node, dict) or name not in node:
            known = ", ".join(map(str, node)) if isinstance(node, dict) else repr(node)
            raise ValueError(f"record {key!r} lacks {'.'.join(path[: depth + 1])}; it has: {known}")
        node = node[name]
    return node


def _own(network: Network, key: str) -> dict[tuple[str, str], object]:
    """Return what a network's record must say. A teacher's record may lack the loss, which its authors may not have
    told."""
    teacher, loss = network.teacher, {"loss": network.loss.key} if network.teacher else {}
    own = {"key": key, "network": network.name, "teacher": teacher and teacher.key, **loss}
    own |= {"dimension": network.dimension, "seed": network.record_keys[key]}
    evaluation = {("evaluation", "query_crop"): True, ("evaluation", "whitening"): "database"}
    return {("network", field): value for field, value in own.items()} | evaluation


def _require(record: dict, key: str, path: tuple[str, ...], expected: object, reason: str = "") -> None:
    found = get(record, key, *path)
    if found != expected:
        raise ValueError(f"record {key!r}: {'.'.join(path)} is {found!r}; accepted: {expected!r}{reason}")
