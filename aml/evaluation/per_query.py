"""Write and read data/queries/<key>.csv: the scores of each query, a line for each protocol, set, level and query.

protocol: symmetric, asymmetric, and chance, a random ranking; set: a test set's name, or <set>+<distractors>; level:
easy, medium, hard; query: its image's name; landmark: the number of what it shows, of each test set by itself. AP, P@1,
P@5 and P@10 are in percent with six decimals (the record has two of their means), and empty where the query has no
positive at that level. A level at which no query has a positive has no lines.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from aml.files.atomic import replacing

MEASURES = ("AP", "P@1", "P@5", "P@10")
COLUMNS = ("protocol", "set", "level", "query", "landmark", *MEASURES)

Column = tuple[str, str, str]  # protocol, set, level


@dataclass(frozen=True)
class QueryScores:
    """The scores of a query, in percent."""

    landmark: int
    average_precision: float
    precision_at_10: float


def write_per_query(path: Path, results: dict[str, dict[str, dict]], queries: dict[str, list[tuple[str, int]]]) -> None:
    """Write the file. results: protocol -> set -> what `ranking.summarise` gives; queries: set -> name and landmark of
    each query in row order."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for protocol, sets in results.items():
            for name, levels in sets.items():
                for level, values in levels.items():
                    scores = (map(_percentage, values[measure]) for measure in MEASURES)
                    for query, *line in zip(queries[name], *scores, strict=True):
                        writer.writerow((protocol, name, level, *query, *line))


def read_average_precisions(path: Path) -> dict[Column, dict[str, float]]:
    """Read the AP of each query as `read_per_query` does."""
    return {
        column: {query: scores.average_precision for query, scores in of_column.items()}
        for column, of_column in read_per_query(path).items()
    }


def read_per_query(path: Path) -> dict[Column, dict[str, QueryScores]]:
    """Read (protocol, set, level) -> query -> its scores, in the file's order; queries without positives are left out.

    Raises ValueError for other columns, a line that is cut off, and a score that is not a percentage.
    """
    found: dict[Column, dict[str, QueryScores]] = {}
    with open(path, newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = tuple(next(lines, ()))
        if header != COLUMNS:
            raise ValueError(f"{path} starts with columns {', '.join(header)}; accepted: {', '.join(COLUMNS)}")
        for line in lines:
            if len(line) != len(COLUMNS):
                raise ValueError(f"{path}, line {lines.line_num}: {len(line)} values; {len(COLUMNS)} are expected")
            protocol, name, level, query, landmark, average_precision, _, _, precision = line
            of_level = found.setdefault((protocol, name, level), {})
            if average_precision:
                scores = (_parsed(text, path, lines.line_num) for text in (average_precision, precision))
                of_level[query] = QueryScores(int(landmark), *scores)
    return found


def _percentage(fraction: float) -> str:
    return "" if math.isnan(fraction) else f"{100 * fraction:.6f}"


def _parsed(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 100:
        raise ValueError(f"{path}, line {line}: {text!r}; accepted: a percentage from 0 to 100")
    return value
