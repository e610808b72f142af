"""Settings in the paper's names, records that hold the printed values, and queries of which these are the means."""

import copy
import csv
from dataclasses import replace
from pathlib import Path

from aml.evaluation.per_query import COLUMNS
from aml.params.reading import read_parameters
from aml.params.reports import Named, TableSettings
from aml.tables.csv_files import read_tables
from aml.tables.model import LEVELS, TABLES
from aml.tables.printed_values import PRINTED, compare, differences_from_printed, write_comparison
from aml.tables.settings import table_settings
from tests import ROOT, read_rows


def paper_parameters(**grid) -> dict:
    """params.paper.yaml with changes of its grid, whose teachers are trained here: published ones have to score as
    printed."""
    values = read_parameters(ROOT / "params.paper.yaml")
    values["grid"] |= grid
    values["grid"] |= {"trained_teachers": values["grid"]["teachers"], "published_teachers": []}
    return values


ALL_LOSSES = [*paper_parameters()["grid"]["losses"], "ssp", "csd", "cc"]
SHORT = (Named("roxford5k", "ROxf"), Named("rparis6k", "RPar"))  # as in the supplement's headings
PAPER = replace(table_settings(paper_parameters(seeds=None, losses=ALL_LOSSES)), note="", test_sets=SHORT)
LOSSES, SUCCESSORS = PAPER.losses[:9], PAPER.losses[9:]
KEYS = {network.label: network.key for network in (*PAPER.teachers, *PAPER.students)}
SETS = {
    "roxford5k": {"num_queries": 70, "num_landmarks": 12, "num_database": 4993},
    "rparis6k": {"num_queries": 70, "num_landmarks": 11, "num_database": 6322},
}
for name, counts in SETS.items():
    counts |= {"num_distractors": 1001001, "digest": name.encode().hex()}
for number in set(TABLES) - set(range(5, 13)):  # one of your own, of whose cells nothing is printed
    del TABLES[number]
CHANCE = 2.0  # made up, and 1.0 with distractors
SHIFTS = (-0.5, 0.5, 0.0, -1.0, 1.0)  # of queries' AP from their mean: all networks find the same ones hard


def paper_settings(**changes) -> TableSettings:
    return replace(PAPER, **{"losses": LOSSES} | changes)


def printed_records() -> dict[str, dict]:
    """A metrics record for each of the 42 networks in the printed tables, by key."""
    records: dict[str, dict] = {}
    for row in read_rows(PRINTED):
        network, teacher, loss = KEYS[row["student"]], KEYS.get(row["teacher"]), row["loss"]
        key = network if network in ("vgg16", "resnet101") else f"{network}-{row['d']}"
        key = f"{network}-{teacher}-{loss}" if teacher else key
        record = records.setdefault(key, _empty_record(key, network, teacher, loss, int(row["d"])))
        section = record[row["protocol"] if teacher else "symmetric"]
        for name in SETS:
            levels = section.setdefault(f"{name}+r1m" if row["distractors"] else name, {})
            for level in ("medium", "hard"):
                scores = {metric: float(row[f"{name}_{level}_{metric}"]) for metric in ("mAP", "mP@10")}
                levels[level] = {**scores, "mP@1": 0.0, "mP@5": 0.0}
    return records


def with_seeds(records: dict[str, dict], factors: dict[int, float]) -> dict[str, dict]:
    """The records, each student's once a seed: under its key with the seed, all scores times the seed's factor."""
    found = {}
    for key, record in records.items():
        for seed, factor in factors.items() if "-" in key else [(None, 1)]:
            of_seed = copy.deepcopy(record)
            of_seed["network"] |= {"key": key if seed is None else f"{key}-{seed}", "seed": seed}
            for protocol in {"symmetric", "asymmetric"} & set(record):
                for levels in of_seed[protocol].values():
                    for values in levels.values():
                        values |= {metric: round(value * factor, 2) for metric, value in values.items()}
            found[of_seed["network"]["key"]] = of_seed
    return found


def with_losses(records: dict[str, dict], like: dict[str, str]) -> dict[str, dict]:
    """The records, and for each loss of `like` those of another loss under its name."""
    found = dict(records)
    for loss, other in like.items():
        for record in records.values():
            network = record["network"]
            if network["teacher"] and network["loss"] == other:
                key = f"{network['key'].removesuffix(other)}{loss}"
                found[key] = copy.deepcopy(record) | {"network": network | {"key": key, "loss": loss}}
    return found


def with_expansions(records: dict[str, dict]) -> dict[str, dict]:
    """The records as with both expansions: mAP and 1, 2 points more."""
    records = copy.deepcopy(records)
    for record in records.values():
        constants = {"mAP+QE": {"neighbours": 50, "alpha": 3.0}, "mAP+DBA": {"neighbours": 20, "alpha": None}}
        record["evaluation"]["expansion"] = constants
        for protocol in {"symmetric", "asymmetric"} & record.keys():
            for values in (values for levels in record[protocol].values() for values in levels.values()):
                values |= {"mAP+QE": values["mAP"] + 1, "mAP+DBA": values["mAP"] + 2}
    return records


def write_comparison_of(tables: list, folder: Path) -> list[dict]:
    """Compare tables with the printed ones, as the stage does."""
    lines = compare(tables, read_tables(PRINTED))
    write_comparison(lines, list(differences_from_printed(tables, lines)), folder)
    return lines


def _empty_record(key: str, network: str, teacher: str | None, loss: str, dimension: int) -> dict:
    damaged = dict.fromkeys(("sfm", *SETS, "r1m"), 0)
    protocols = ("symmetric", "asymmetric") if teacher else ("symmetric",)
    evaluation = {
        **{"query_crop": True, "whitening": "database", "image_size": 1024, "scales": [1.0, 0.70711, 0.5], "odd": {}},
        **{"num_excluded": damaged, "num_filled": damaged, "sets": SETS},
        "learned_whitening": {name: {"regularisation": 0.0, "condition_number": 2.5e4} for name in protocols},
    }
    return {
        "network": {
            **{"key": key, "network": network, "teacher": teacher},
            **{"loss": loss, "dimension": dimension, "num_parameters": 1, "seed": None},
        },
        "evaluation": copy.deepcopy(evaluation),
        "chance": {
            f"{name}{ending}": {level: dict.fromkeys(("mAP", "mP@1", "mP@5", "mP@10"), value) for level in LEVELS}
            for name in SETS
            for ending, value in (("", CHANCE), ("+r1m", 1.0))
        },
        **{name: {} for name in protocols},
    }


def write_queries(folder: Path, records: dict, keys, *, shifts=SHIFTS, names="vwxyz", landmarks="vwxyz") -> Path:
    """<key>.csv of these records in `folder`: in every column the AP are the record's mAP and `shifts` around it, the
    P@10 its mP@10. A query's landmark is its position in `landmarks`, or the first."""
    folder.mkdir(exist_ok=True)
    for key in keys:
        with open(folder / f"{key}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for protocol in ("symmetric", "asymmetric", "chance"):
                for name, levels in records[key].get(protocol, {}).items():
                    for level, values in levels.items():
                        column = (protocol, name, level)
                        for query, shift in zip(names, shifts, strict=True):
                            landmark = landmarks.index(query) if query in landmarks else 0
                            writer.writerow((*column, query, landmark, values["mAP"] + shift, "", "", values["mP@10"]))
                        writer.writerow((*column, "without positives", 99, "", "", "", ""))
    return folder
