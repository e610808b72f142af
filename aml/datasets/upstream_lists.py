"""Read upstream lists, and check their values before anything relies on them."""

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

MAX_BYTES = 256 << 20  # of a list; the largest real one has some ten million


def read(path: Path) -> bytes:
    """Return the bytes of a list. Raises ValueError for a file that is missing or larger than MAX_BYTES."""
    if not path.is_file():
        raise ValueError(f"no file {path}")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, at most {MAX_BYTES} are accepted")
    return path.read_bytes()


def entries(value, names: tuple[str, ...], where: str) -> list:
    """Return the values of a dict under `names`. Raises ValueError naming `where` if one is missing."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: a dict with {', '.join(names)} is expected, found {_kind(value)}")
    for name in names:
        if name not in value:
            raise ValueError(f"{where}: no {name!r}; expected are {', '.join(names)}")
    return [value[name] for name in names]


def names(value, where: str) -> list[str]:
    """Return `value` if it is a list of names. Raises ValueError naming `where` if it is not."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, list | tuple) or not all(isinstance(x, str) for x in value):
        raise ValueError(f"{where}: a list of names is expected, found {_kind(value)}")
    if "" in value:
        raise ValueError(f"{where}: name {list(value).index('')} (from 0) is empty")
    return [one_form(_repaired(name)) for name in value]


def one_form(name: str) -> str:
    """Return a name in Unicode's form NFC, because a Mac writes letters and accents as separate characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def integers(value, where: str, *, below: int | None = None) -> list[int]:
    """Return `value` if it is a list of whole numbers, 0 <= number < `below` where that is given.

    Raises ValueError naming `where` if it is not.
    """
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, list | tuple) or not all(type(x) is int for x in value):
        raise ValueError(f"{where}: a list of whole numbers is expected, found {_kind(value)}")
    low, high = (0, below) if below is not None else (-(2**63), 2**63)
    for number in value:
        if not low <= number < high:
            number = number if number.bit_length() < 100 else f"a number of {number.bit_length()} bits"
            raise ValueError(f"{where}: {number} is out of range, accepted are {low} to {high - 1}")
    return list(value)


def check_counts(counts: dict[str, int], expected: dict[str, int] | None, where, hint: str = "") -> None:
    """Raise ValueError, naming `where`, for a count that is another than the expected one, if there is one."""
    for name, count in counts.items():
        if (expected or {}).get(name, count) != count:
            raise ValueError(f"{where}: {count} {name}, expected are {expected[name]}{hint}")


def equal_lengths(where: str, **lists):
    """Raise ValueError naming `where` if the lists differ in length."""
    if len({len(x) for x in lists.values()}) > 1:
        counts = " but ".join(f"{len(x)} {name}" for name, x in lists.items())
        raise ValueError(f"{where}: {counts}; equal numbers are expected")


def check_distinct(names: list, where: str):
    """Raise ValueError, naming `where`, for the first name that comes twice."""
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{where}: {twice!r} is listed twice")


def first_of(values) -> str:
    """Return the first five values and their number, for messages: "'a', 'b' (2 in all)"."""
    values = list(values)
    return f"{', '.join(repr(x) for x in values[:5])}{', ...' if len(values) > 5 else ''} ({len(values)} in all)"


def _repaired(name):
    """Return a name that Python 2 wrote, as UTF-8 if its bytes are UTF-8; the unpickler has read them as latin1."""
    try:
        return name if name.isascii() else name.encode("latin1").decode("utf-8")
    except UnicodeError:
        return name


def _kind(value):
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {', '.join(sorted({type(x).__name__ for x in value})[:4]) or 'nothing'}"
    return f"a {type(value).__name__}"
