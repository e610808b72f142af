"""The figures: what a network is worth for what it costs, the ablation, distractors, single queries, a training.

Reads: <metrics>/<key>.json of every cell of the grid and each of its seeds (a network without one has no mark, and
captions say so), <complexity>, and of the cell under study <queries>/<key>.csv, its teacher's too, and
<models>/<key>/curves.
Writes: <figures>: an SVG and a PNG of each, figures.json with titles and captions in their order.
"""

import sys
from pathlib import Path

from aml.complexity.costs import read_csv
from aml.evaluation.per_query import read_average_precisions
from aml.figures.ablation import ablation_picture
from aml.figures.cost import cost_picture, multiply_adds_axis, parameters_axis
from aml.figures.distractors import distractors_picture
from aml.figures.files import write_pictures
from aml.figures.looks import Picture, loss_names, use_style
from aml.figures.queries import queries_picture
from aml.figures.results import Results
from aml.figures.training import read_curves, training_picture
from aml.reports.parameters import table_settings
from aml.reports.records import read_records
from aml.storage.files import replacing_folder
from aml.storage.parameters import of_type, parameters, section
from stages.runtime import run


def main(metrics: Path, complexity: Path, queries: Path, models: Path, figures: Path, values: dict) -> None:
    use_style()
    settings, costs = table_settings(values), read_csv(complexity)
    results = Results(settings, read_records(metrics, settings.networks()))
    pictures = [
        cost_picture(results, parameters_axis(costs)),
        cost_picture(results, multiply_adds_axis(costs)),
        ablation_picture(results),
        distractors_picture(results),
        *cell_pictures(results, queries, models, values),
    ]
    with replacing_folder(figures) as folder:
        write_pictures(folder, [picture for picture in pictures if picture is not None])


def cell_pictures(results: Results, queries: Path, models: Path, values: dict) -> list[Picture]:
    """Those of the cell under study; none where it or its teacher has no record, for other files may be old ones."""
    student, teacher, loss = (of_type(str, section(values, name), name) for name in ("student", "teacher", "loss"))
    seed, settings = of_type(int, section(values, "seed"), "seed"), results.settings
    key = f"{student}-{teacher}-{loss}-{seed}"
    if key not in results.records or teacher not in results.records:
        print(f"figures: no metrics of {key} or of {teacher}, hence none of its queries and training", file=sys.stderr)
        return []
    labels = {network.key: network.label for network in (*settings.students, *settings.teachers)}
    cell = f"{labels[student]} by {labels[teacher]}, {loss_names(settings.losses)[loss]}"
    cell += f", seed {seed}" if settings.several_seeds else ""
    precisions = [read_average_precisions(queries / f"{name}.csv") for name in (key, teacher)]
    return [
        queries_picture(cell, *precisions, settings.test_sets, settings.note),
        training_picture(cell, read_curves(models / key / "curves"), settings.note),
    ]


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:6]), parameters())
