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


class Table:
    """The lines of a CSV and its header. rows: the position of each line, for messages, and its values by column.

    Raises ValueError for a file that is not a CSV, for a line of another length than the header, and for names in the
    column `name` that are not among `images`, the names in the folder.
    """

    def __init__(self, content: bytes, where: str, images: Collection[str], required: tuple[str, ...]):
        self.where, self._images = where, set(images)
        try:
            text = content.decode("utf-8-sig")
            header = text.partition("\n")[0]
            delimiter = max(DELIMITERS, key=header.count)
            lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            self.columns, self.rows = [column.strip() for column in next(lines, [])], []
            filled = [(f"{where}, line {lines.line_num}", line) for line in lines if any(map(str.strip, line))]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{where} is not a CSV in UTF-8: {error}") from None
        check_distinct(self.columns, f"{where}, columns")
        for column in required:
            if column not in self.columns:
                raise ValueError(
                    f"{where}: no column {column!r} among {self.columns}; needed are {', '.join(required)}"
                )
        for of_line, line in filled:
            if len(line) != len(self.columns):
                raise ValueError(f"{of_line}: {len(line)} values, expected are {len(self.columns)}")
            values = {column: value.strip() for column, value in zip(self.columns, line, strict=True)}
            self.rows.append((of_line, values | {"name": one_form(values["name"])}))
        absent = [values["name"] for _, values in self.rows if values["name"] not in self._images]
        if absent:
            raise ValueError(
                f"{where}: images that the folder lacks: {first_of(absent)}; a name is its path in the folder, with "
                f"its extension, as {min(self._images, default='')!r}"
            )

    def names(self, cell: str, where: str) -> list[str]:
        """Return the images that a field names, with semicolons or spaces between them.

        A name may have spaces: of all readings the one counts that takes most words into a name. Raises ValueError for
        a text that is not a name of an image.
        """
        found = []
        for part in [cell] if one_form(cell) in self._images else cell.split(";"):
            words = one_form(part).split(" ")
            while words := words[next((i for i, word in enumerate(words) if word), len(words)) :]:
                ends = range(len(words), 0, -1)
                end = next((end for end in ends if " ".join(words[:end]) in self._images), None)
                if end is None:
                    raise ValueError(f"{where}: the folder has no image {' '.join(words)!r}")
                found.append(" ".join(words[:end]))
                words = words[end:]
        return found


def read_landmarks(table: Table) -> dict[str, str]:
    """Return the landmark of each image, from a table with the columns `name` and `landmark`. Raises ValueError for
    an image that stands there twice and for one without a landmark."""
    check_distinct([values["name"] for _, values in table.rows], table.where)
    for where, values in table.rows:
        if not values["landmark"]:
            raise ValueError(f"{where}: no landmark; each image in the table needs one, leave the others out of it")
    return {values["name"]: values["landmark"] for _, values in table.rows}


def read_queries(table: Table, images: list[str]) -> tuple[list[Query], list[str], Counter]:
    """Return the queries, the database, and the count of each column that nobody reads.

    Columns are `name`, `role` (query or database), and for queries `easy`, `hard` and `junk` (names of images) and the
    box `x0`, `y0`, `x1`, `y1`. The database consists of all `images` that are not queries, and of queries that also
    have a line with the role database. Such an image is junk to its own query, unless the query's labels say otherwise.

    Raises ValueError for a line that breaks the format, for a name that stands twice, and for a label outside the
    database.
    """
    queries, listed = [], []
    for where, values in table.rows:
        cells = {column: values.get(column, "") for column in (*LABELS, *BOX_COLUMNS)}
        if values["role"] == "query":
            labels = {label: table.names(cells[label], f"{where}, {label}") for label in LABELS}
            check_distinct([name for names in labels.values() for name in names], where)
            queries.append(Query(values["name"], _box([cells[x] for x in BOX_COLUMNS], where), labels))
        elif values["role"] == "database" and not any(cells.values()):
            listed.append(values["name"])
        else:
            what = "labels or a box" if values["role"] == "database" else f"role {values['role']!r}"
            raise ValueError(f"{where}: {what}; accepted: query, or database without labels and box")
    check_distinct(listed, f"{table.where}, database images")
    check_distinct([(query.name, query.box) for query in queries], f"{table.where}, queries")
    rows = set(images) - ({query.name for query in queries} - set(listed))
    for query in queries:
        labelled = {name for names in query.labels.values() for name in names}
        if labelled - rows:
            raise ValueError(
                f"{table.where}: query {query.name!r} has labels on queries that are not in the database: "
                f"{first_of(sorted(labelled - rows))}; a line with the role database puts an image there too"
            )
        if query.name in rows - labelled:
            query.labels["junk"].append(query.name)
    known = ("name", "role", *LABELS, *BOX_COLUMNS)
    unread = Counter(repr(column)[:60] for column in table.columns if column not in known)
    return queries, [image for image in images if image in rows], unread


def _box(cells, where):
    if not any(cells):
        return None
    try:
        return tuple(float(cell) for cell in cells)
    except ValueError:
        raise ValueError(f"{where}: box {cells}; accepted: four numbers x0, y0, x1, y1, or nothing at all") from None
