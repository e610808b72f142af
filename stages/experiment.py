"""Write the mAP of the cell under study (student, teacher, loss and seed in params.yaml) as DVC's metrics file.

`dvc metrics diff` and `dvc exp show` print one line or column for each number, so only mAP is in it; the record has all
measures. Reads: <cell> (its key), <metrics> (its record). Writes: <experiment>.
"""

import json
from pathlib import Path

from aml.files.atomic import read_json, write_json
from aml.tables.model import LEVELS
from stages.runtime import run_command


def main(cell: Path, metrics: Path, experiment: Path) -> None:
    wanted = json.loads(cell.read_text(encoding="utf-8"))
    record = read_json(metrics, "network")
    if record["network"]["key"] != wanted["key"]:
        raise ValueError(f"{metrics} is the record of {record['network']['key']!r}; expected {wanted['key']!r}")
    found = {}
    for protocol in ("symmetric", "asymmetric"):
        for name, levels in record[protocol].items():  # a level without positives is not there
            scores = {level: {"mAP": levels[level]["mAP"]} for level in LEVELS if level in levels}
            found.setdefault(protocol, {})[name] = scores
    write_json(experiment, found)


if __name__ == "__main__":
    run_command(main)
