"""Build Tables 5 to 10 of the supplement, and 11 and 12 of losses beyond the paper, from metrics records.

`model.TABLES` says what each of them holds; another table is another line there.
"""

from collections.abc import Iterable
from dataclasses import replace
from statistics import stdev

from aml.params.reports import Named, Network, TableSettings
from aml.tables import captions, notes
from aml.tables.model import METRICS, TABLES, Kind, Row, Table, by_pair, score_columns, select, split_column, tenths
from aml.tables.records import any_record, check_records, mean, missing_records, score


def build_tables(settings: TableSettings, records: dict[str, dict]) -> list[Table]:
    """Return the tables with the rows of the grid, 11 and 12 only if it has a loss beyond the paper; `records` are the
    metrics records by key.

    A row is a network, its scores the means over its seeds. Scores are None for a network that lacks a record of any
    seed, at a level without positives, and with distractors where none were evaluated.

    Raises ValueError as `check_records` does.
    """
    networks = settings.networks()
    sets = [test_set.key for test_set in settings.test_sets]
    check_records(records, networks, sets)
    some, distractors = any_record(records, networks), settings.distractors
    if some and not any(some["evaluation"]["sets"][name]["num_distractors"] for name in sets):
        distractors = None
    shown = [n for n, kind in TABLES.items() if kind.rows != "successors" or kind.losses(settings.losses)]
    return [_table(number, settings, records, distractors, some) for number in shown]


def _table(number, settings: TableSettings, records: dict, distractors: Named | None, some: dict | None) -> Table:
    """Return a table; `distractors` are those that were evaluated, `some` is any of the records."""
    kind, evaluation = TABLES[number], some and some["evaluation"]
    networks = [] if kind.rows == "ablation" else settings.without_teacher()
    networks += settings.of_pairs(kind.losses(settings.losses))
    with_distractors = distractors if kind.with_distractors else None
    no_distractors = kind.with_distractors and distractors is None  # every score is a dash, as the caption says
    added = f"+{with_distractors.key}" if with_distractors else ""
    names = [test_set.key for test_set in settings.test_sets]
    sets = {name: None if no_distractors else name + added for name in names}  # to their names in records
    expansions = (evaluation or {}).get("expansion", {})  # constants by metric
    columns = score_columns(sets, (*METRICS, *expansions))
    chance = _means(_scores({"chance": some}, "chance", score_columns(sets), sets))
    rows = _rows(kind, settings, records, networks, columns, sets)
    ending = f"+{with_distractors.label}" if with_distractors else ""
    unasked = settings.without_queries()
    complete = {network.key for network in networks if network.record_keys.keys() <= records.keys()}
    evaluated = [v for row in rows if row.key in complete - unasked.keys() for v in row.values.values()]
    unused = None if with_distractors else settings.distractors
    return Table(
        number=number,
        distractors=with_distractors.key if with_distractors else "",
        columns=columns,
        rows=tuple(rows),
        set_labels=tuple(f"{test_set.label}{ending}" for test_set in settings.test_sets),
        title=captions.title(kind, distractors),
        caption=captions.caption(kind, settings, distractors, evaluation, chance),
        notes=(
            *notes.dashes(missing_records(records, networks), others=None in evaluated and not no_distractors),
            *notes.no_queries(label for key, label in unasked.items() if key in complete),
            *notes.singular_whitening(records, networks, kind.protocol),
            *notes.damaged_images(evaluation, without=unused and unused.key),
        ),
        chance=chance if some else {},
    )


def _rows(kind: Kind, settings: TableSettings, records: dict, networks: list[Network], columns, sets) -> list[Row]:
    """Return a row for each network, by the means over its seeds; `columns` and `sets` as in `_scores`."""
    rows = []
    for network in networks:
        section = kind.protocol if network.teacher else "symmetric"
        found = _scores({key: records.get(key) for key in network.record_keys}, section, columns, sets)
        deviations = {column: stdev(scores) if len(scores) > 1 else None for column, scores in found.items()}
        teacher = network.teacher.label if network.teacher else ""
        identity = network.key, network.label, network.dimension, teacher, network.loss
        rows.append(Row(*identity, _means(found), deviations if settings.several_seeds else {}))
    return embolden(rows, select(columns, "mAP"))


def _scores(
    records: dict[str, dict | None], section: str, columns: tuple[str, ...], sets: dict[str, str | None]
) -> dict[str, list[float]]:
    """Return by column what each of these records has in a section: nothing if one of them is None or has no query with
    a positive there. `sets` maps test sets to their names in records, None for none there."""
    found = {}
    for column in columns:
        test_set, level, metric = split_column(column)
        where = {"section": section, "name": sets[test_set], "level": level, "metric": metric}
        is_there = where["name"] and None not in records.values()
        scores = [score(record, key, **where) for key, record in records.items()] if is_there else []
        found[column] = [] if None in scores else scores
    return found


def _means(scores: dict[str, list[float]]) -> dict[str, float | None]:
    return {column: mean(of_records) if of_records else None for column, of_records in scores.items()}


def embolden(rows: list[Row], columns: Iterable[str]) -> list[Row]:
    """Return the rows with the best of each pair in each column in bold, ties as printed included."""
    columns = tuple(columns)
    best = {}
    for pair, of_pair in by_pair(rows).items():
        for column in columns:
            present = [tenths(row.values[column]) for row in of_pair if row.values[column] is not None]
            best[pair, column] = max(present, default=None)

    def bold(row: Row) -> tuple[str, ...]:
        held = ((column, row.values[column]) for column in columns if row.teacher)
        return tuple(c for c, value in held if value is not None and tenths(value) == best[row.pair, c])

    return [replace(row, bold=bold(row)) for row in rows]
