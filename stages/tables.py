"""Tables 5 to 10 from the metrics of all cells, and the supplement's claims checked on them.

Reads: <metrics>/<key>.json of every cell of the grid; a cell without one is a dash.
Writes: <tables>: table5.csv and .tex to table10.csv and .tex, tables.tex, claims.json.
"""

import json
import sys
from pathlib import Path

from aml.datasets.settings import dataset_settings
from aml.losses import members
from aml.reports.claims import check_claims
from aml.reports.files import missing_keys, write_tables
from aml.reports.settings import Loss, Named, TableSettings, Teacher
from aml.reports.tables import build_tables
from aml.storage.files import replacing_folder, write_json
from aml.storage.grid import Grid
from aml.storage.parameters import of_type, section, typed
from aml.training.settings import NetworkSettings, loss_settings
from stages.runtime import parameters, run


def main(metrics: Path, tables: Path, values: dict) -> None:
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(metrics.glob("*.json"))}
    built = build_tables(table_settings(values), records)
    with replacing_folder(tables) as folder:
        write_tables(built, folder)
        write_json(folder / "claims.json", check_claims(built))
    missing = missing_keys(built)
    if missing:
        print(f"tables: no metrics, and a dash, for {len(missing)} cells: {', '.join(missing)}", file=sys.stderr)


def table_settings(values: dict) -> TableSettings:
    """The grid in print: labels from params.yaml, the structure of tuples from the losses themselves."""
    grid = typed(Grid, section(values, "grid"), "grid")

    def network(name: str) -> str:
        return typed(NetworkSettings, section(values, f"networks.{name}"), f"networks.{name}").label

    def loss(name: str) -> Loss:
        settings = loss_settings(values, name)
        return Loss(name, settings.label, members(name), settings.mining)

    def dataset(name: str) -> Named:
        return Named(name, dataset_settings(values, name)[0].label)

    return TableSettings(
        students=tuple(Named(name, network(name)) for name in grid.students),
        teachers=tuple(
            Teacher(name, network(name), dimension)
            for name, dimension in zip(grid.teachers, grid.dimensions, strict=True)
        ),
        dimensions=tuple(grid.dimensions),
        losses=tuple(loss(name) for name in grid.losses),
        loss_without_teacher=loss(grid.loss_without_teacher),
        test_sets=tuple(dataset(name) for name in grid.test_sets),
        distractors=None if grid.distractors is None else dataset(grid.distractors),
        note=of_type(str, section(values, "note"), "note"),
    )


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:3]), parameters())
