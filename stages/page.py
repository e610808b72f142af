"""Render all results as one HTML page that works from the file system.

Reads: <tables>, as the stage `tables` writes it; <claims>; params.yaml; if given, cell.json, contact sheet,
complexity.csv, and the folders of figures and of ranked lists. It also reads things that are not dependencies of the
stage in DVC (which would refuse the first and can't know the others): the stages in the dvc.yaml files of `graph`,
shown in this order; the commit; installed versions; the times of stages in work/stages.jsonl, if there is one. Writes:
<page>.
"""

import csv
import json
from pathlib import Path

from aml.files.atomic import replacing
from aml.pages import provenance
from aml.pages.page import data_uri, listed, render
from aml.params.grid import key_of
from aml.params.reading import PARAMETERS
from aml.run_log import last_runs
from aml.tables.json_file import read_json_tables
from aml.tables.settings import table_settings
from stages.runtime import STAGE_LOG, run_command

CONTACT_SHEET = {
    "title": "Contact sheet",
    "caption": "What the test sets, the training set and the distractors look like",
}


def main(
    tables: Path,
    claims: Path,
    page: Path,
    values: dict,
    *,
    graph: list[Path],
    cell: Path | None = None,
    contact_sheet: Path | None = None,
    complexity: Path | None = None,
    figures: Path | None = None,
    ranked_lists: Path | None = None,
) -> None:
    settings = table_settings(values)
    who = json.loads(cell.read_text(encoding="utf-8")) if cell else None
    finished, differences, whitening = read_json_tables(tables)
    families = provenance.families(graph, values, last_runs(STAGE_LOG))
    text = render(
        finished,
        note=settings.note,
        losses=settings.losses,
        claims=lines(claims),
        making=provenance.making(),
        commit=provenance.commit(),
        installed=provenance.installed(),
        families=[family for family in families if family.name != "page"],  # which is not done yet
        parameters=Path(PARAMETERS).read_text(encoding="utf-8"),
        intervals={  # of scores, by `Table.place`
            (line["key"], line["protocol"], line["set"], line["level"], "mAP"): f"{line['low']} to {line['high']}"
            for line in lines(tables / "intervals.csv")
        },
        differences=differences,
        cell=key_of(who["student"], who["teacher"], who["loss"]) if who else None,
        contact_sheet=CONTACT_SHEET | {"uri": data_uri(contact_sheet)} if contact_sheet else None,
        complexity=lines(complexity) if complexity else [],
        whitening=whitening,
        figures=listed(figures / "figures.json") if figures else [],
        # an empty folder where the cell under study is not up to date
        ranked_lists=listed(ranked_lists / "ranked_lists.json") if ranked_lists and any(ranked_lists.iterdir()) else [],
    )
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def lines(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    run_command(main)
