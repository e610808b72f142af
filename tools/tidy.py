"""Removes results that are out of date, so that tables show a dash for them and not an old number.

Not a stage: `make tables` calls it, and `make repro` after a failure: past one, `dvc repro --keep-going` leaves the
outputs of the stages that need the failed one as an earlier run wrote them.

Reads: DVC's graph and what has changed in it. Removes: <metrics>/<key>.json unless the stage `evaluate_...@<key>` and
all stages before it are up to date; each of <outputs> unless the stage of its name and all before it are up to date.
The folders <metrics> and <queries> stay even if empty, because `tables` depends on them; it ignores queries without a
record.
"""

import shutil
import sys
from pathlib import Path

import networkx
from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.runtime import run_command


def main(metrics: Path, queries: Path, outputs: list[Path]) -> None:
    for folder in (metrics, queries):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with Repo() as repo:
            needs = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)  # stage -> what it needs
            changed = repo.status()
    except DvcException as error:
        raise ValueError(str(error)) from error
    fresh = set(needs).difference(changed, *(networkx.ancestors(needs, stage) for stage in changed))
    names = [stage.rpartition(":")[2] for stage in fresh]  # without the path of its dvc.yaml
    keys = {name.partition("@")[2] for name in names if name.startswith("evaluate_")}
    outdated = [path for path in sorted(metrics.glob("*.json")) if path.stem not in keys]
    outdated += [path for path in outputs if path.stem not in fresh and path.exists()]
    for path in outdated:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"tidy: removed {path}: out of date", file=sys.stderr)


if __name__ == "__main__":
    run_command(main)
