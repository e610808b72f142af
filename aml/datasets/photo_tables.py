"""Read the CSV of a folder of photos: landmarks of a training set; queries and ground truth of a test set."""

import csv
import io
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from aml.datasets.upstream_lists import check_distinct, first_of, one_form
from aml.files.image_sets import BOX_COLUMNS, LABELS

DELIMITERS = ",;\t"
MAX_BYTES = 64 << 20


@dataclass
class Query:
    name: str
    box: tuple[float, ...] | None  # x0, y0, x1, y1, pixels; None: the whole image
    labels: dict[str, list[str]]  # names of images


def read_table(content: bytes, where: str, images: Collection[str], required: tuple[str, ...]) -> dict[str, dict]:
    """Return the lines of a CSV: the position of each, for messages, and its values by column.

    Raises ValueError, naming `where`, for a file that is not a CSV, for a column that is missing, for a line of another
    length than the header, and for names in the column `name` that are not among `images`, the names in the folder.
    """
    try:
        text = content.decode("utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = max(DELIMITERS, key=header.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = [column.strip() for column in next(lines, [])]
        filled = {f"{where}, line {lines.line_num}": line for line in lines if any(map(str.strip, line))}
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{where} is not a CSV in UTF-8: {error}") from None
    check_distinct(columns, f"{where}, columns")
    for column in required:
        if column not in columns:
            raise ValueError(f"{where}: no column {column!r} among {columns}; needed are {', '.join(required)}")
    table = {}
    for of_line, line in filled.items():
        if len(line) != len(columns):
            raise ValueError(f"{of_line}: {len(line)} values, expected are {len(columns)}")
        table[of_line] = dict(zip(columns, map(str.strip, line), strict=True))
        table[of_line]["name"] = one_form(table[of_line]["name"])
    absent = [values["name"] for values in table.values() if values["name"] not in images]
    if absent:
        raise ValueError(
            f"{where}: images that the folder lacks: {first_of(absent)}; a name is its path in the folder, with its "
            f"extension, as {min(images)!r}"
        )
    return table


def named_images(cell: str, images: Collection[str], where: str) -> list[str]:
    """Return those of `images` that a field names, with semicolons or spaces between them.

    A name may have spaces: of all readings the one counts that takes most words into a name. Raises ValueError for a
    text that is not a name of an image.
    """
    found = []
    for part in [cell] if one_form(cell) in images else cell.split(";"):
        words = one_form(part).split(" ")
        while words := words[next((i for i, word in enumerate(words) if word), len(words)) :]:
            ends = range(len(words), 0, -1)
            end = next((end for end in ends if " ".join(words[:end]) in images), None)
            if end is None:
                raise ValueError(f"{where}: the folder has no image {' '.join(words)!r}")
            found.append(" ".join(words[:end]))
            words = words[end:]
    return found


def read_landmarks(table: dict[str, dict], where: str) -> dict[str, str]:
    """Return the landmark of each image, from a table with the columns `name` and `landmark`. Raises ValueError for
    an image that stands there twice and for one without a landmark."""
    check_distinct([values["name"] for values in table.values()], where)
    for of_line, values in table.items():
        if not values["landmark"]:
            raise ValueError(f"{of_line}: no landmark; each image in the table needs one, leave the others out of it")
    return {values["name"]: values["landmark"] for values in table.values()}


def read_queries(table: dict[str, dict], images: set[str], where: str) -> tuple[list[Query], set[str], Counter]:
    """Return the queries, the database, and the count of each column that nobody reads.

    Columns are `name`, `role` (query or database), and for queries `easy`, `hard` and `junk` (names of images) and the
    box `x0`, `y0`, `x1`, `y1`. The database consists of all `images` that are not queries, and of queries that also
    have a line with the role database. Such an image is junk to its own query, unless the query's labels say otherwise.

    Raises ValueError for a line that breaks the format, for a name that stands twice, and for a label outside the
    database.
    """
    queries, listed = [], []
    for of_line, values in table.items():
        cells = {column: values.get(column, "") for column in (*LABELS, *BOX_COLUMNS)}
        if values["role"] == "query":
            labels = {label: named_images(cells[label], images, f"{of_line}, {label}") for label in LABELS}
            check_distinct([name for names in labels.values() for name in names], of_line)
            queries.append(Query(values["name"], _box([cells[x] for x in BOX_COLUMNS], of_line), labels))
        elif values["role"] == "database" and not any(cells.values()):
            listed.append(values["name"])
        else:
            what = "labels or a box" if values["role"] == "database" else f"role {values['role']!r}"
            raise ValueError(f"{of_line}: {what}; accepted: query, or database without labels and box")
    check_distinct(listed, f"{where}, database images")
    check_distinct([(query.name, query.box) for query in queries], f"{where}, queries")
    database = images - ({query.name for query in queries} - set(listed))
    for query in queries:
        labelled = {name for names in query.labels.values() for name in names}
        if labelled - database:
            raise ValueError(
                f"{where}: query {query.name!r} has labels on queries that are not in the database: "
                f"{first_of(sorted(labelled - database))}; a line with the role database puts an image there too"
            )
        if query.name in database - labelled:
            query.labels["junk"].append(query.name)
    known = ("name", "role", *LABELS, *BOX_COLUMNS)
    unread = Counter(repr(column)[:60] for column in next(iter(table.values()), {}) if column not in known)
    return queries, database, unread


def _box(cells, where):
    if not any(cells):
        return None
    try:
        return tuple(float(cell) for cell in cells)
    except ValueError:
        raise ValueError(f"{where}: box {cells}; accepted: four numbers x0, y0, x1, y1, or nothing at all") from None
