"""Draws the figures: mAP against cost, losses, distractors, single queries, a training.

Reads: <metrics>/<key>.json of every cell of the grid and each of its seeds (a network without one has no mark, and
captions say so), <complexity>, and of the cell under study <queries>/<key>.csv, its teacher's too, and
<models>/<key>/curves.
Writes: <figures>: an SVG and a PNG of each, with several test sets also for each set by itself; figures.json with
titles and captions in their order.
"""

import sys
from dataclasses import replace
from pathlib import Path

from aml.complexity.costs import Cost, read_csv
from aml.evaluation.per_query import read_average_precisions
from aml.files.atomic import replacing_folder
from aml.pages.figures.cost import cost_picture
from aml.pages.figures.distractors import distractors_picture
from aml.pages.figures.losses import losses_picture
from aml.pages.figures.queries import queries_picture
from aml.pages.figures.results import Results
from aml.pages.figures.style import Picture, loss_names, use_style, write_pictures
from aml.pages.figures.training import read_curves, training_picture
from aml.params.grid import key_of
from aml.params.reading import setting
from aml.tables.records import read_records
from aml.tables.settings import table_settings
from stages.runtime import run_command


def main(metrics: Path, complexity: Path, queries: Path, models: Path, figures: Path, values: dict) -> None:
    settings, costs = table_settings(values), read_csv(complexity)
    named = [*settings.students, *settings.teachers, *settings.losses, *settings.test_sets, settings.distractors]
    missing = use_style("".join(thing.label for thing in named if thing is not None))
    if missing:
        print(f"figures: no installed font has {missing}: boxes replace them; install one that does", file=sys.stderr)
    results = Results(settings, read_records(metrics, settings.networks()))
    pictures = [*grid_pictures(results, costs), *cell_pictures(results, queries, models, values)]
    if len(settings.test_sets) > 1:
        for one in settings.test_sets:
            of_one = grid_pictures(results.of_test_set(one), costs)
            pictures += [replace(picture, file=f"{picture.file}-{one.key}", part=one.label) for picture in of_one]
    with replacing_folder(figures) as folder:
        write_pictures(folder, pictures)


def grid_pictures(results: Results, costs: list[Cost]) -> list[Picture]:
    """Return the figures that show all networks."""
    made = [cost_picture(results, costs), losses_picture(results), distractors_picture(results)]
    return [picture for picture in made if picture is not None]


def cell_pictures(results: Results, queries: Path, models: Path, values: dict) -> list[Picture]:
    """Return the figures of the cell under study; none if it or its teacher has no record: other files may be old."""
    student, teacher, loss = (setting(values, name, str) for name in ("student", "teacher", "loss"))
    seed, settings = setting(values, "seed", int), results.settings
    key = key_of(student, teacher, loss, seed)
    if key not in results.records or teacher not in results.records:
        print(
            f"figures: no metrics of {key} or of {teacher}, so no figure of its queries and training", file=sys.stderr
        )
        return []
    labels = {network.key: network.label for network in (*settings.students, *settings.teachers)}
    cell = f"{labels[student]} by {labels[teacher]}, {loss_names(settings.losses)[loss]}"
    cell += f", seed {seed}" if settings.several_seeds else ""
    precisions = [read_average_precisions(queries / f"{name}.csv") for name in (key, teacher)]
    training = training_picture(cell, read_curves(models / key / "curves"), settings.note)
    if teacher in settings.without_queries():
        return [training]
    return [queries_picture(cell, *precisions, settings.test_sets, settings.note), training]


if __name__ == "__main__":
    run_command(main)
