"""Count the GPU cells that one edit makes stale, summed over all files of code: `python -m benchmarks.marks [folder]`.

folder: another state of this project, such as a git worktree of an earlier commit. Nothing is run or timed.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml
from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.stage import Stage

from aml.closures import Code
from stages.code import BY_NAME, OUTSIDE, needed

RUNNER = ("stages/__init__.py", "stages/runtime.py", "aml/run_log.py")


@dataclass(frozen=True)
class Marks:
    """The files that each GPU cell reads, and the cells that an edit of each file makes stale."""

    cells: dict[str, int]  # GPU cells by their addresses, and how many files each reads
    all: Counter
    idle: Counter  # of `all`: cells that never import the file


def count(root: Path) -> Marks:
    networks = yaml.safe_load((root / "params.yaml").read_text())["networks"]
    with Repo(str(root)) as repo:
        stages = [stage for stage in repo.index.stages if (stage.meta or {}).get("gpu")]
    files = needed(root, networks) if (root / "data/code").exists() else {}
    code, cells, every, idle = Code(root, outside=OUTSIDE, by_name=BY_NAME), {}, Counter(), Counter()
    for stage in stages:
        read = code_read(stage, root, files)
        needs = {path.relative_to(root).as_posix() for path in code.closure(module_of(stage), by_name=True)}
        cells[stage.addressing] = len(read)
        every.update(read)
        idle.update(read - needs - set(RUNNER))
    return Marks(cells, every, idle)


def main(root: Path) -> None:
    marks = count(root)
    print(f"{len(marks.cells)} GPU cells, {len(marks.all)} files; an edit of each marks {marks.all.total()} in all,")
    print(f"of them {marks.idle.total()} by files that the cell never imports: {', '.join(marks.idle) or 'none'}")
    print(f"and {sum(marks.all[path] for path in RUNNER)} by the runner and the run log")
    for kind in sorted({name.partition("@")[0] for name in marks.cells}):
        numbers = [number for name, number in marks.cells.items() if name.startswith(f"{kind}@")]
        print(f"{kind}: {min(numbers)} to {max(numbers)} files")


def module_of(stage: Stage) -> str:
    words = stage.cmd.split()
    return words[words.index("-m") + 1]


def code_read(stage: Stage, root: Path, files: dict) -> set[str]:
    """The Python files on which a stage depends, by itself or through `files` of the stage `code`."""
    found = set()
    for dep in stage.deps:
        path = Path(dep.fs_path).relative_to(root.absolute()) if not isinstance(dep, ParamsDependency) else Path()
        if path.parts[:2] == ("data", "code"):
            found |= set(files[path.relative_to("data/code").as_posix()])
        elif path.parts[:1] in (("aml",), ("stages",), ("synthetic",)):
            folder = root / path
            below = folder.rglob("*.py") if folder.is_dir() else [folder]
            found |= {file.relative_to(root).as_posix() for file in below if file.read_text().strip()}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").absolute())
