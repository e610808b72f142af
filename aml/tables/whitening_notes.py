"""How the networks' whitening was learned: the note under a table, the lines of a sheet. Torch-free.

Where the scatter matrix of the pairs' differences has no Cholesky factor, learning adds a constant to its diagonal
(METHOD, Section 4), and the scores depend on it.
"""

from collections.abc import Iterable

from aml.params.reports import Network
from aml.tables.records import learned_whitening

COLUMNS = ("network", "added to the diagonal", "condition number")


def whitening_note(records: dict[str, dict], networks: Iterable[Network], protocol: str) -> tuple[str, ...]:
    """A sentence that names the networks whose whitening a table's scores rest on and needed a constant; () if none
    did."""
    found = {}
    for network in networks:
        section = protocol if network.teacher else "symmetric"
        for key in (key for key in network.record_keys if key in records):
            learned = learned_whitening(records[key], key, section)
            if learned and learned["regularisation"]:
                database = network.teacher.key if section == "asymmetric" else key
                found[database] = f"{database} {_number(learned['regularisation'])} ({_condition(learned)})"
    if not found:
        return ()
    return (
        "Whitening was learned from a singular matrix, with a constant added to its diagonal on which the scores "
        f"depend: {', '.join(found.values())}.",
    )


def whitening_lines(records: dict[str, dict], networks: Iterable[Network]) -> list[list[str]]:
    """The fields of COLUMNS of every network with a record, its own whitening; two are empty where it was taken
    over."""
    lines = []
    for network in networks:
        for key in (key for key in network.record_keys if key in records):
            learned = learned_whitening(records[key], key, "symmetric")
            values = (learned["regularisation"], learned["condition_number"]) if learned else ()
            lines.append([key, *(_number(value) for value in values), *[""] * (2 - len(values))])
    return lines


def _condition(learned: dict) -> str:
    return f"condition number {_number(learned['condition_number'])}"


def _number(value: float) -> str:
    return f"{value:.2g}"
