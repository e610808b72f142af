"""The cell under study: the mAP of student, teacher, loss and seed that params.yaml points at, in the tables' levels.

It is what `dvc metrics diff` and `dvc exp show` print, a line or a column a number; the record has all measures.
Reads: <cell> (who it is), <metrics> (its record). Writes: <experiment>, the pipeline's metrics file.
"""

import json
from pathlib import Path

from aml.files.atomic import write_json
from aml.files.reading import read_json
from aml.tables.model import LEVELS
from stages.runtime import run_command


def main(cell: Path, metrics: Path, experiment: Path) -> None:
    wanted = json.loads(cell.read_text(encoding="utf-8"))
    record = read_json(metrics, "network")
    if record["network"]["key"] != wanted["key"]:
        raise ValueError(f"{metrics} is the record of {record['network']['key']!r}; expected {wanted['key']!r}")
    write_json(experiment, {protocol: mean_precisions(record[protocol]) for protocol in ("symmetric", "asymmetric")})


def mean_precisions(sets: dict) -> dict:
    """The mAP of a protocol's sets and levels; a level without positives has none."""
    return {
        name: {level: {"mAP": levels[level]["mAP"]} for level in LEVELS if level in levels}
        for name, levels in sets.items()
    }


if __name__ == "__main__":
    run_command(main)
