"""Removes results that are out of date, so that tables show a dash for them and never an old number.

Not a stage: `make tables` calls it, and `make repro` where `dvc repro --keep-going` has passed a failure, for DVC
leaves what stands behind a failed stage as an earlier run wrote it.

Reads: what `dvc status` and `dvc dag` say. Removes: <metrics>/<key>.json unless the stage `evaluate_...@<key>` and all
stages before it are up to date; <outputs>, each unless the stage of its name and all before it are.
<metrics> and <queries> themselves stay, be they empty: `tables` depends on them. It reads no queries without a record.
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
    """The stages not in `changed` that come after none in it; `before[stage]` names a stage's predecessors."""
    fresh = {}

    def is_fresh(stage: str) -> bool:
        if stage not in fresh:
            fresh[stage] = stage not in changed and all(is_fresh(name) for name in before[stage])
        return fresh[stage]

    return {stage for stage in before if is_fresh(stage)}


def edges(dot: str) -> dict[str, list[str]]:
    """Every stage of a graph in DOT, as DVC writes it, with the stages directly before it."""
    before = {}
    for line in dot.splitlines():
        match re.findall(r'"([^"]+)"', line):
            case [stage]:
                before.setdefault(stage, [])
            case [first, second]:
                before.setdefault(second, []).append(first)
    return before


def dvc(*arguments: str) -> str:
    """What the command prints; its own message and exit status where it fails."""
    done = subprocess.run(["dvc", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    run_command(main)
