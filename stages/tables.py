"""Build Tables 5 to 10 with confidence intervals, and check the supplement's claims on them.

If the grid has losses beyond the paper, there are also Tables 11 and 12. If params.yaml says so, the tables are
compared with the printed ones.

Reads: <metrics>/<key>.json of every cell of the grid and each of its seeds; a network without one has dashes.
<queries>/<key>.csv; a network without one has no interval and no dagger. Writes: <tables>: table<number>.csv and .tex
of each, tables.tex, tables.json for the page, intervals.csv and differences.csv (see `aml.tables.uncertainty`), and
with comparison.printed comparison.csv and .tex; <claims>, CSV: how many pairs keep each claim, in these tables and in
the printed ones, and in which it holds beyond noise. Fails after it has written all files if published teachers tested
on the real sets are too far from their printed scores.
"""

import sys
from dataclasses import replace
from pathlib import Path

from aml.files.atomic import replacing_folder
from aml.params.reading import setting
from aml.params.reports import BootstrapSettings, ComparisonSettings
from aml.tables.bootstrap import draw, read_scores
from aml.tables.build import build_tables
from aml.tables.claims import write_claims
from aml.tables.csv_files import read_tables, write_lines, write_tables
from aml.tables.json_file import write_json_tables
from aml.tables.notes import whitening_lines
from aml.tables.printed_values import (
    PRINTED,
    TEACHERS_TABLE,
    check_published,
    compare,
    differences_from_printed,
    write_comparison,
)
from aml.tables.records import missing_records, read_records
from aml.tables.settings import published_teachers, table_settings
from aml.tables.uncertainty import Difference, Interval, find_differences, find_intervals, marked
from stages.runtime import run_command


def main(metrics: Path, queries: Path, tables: Path, claims: Path, values: dict) -> None:
    comparison = setting(values, "comparison", ComparisonSettings)
    bootstrap = setting(values, "bootstrap", BootstrapSettings)
    settings = table_settings(values)
    networks = settings.networks()
    records = read_records(metrics, networks)
    built, printed = build_tables(settings, records), read_tables(PRINTED)
    scores = read_scores(queries, records, settings)
    draws = draw(scores, bootstrap)
    differences = find_differences(scores, draws, settings, bootstrap)
    built = marked(built, draws, settings, bootstrap)
    lines = compare(built, printed)
    from_printed = list(differences_from_printed(built, lines)) if comparison.printed else []
    sentence, far = check_published(lines, published_teachers(values), comparison.tolerance)
    if sentence:
        built = [replace(t, notes=(*t.notes, sentence)) if t.number == TEACHERS_TABLE else t for t in built]
    with replacing_folder(tables) as folder:
        write_tables(built, folder)
        write_json_tables(folder, built, from_printed, whitening_lines(records, networks))
        write_lines(folder / "intervals.csv", Interval._fields, find_intervals(draws, records, settings, bootstrap))
        write_lines(folder / "differences.csv", Difference._fields, differences)
        if comparison.printed:
            write_comparison(lines, from_printed, folder)
    write_claims(claims, built, printed, draws, confidence=bootstrap.confidence)
    if missing := missing_records(records, networks):
        print(f"tables: no metrics, and dashes, for {len(missing)} networks: {', '.join(missing)}", file=sys.stderr)
    if sentence:
        print(f"tables: {sentence}", file=sys.stderr)
    if far:
        raise ValueError(
            f"published teachers are off by more than {comparison.tolerance:g} points: "
            f"{'; '.join(f'{name} {value:+}' for name, value in far.items())}. The tables are written, but images "
            "(those on the web have blurred faces since 2022) or testing are not the paper's; raise "
            "comparison.tolerance in params.yaml if they are meant to differ"
        )


if __name__ == "__main__":
    run_command(main)
