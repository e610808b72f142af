"""Runs a study beside the default, and keeps what it says in reports/<study>.

seeds: every student by several seeds (without seeds: 0 to 4). beyond: the losses beyond the paper too (those of
params.yaml). budget: losses by equal budgets, for the pair under study (0 to 2).

Not a stage: `make seeds`, `make beyond` and `make budget` call it. Each run of a study is in a clone of this
repository's last commit, work/<study> or work/<study>-<run>, with other parameters and the same DVC cache: params.yaml
and the dvc.lock files here stay as they are, and cells that any run has are computed once. An interrupted study goes
on; one of an earlier commit is replaced.

Writes: reports/<study>: tables or scores, claims.csv, one figure, and README.md, which names the commit.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dvc.utils.hydra import apply_overrides

from aml.files.atomic import replacing
from aml.pages import provenance
from aml.params.reading import PARAMETERS, parameters, section
from aml.tables.model import SUCCESSORS
from stages.runtime import run_command
from tools import budget

FIGURE = "losses"  # of reports/figures
OF_SUCCESSORS = ("table11.*", "table12.*", "intervals.csv", "differences.csv")  # of reports/tables
SEEDS = """# Results by seeds {seeds}

`make seeds` at commit {commit}: every student trained once by each seed, every teacher once. Tables have means and
standard deviations, [claims.csv](claims.csv) says what holds beyond noise.
"""
BEYOND = """# Losses beyond the paper

`make beyond` at commit {commit}: the grid with csd, d3still, raml, rop, cc and ssp as further losses. Table 11 has
symmetric, Table 12 asymmetric testing; claim m of [claims.csv](claims.csv) is about them.
"""
BUDGET = """# Losses by equal budgets

`make budget` at commit {commit}, seeds {seeds}: which part of the order of losses is due to the
number of images with which each trains?
Medium mAP in percent, with intervals; with the differences of losses and budgets: [budget.csv](budget.csv).
"""


@dataclass(frozen=True)
class Study:
    """One study. `runs` gives the parameters of each run by dotted names, from params.yaml and the seeds; a single
    run is called "". `keep` copies results from the clones into a folder, and returns the end of README.md."""

    heading: str
    seeds: list[int] | None  # None: those of params.yaml
    runs: Callable[[dict], dict[str, dict[str, object]]]
    keep: Callable[[dict[str, Path], Path], str]


def main(name: str, seeds: list[int]) -> None:
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}; known: {', '.join(STUDIES)}")
    commit, study, values = provenance.commit(), STUDIES[name], parameters()
    if commit is None or commit["changed"]:
        found = "changes in " + ", ".join(commit["changed"]) if commit else "no commit"
        raise ValueError(f"{found}; accepted: a commit without changes, since results are of a commit: commit them")
    seeds = seeds or study.seeds or values["grid"]["seeds"]
    clones = {}
    for run_name, wanted in study.runs(values).items():
        folder = clones[run_name] = Path("work") / "-".join(filter(None, (name, run_name)))
        clone(commit["name"], folder)
        apply_overrides(folder / PARAMETERS, overrides(values, {"grid.seeds": seeds} | wanted))
        for command in (("tools.repro", "check"), ("tools.cluster", "--keep-going")):
            module(folder, *command, remedy=f"after the cause is gone, `make {name}` goes on")
    with replacing(Path("reports") / name, is_folder=True) as folder:
        heading = study.heading.format(seeds=", ".join(map(str, seeds)), commit=commit["name"][:7])
        (folder / "README.md").write_text(f"{heading}\n{study.keep(clones, folder)}\n", encoding="utf-8")


def clone(commit: str, folder: Path) -> None:
    """Clone this repository's commit into `folder`, unless it is there, with what this one's DVC cache has of it."""
    done = folder.exists() and printed("git", "-C", str(folder), "rev-parse", "HEAD") == commit
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        printed("git", "clone", "--quiet", ".", str(folder))
    cache = Path(printed(sys.executable, "-m", "dvc", "cache", "dir")).resolve()
    module(folder, "dvc", "cache", "dir", "--local", str(cache))
    if not done:
        module(folder, "dvc", "checkout", "--quiet", "--allow-missing")


def overrides(values: dict, wanted: dict[str, object]) -> list[str]:
    """Return the parameters that differ from `values`, as `dvc exp run -S` takes them; `wanted`: by dotted name."""
    found = {name: value for name, value in wanted.items() if section(values, name) != value}
    shown = {name: f"[{','.join(map(str, v))}]" if isinstance(v, list) else v for name, v in found.items()}
    return [f"{name}={value}" for name, value in shown.items()]


def keep_tables(patterns: tuple[str, ...], clones: dict[str, Path], folder: Path) -> str:
    """Keep the files of reports/tables that a pattern fits, claims and the figure of losses of the only run."""
    reports = clones[""] / "reports"
    (folder / "tables").mkdir()
    for path in (path for pattern in patterns for path in (reports / "tables").glob(pattern)):
        shutil.copyfile(path, folder / "tables" / path.name)
    for path in (reports / "claims.csv", *(reports / f"figures/{FIGURE}{ending}" for ending in (".svg", ".png"))):
        shutil.copyfile(path, folder / path.name)
    figures = json.loads((reports / "figures/figures.json").read_text(encoding="utf-8"))
    shown = next(figure for figure in figures if figure["file"] == f"{FIGURE}.svg")
    return f"![{shown['title']}]({FIGURE}.png)\n\n{shown['caption']}"


def with_successors(values: dict) -> dict[str, dict[str, object]]:
    return {"": {"grid.losses": list(dict.fromkeys((*values["grid"]["losses"], *SUCCESSORS)))}}


STUDIES = {
    "seeds": Study(SEEDS, [0, 1, 2, 3, 4], lambda values: {"": {}}, partial(keep_tables, ("*.csv", "*.tex"))),
    "beyond": Study(BEYOND, None, with_successors, partial(keep_tables, OF_SUCCESSORS)),
    "budget": Study(BUDGET, [0, 1, 2], budget.runs, budget.keep),
}


def module(folder: Path, *arguments: str, remedy: str = "its own output says why") -> None:
    """Run a module in a clone. Raises ValueError if it fails: its own output says why."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder)
    if done.returncode:
        raise ValueError(f"{' '.join(arguments)} failed in {folder}; {remedy}")


def printed(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{' '.join(command)} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


if __name__ == "__main__":
    run_command(main)
