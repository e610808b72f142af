"""Index the whitened database of the teacher under study, and measure all kinds of index.

The index has the kind that params.yaml names, and the distractors too. Measured are recall, mAP, bytes an image and
milliseconds a query, on all test sets and distractors, even if the index that is written holds fewer sets. Queries are
the teacher's own; without them nothing is measured.

Reads: <teacher>, its descriptor folder; <processed>; <ground_truth>. Writes: <index> (see `aml.search.index`);
<record>; <figures>, a figure of the record as SVG and PNG.
"""

from pathlib import Path

import faiss
import numpy as np

from aml.files.atomic import replacing_folder, write_json
from aml.files.evaluated_lists import testing_sets
from aml.pages.figures.indexes import indexes_picture
from aml.pages.figures.style import use_style, write_pictures
from aml.params.reading import setting
from aml.params.search import IndexSettings
from aml.search.comparing import LEVEL, TOP, compare
from aml.search.database import TeacherDatabase
from aml.search.index import Image, write_index
from aml.search.kinds import build, kinds, problem
from stages.runtime import run_command

NO_QUERIES = "there are no vectors of queries to measure with"


def main(
    teacher: Path, processed: Path, ground_truth: Path, index: Path, record: Path, figures: Path, values: dict
) -> None:
    settings = setting(values, "index", IndexSettings)
    database = TeacherDatabase(teacher, processed, ground_truth, testing_sets(values))
    searched, rows, queries = database.chosen(settings.sets), database.rows(database.parts), database.queries()
    images = [
        Image(of_set, name, *size)
        for array, of_set in searched.items()
        for name, size in zip(database.images[array].names, database.images[array].sizes.tolist(), strict=True)
    ]
    kind = "float32" if settings.kind == "flat" else settings.kind  # its name among `kinds`
    about = {"teacher": database.teacher, "extraction": database.extraction, "kind": kind}
    write_index(index, build(kind, settings, database.rows(searched)), images, database.whitening, about=about)

    measured, left_out = {}, {}
    if queries:
        together = np.concatenate(list(queries.values()))
        exact = build("float32", settings, rows).search(together, min(TOP, len(rows)))[1]
    for name in kinds(settings, rows.shape[1]):
        why = problem(name, settings, len(rows)) if queries else NO_QUERIES
        if why:
            left_out[name] = why
        else:
            measured[name] = compare(build(name, settings, rows), database, queries, exact)
    about |= {"rows": len(rows), "dimension": rows.shape[1], "settings": vars(settings), "level": LEVEL}
    about |= {"kinds": measured, "left_out": left_out}
    write_json(record, about | {"threads": faiss.omp_get_max_threads(), "faiss": faiss.__version__})
    use_style()
    with replacing_folder(figures) as folder:
        write_pictures(folder, [indexes_picture(about, setting(values, "note", str))] if measured else [])


if __name__ == "__main__":
    run_command(main)
