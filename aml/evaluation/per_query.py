"""Write and read data/queries/<key>.csv: the scores of each query, a line for each protocol, set, level and query.

protocol: symmetric, asymmetric; set: a test set's name, or <set>+<distractors>; level: easy, medium, hard; query: its
image's name. AP, P@1, P@5 and P@10 are in percent with six decimals (the record has two of their means), and empty
where the query has no positive at that level. A level at which no query has a positive has no lines.
"""

import csv
import math
from pathlib import Path

from aml.files.atomic import replacing

MEASURES = ("AP", "P@1", "P@5", "P@10")
COLUMNS = ("protocol", "set", "level", "query", *MEASURES)


def write_per_query(path: Path, results: dict[str, dict[str, dict]], queries: dict[str, list[str]]) -> None:
    """Write the file. results: protocol -> set -> what `ranking.summarise` gives; queries: set -> its queries' names in
    row order."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for protocol, sets in results.items():
            for name, levels in sets.items():
                for level, values in levels.items():
                    scores = (map(_percentage, values[measure]) for measure in MEASURES)
                    for line in zip(queries[name], *scores, strict=True):
                        writer.writerow((protocol, name, level, *line))


def read_average_precisions(path: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    """Read (protocol, set, level) -> query -> AP in percent, in the file's order; queries without positives are left
    out.

    Raises ValueError for other columns, a line that is cut off, and an AP that is not a percentage.
    """
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    with open(path, newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = tuple(next(lines, ()))
        if header != COLUMNS:
            raise ValueError(f"{path} starts with columns {', '.join(header)}; accepted: {', '.join(COLUMNS)}")
        for line in lines:
            if len(line) != len(COLUMNS):
                raise ValueError(f"{path}, line {lines.line_num}: {len(line)} values; {len(COLUMNS)} are expected")
            protocol, name, level, query, average_precision, *_ = line
            of_level = found.setdefault((protocol, name, level), {})
            if average_precision:
                of_level[query] = _parsed(average_precision, path, lines.line_num)
    return found


def _percentage(fraction: float) -> str:
    return "" if math.isnan(fraction) else f"{100 * fraction:.6f}"


def _parsed(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 100:
        raise ValueError(f"{path}, line {line}: AP {text!r}; accepted: a percentage from 0 to 100, or nothing")
    return value
