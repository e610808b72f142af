"""Runs the grid with several seeds beside the default of one, and keeps what it says in reports/seeds.

Not a stage: `make seeds` calls it. The run is in work/seeds, a clone of this repository's last commit with other
`grid.seeds` and the same DVC cache: params.yaml and the dvc.lock files here stay as they are, and cells that either run
has are computed once. An interrupted run goes on; one of an earlier commit is replaced.

Writes: reports/seeds: tables with standard deviations, claims.csv, one figure, and README.md, which names the commit.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from dvc.utils.serialize import modify_yaml

from aml.files.atomic import replacing
from aml.pages import provenance
from aml.params.reading import PARAMETERS
from stages.runtime import run

CLONE, RESULTS = Path("work/seeds"), Path("reports/seeds")
FIGURE = "losses"  # of reports/figures
README = """# Results by seeds {seeds}

`make seeds` at commit {commit}: every student trained once by each seed, every teacher once. Tables have means and
standard deviations, [claims.csv](claims.csv) says what holds beyond noise.

![{title}]({figure}.png)

{caption}
"""


def main(seeds: list[int]) -> None:
    commit = provenance.commit()
    if commit is None or commit.changed:
        found = f"changes in {', '.join(commit.changed)}" if commit else "no commit"
        raise ValueError(f"{found}; accepted: a commit without changes, since results are of a commit: commit them")
    clone(commit.name)
    with modify_yaml(CLONE / PARAMETERS) as values:
        values["grid"]["seeds"] = seeds
    module("tools.repro", "check")
    module("tools.cluster", "--keep-going")
    with replacing(RESULTS, is_folder=True) as folder:
        keep(CLONE / "reports", folder, seeds=", ".join(map(str, seeds)), commit=commit.name[:7])


def clone(commit: str) -> None:
    """Clone this repository's commit into CLONE, unless it is there, with what this one's DVC cache has of it."""
    done = CLONE.exists() and printed("git", "-C", str(CLONE), "rev-parse", "HEAD") == commit
    if not done:
        shutil.rmtree(CLONE, ignore_errors=True)
        printed("git", "clone", "--quiet", ".", str(CLONE))
    cache = Path(printed(sys.executable, "-m", "dvc", "cache", "dir")).resolve()
    module("dvc", "cache", "dir", "--local", str(cache))
    if not done:
        module("dvc", "checkout", "--quiet", "--allow-missing")


def keep(reports: Path, folder: Path, **words: str) -> None:
    """Copy tables, claims and the figure from `reports`, and write README.md."""
    (folder / "tables").mkdir()
    paths = [path for path in (reports / "tables").iterdir() if path.suffix in (".csv", ".tex")]
    for path in paths:
        shutil.copyfile(path, folder / "tables" / path.name)
    for path in (reports / "claims.csv", *(reports / f"figures/{FIGURE}{ending}" for ending in (".svg", ".png"))):
        shutil.copyfile(path, folder / path.name)
    figures = json.loads((reports / "figures/figures.json").read_text(encoding="utf-8"))
    shown = next(figure for figure in figures if figure["file"] == f"{FIGURE}.svg")
    text = README.format(**words, title=shown["title"], caption=shown["caption"], figure=FIGURE)
    (folder / "README.md").write_text(text, encoding="utf-8")


def module(*arguments: str) -> None:
    """Run a module in CLONE. Raises ValueError if it fails: its own output says why."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=CLONE)
    if done.returncode:
        raise ValueError(f"{' '.join(arguments)} failed in {CLONE}; after the cause is gone, `make seeds` goes on")


def printed(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{' '.join(command)} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4], help="0 to 4 if left out")
    run(main, parser.parse_args().seeds)
