"""Draws entries of dvc.lock: what DVC writes, and names and values that YAML must quote, fold or escape."""

from collections import OrderedDict
from random import Random

NAMES = ["train", "extract@lite0-0", "code", "a b", "é", "_x"]  # the first six: most changes are of these
NAMES += ["yes", "12", "a:b", "x" * 130, "-", "#", "[", "'", '"', ""]
SCALARS = [0, -3, 1e-06, 0.1, 5e300, True, None, "", "no", "1e3", "é ü 漢字"]
SCALARS += [" x ", "a: b", "a #b", "'", '"', "*", "&", "!", "-", "x" * 200, "two\nlines", "two\n\nlines\n", "tab\t"]
SCALARS += ["word " * 40, "\x07", "2020-01-01", "0o7", "~", "😀", "{", "|"]


def entry(random: Random) -> OrderedDict:
    """An entry in the shape of DVC's own."""
    parts = [("cmd", random.choice(["true", words(random), [words(random), "true"], *SCALARS[11:]]))]
    for name in ("deps", "outs"):
        found = [file(random) for _ in range(random.randrange(4))]
        parts += [(name, found)] if found else []
    if random.random() < 0.7:
        values = {words(random, 2).replace(" ", "."): value(random, 3) for _ in range(random.randrange(4))}
        parts.append(("params", OrderedDict({"params.yaml": OrderedDict(values)})))
    return OrderedDict(parts)


def file(random: Random) -> dict:
    path = random.choice(["data/x.csv", "data/é", "a b/c", words(random).replace(" ", "/"), "'quoted'", "# x"])
    return {"path": path, "hash": "md5", "md5": f"{random.getrandbits(128):032x}", "size": random.randrange(10**9)}


def value(random: Random, depth: int):
    kind = random.randrange(4 if depth else 2)
    if kind < 2:
        return random.choice(SCALARS)
    if kind == 2:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    return {str(random.choice(SCALARS)): value(random, depth - 1) for _ in range(random.randrange(4))}


def words(random: Random, most: int = 30) -> str:
    return " ".join(
        random.choice(["python", "-m", "stages.x", "--key", "é", "a/b/c"]) for _ in range(1 + random.randrange(most))
    )


def changes(random: Random, number: int) -> list[tuple[str, OrderedDict | None]]:
    """Stages one after the other: new ones, changed ones, None for one that is removed."""
    return [
        (
            random.choice(NAMES[:6] if random.random() < 0.9 else NAMES),
            None if random.random() < 0.15 else entry(random),
        )
        for _ in range(number)
    ]
