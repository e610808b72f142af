"""The sentences under a table: what its dashes mean, how whitening was learned, which images were damaged.

If the scatter matrix of the pairs' differences has no Cholesky factor, learning a whitening adds a constant to its
diagonal (METHOD, Section 4), and the scores depend on it.
"""

from collections.abc import Iterable

from aml.params.reports import Network
from aml.tables.records import get, present

LEARNED = ("evaluation", "learned_whitening")  # in a record, by protocol; null where the whitening was published
DAMAGED = {"num_excluded": "left out", "num_filled": "decoded as far as they go, the rest filled"}


def dashes(missing: list[str], *, others: bool) -> list[str]:
    """Return the sentences on dashes: of networks without record, and, if there are any, of others."""
    sentences = [f"Not evaluated: {', '.join(missing)}."] if missing else []
    return sentences + (["Other dashes: the set has no query with a positive at that level."] if others else [])


def no_queries(labels: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence that names the teachers without vectors of queries, or () if there are none."""
    names = ", ".join(labels)
    return (f"Dashes of {names}: there are no vectors of queries.",) if names else ()


def damaged_images(evaluation: dict | None, *, without: str | None) -> tuple[str, ...]:
    """Return a sentence with the number of damaged images in each dataset but the one `without`, or () for none.

    `evaluation` is that part of any record of the table, None without records.
    """
    counts = [
        f"{count:,} of {name} {what}"
        for field, what in DAMAGED.items()
        for name, count in (evaluation[field].items() if evaluation else ())
        if count and name != without
    ]
    return (f"Damaged images: {'; '.join(counts)}.",) if counts else ()


def singular_whitening(records: dict[str, dict], networks: Iterable[Network], protocol: str) -> tuple[str, ...]:
    """Return a sentence that names the networks whose whitening needed a constant, or () if none did.

    They are the networks that describe the database of a row under this protocol.
    """
    found = {}
    for network, key in present(records, networks):
        section = protocol if network.teacher else "symmetric"
        learned = get(records[key], key, *LEARNED, section)
        if learned and learned["regularisation"]:
            database = network.teacher.key if section == "asymmetric" else key
            added, condition = _numbers(learned)
            found[database] = f"{database} {added} (condition number {condition})"
    if not found:
        return ()
    return (
        "Whitening was learned from a singular matrix, with a constant added to its diagonal on which the scores "
        f"depend: {', '.join(found.values())}.",
    )


def whitening_lines(records: dict[str, dict], networks: Iterable[Network]) -> list[dict[str, str]]:
    """Return what the page says of each network with a record; two are empty where its whitening was published."""
    lines = []
    for _, key in present(records, networks):
        added, condition = _numbers(get(records[key], key, *LEARNED, "symmetric"))
        lines.append({"network": key, "added to the diagonal": added, "condition number": condition})
    return lines


def _numbers(learned: dict | None) -> tuple[str, str]:
    return (f"{learned['regularisation']:.2g}", f"{learned['condition_number']:.2g}") if learned else ("", "")
