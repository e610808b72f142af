"""Tables 5 to 10 from the metrics of all cells, the supplement's claims checked on them, and, if params.yaml says so,
their comparison with the printed tables.

Reads: <metrics>/<key>.json of every cell of the grid; a cell without one is a dash.
Writes: <tables>: table5.csv and .tex to table10.csv and .tex, tables.tex, and with comparison.printed comparison.csv
and .tex; <claims>, CSV: how many pairs keep each claim, in these tables and in the printed ones.
Fails, when all is written, where published teachers tested on the real sets are too far from their printed scores.
"""

import sys
from pathlib import Path

from aml.reports import acceptance
from aml.reports.claims import write_claims
from aml.reports.comparison import PRINTED, write_comparison
from aml.reports.files import missing_keys, read_tables, write_tables
from aml.reports.parameters import published_teachers, table_settings
from aml.reports.records import read_records
from aml.reports.settings import ComparisonSettings
from aml.reports.tables import build_tables
from aml.storage.files import replacing_folder
from aml.storage.parameters import section, typed
from stages.runtime import parameters, run


def main(metrics: Path, tables: Path, claims: Path, values: dict) -> None:
    comparison = typed(ComparisonSettings, section(values, "comparison"), "comparison")
    built, printed = build_tables(table_settings(values), read_records(metrics)), read_tables(PRINTED)
    published = published_teachers(values)
    distances = acceptance.distances(built, printed, published) if published else {}
    sentence = acceptance.sentence(distances, comparison.tolerance)
    with replacing_folder(tables) as folder:
        write_tables(acceptance.noted(built, sentence), folder)
        if comparison.printed:
            write_comparison(built, printed, folder)
    write_claims(claims, built, printed)
    missing = missing_keys(built)
    if missing:
        print(f"tables: no metrics, and a dash, for {len(missing)} cells: {', '.join(missing)}", file=sys.stderr)
    if sentence:
        print(f"tables: {sentence}", file=sys.stderr)
    if far := acceptance.beyond(distances, comparison.tolerance):
        raise ValueError(
            f"published teachers are off by more than {comparison.tolerance:g} points: "
            f"{'; '.join(f'{name} {value:+}' for name, value in far.items())}. The tables are written, but images "
            "(those on the web have blurred faces since 2022) or testing are not the paper's; raise "
            "comparison.tolerance in params.yaml if they are meant to differ"
        )


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:4]), parameters())
