"""The cell under study: the metrics of the student, teacher and loss that params.yaml points at.

Reads: <cell> (who it is), <metrics> (its record). Writes: <experiment>, the pipeline's metrics file.
"""

import json
import sys
from pathlib import Path

from aml.storage.files import write_json
from aml.storage.seals import read_sealed
from stages.runtime import run


def main(cell: Path, metrics: Path, experiment: Path) -> None:
    wanted = json.loads(cell.read_text(encoding="utf-8"))
    record = read_sealed(metrics)
    if record["network"]["key"] != wanted["key"]:
        raise ValueError(f"{metrics} is the record of {record['network']['key']!r}; expected {wanted['key']!r}")
    write_json(experiment, {name: record[name] for name in ("symmetric", "asymmetric")})


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:4]))
