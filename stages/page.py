"""All results as one HTML page that works from the file system.

Reads: <metrics>/<key>.json of every cell; <claims>; params.yaml; what the options name. Not as dependencies, for the
first DVC refuses and the others are this machine's: the stages in the dvc.yaml files of <graph>; the commit, installed
versions, and the times of stages in work/stages.jsonl, if there is one.
Writes: <page>.
"""

import argparse
import csv
import json
from functools import partial
from pathlib import Path

from aml.files.atomic import replacing
from aml.pages import provenance
from aml.pages.page import Content, Intervals, Sheet, render
from aml.pages.pictures import listed, picture
from aml.params.reading import PARAMETERS, parameters, setting
from aml.params.reports import BootstrapSettings, ComparisonSettings
from aml.run_log import last_runs
from aml.tables import notes
from aml.tables.build import build_tables
from aml.tables.claims import read_claims
from aml.tables.csv_files import read_tables
from aml.tables.printed_values import PRINTED, compare, published_distances, published_sentence, with_note
from aml.tables.printed_values import differences as from_printed
from aml.tables.records import read_records
from aml.tables.settings import published_teachers, table_settings
from aml.tables.uncertainty import marked, read_differences
from stages.runtime import STAGE_LOG, run

CONTACT_SHEET = "What the test sets, the training set and the distractors look like"


def main(
    values: dict,
    *,
    metrics: Path,
    claims: Path,
    page: Path,
    graph: list[Path],
    cell: Path | None = None,
    intervals: Path | None = None,
    differences: Path | None = None,
    contact_sheet: Path | None = None,
    complexity: Path | None = None,
    figures: Path | None = None,
    ranked_lists: Path | None = None,
) -> None:
    settings = table_settings(values)
    comparison = setting(values, "comparison", ComparisonSettings)
    records = read_records(metrics, settings.networks())
    tables, printed = build_tables(settings, records), read_tables(PRINTED)
    if differences:
        bootstrap = setting(values, "bootstrap", BootstrapSettings)
        test_sets = [test_set.key for test_set in settings.test_sets]
        tables = marked(tables, read_differences(differences), test_sets, bootstrap)
    families = provenance.families(graph, values, last_runs(STAGE_LOG))
    distances = published_distances(tables, printed, published_teachers(values))
    content = Content(
        note=settings.note,
        tables=with_note(tables, published_sentence(distances, comparison.tolerance)),
        losses=settings.losses,
        claims=read_claims(claims),
        making=provenance.making(),
        commit=provenance.commit(),
        installed=provenance.installed(),
        families=[family for family in families if family.name != "page"],  # which is not done yet
        parameters=Path(PARAMETERS).read_text(encoding="utf-8"),
        intervals=read_intervals(intervals) if intervals else {},
        differences=list(from_printed(tables, compare(tables, printed))) if comparison.printed else [],
        cell=row_of(json.loads(cell.read_text(encoding="utf-8"))) if cell else None,
        contact_sheet=picture(contact_sheet, "Contact sheet", CONTACT_SHEET) if contact_sheet else None,
        complexity=sheet(complexity) if complexity else None,
        whitening=Sheet(list(notes.COLUMNS), notes.whitening_lines(records, settings.networks())),
        figures=listed(figures / "figures.json") if figures else [],
        # an empty folder where the cell under study is not up to date
        ranked_lists=listed(ranked_lists / "ranked_lists.json") if ranked_lists and any(ranked_lists.iterdir()) else [],
    )
    with replacing(page) as temporary:
        temporary.write_text(render(content), encoding="utf-8")


def row_of(cell: dict) -> str:
    """The key of the row in the tables where the cell under study stands with its other seeds."""
    return f"{cell['student']}-{cell['teacher']}-{cell['loss']}"


def read_intervals(path: Path) -> Intervals:
    with open(path, newline="", encoding="utf-8") as file:
        return {
            (line["key"], line["protocol"], line["set"], line["level"]): (line["low"], line["high"])
            for line in csv.DictReader(file)
        }


def sheet(path: Path) -> Sheet:
    """Raises ValueError for an empty file."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if not header:
        raise ValueError(f"{path} is empty; a CSV file with a header is expected")
    return Sheet(header, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("claims", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--graph", type=Path, nargs="+", required=True, help="dvc.yaml files, in the order to show")
    parser.add_argument("--cell", type=Path, help="who is under study, as check writes it")
    parser.add_argument("--intervals", type=Path, help="CSV: key, protocol, set, level, low and high")
    parser.add_argument("--differences", type=Path, help="CSV of differences within pairs, for marks in the tables")
    parser.add_argument("--contact-sheet", type=Path)
    parser.add_argument("--complexity", type=Path, help="CSV")
    parser.add_argument("--figures", type=Path, help="folder with figures.json")
    parser.add_argument("--ranked-lists", type=Path, help="folder with ranked_lists.json")
    run(partial(main, **vars(parser.parse_args())), parameters)
