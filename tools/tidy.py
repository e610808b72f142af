"""Removes results that are out of date, so that tables show a dash for them and not an old number.

Not a stage: `make tables` calls it, and `make repro` after a failure: past one, `dvc repro --keep-going` leaves the
outputs of the stages that need the failed one as an earlier run wrote them.

Reads: `dvc status` and `dvc dag`. Removes: <metrics>/<key>.json unless the stage `evaluate_...@<key>` and all stages
before it are up to date; each of <outputs> unless the stage of its name and all before it are up to date. The folders
<metrics> and <queries> stay even if empty, because `tables` depends on them; it ignores queries without a record.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from stages.runtime import run_command


def main(metrics: Path, queries: Path, *outputs: Path) -> None:
    for folder in (metrics, queries):
        folder.mkdir(parents=True, exist_ok=True)
    fresh = up_to_date(edges(dvc("dag", "--dot")), json.loads(dvc("status", "--json")))
    names = [stage.rpartition(":")[2] for stage in fresh]  # without the path of its dvc.yaml
    keys = {name.partition("@")[2] for name in names if name.startswith("evaluate_")}
    outdated = [path for path in sorted(metrics.glob("*.json")) if path.stem not in keys]
    outdated += [path for path in outputs if path.stem not in fresh and path.exists()]
    for path in outdated:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"tidy: removed {path}: out of date", file=sys.stderr)


def up_to_date(before: dict[str, list[str]], changed: dict) -> set[str]:
    """The stages that are not in `changed` and come after no stage in it; `before[stage]`: its direct predecessors."""
    fresh = {}

    def is_fresh(stage: str) -> bool:
        if stage not in fresh:
            fresh[stage] = stage not in changed and all(is_fresh(name) for name in before[stage])
        return fresh[stage]

    return {stage for stage in before if is_fresh(stage)}


def edges(dot: str) -> dict[str, list[str]]:
    """The direct predecessors of every stage in a graph, read from DOT as DVC prints it."""
    before = {}
    for line in dot.splitlines():
        match re.findall(r'"([^"]+)"', line):
            case [stage]:
                before.setdefault(stage, [])
            case [first, second]:
                before.setdefault(second, []).append(first)
    return before


def dvc(*arguments: str) -> str:
    """What a command of DVC prints. If it fails, this process ends with its exit status."""
    done = subprocess.run(["dvc", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    run_command(main)
