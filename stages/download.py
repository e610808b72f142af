"""Fetch or draw one dataset in its raw layout.

Reads: nothing. Writes: <raw>, the files that upstream publishes, as they are.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from aml.datasets import synthetic
from aml.datasets.settings import dataset_settings
from stages.runtime import parameters, run, runtime

DRAW = {
    "sfm": synthetic.draw_training_set,
    "revisited": synthetic.draw_test_set,
    "distractors": synthetic.draw_distractors,
}


def main(name: str, raw: Path, values: dict) -> None:
    settings, drawn = dataset_settings(values, name)
    if drawn is None:
        raise ValueError(f"params.yaml: datasets.{name}.synthetic is empty; downloads from the web are not built yet")
    DRAW[settings.layout](raw, **asdict(drawn), num_processes=max(1, runtime(values).num_workers))


if __name__ == "__main__":
    run(main, sys.argv[1], Path(sys.argv[2]), parameters())
