"""Time `dvc repro` with nothing to do, in the repository itself, where the whole grid has been run."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.measure import ROOT, CannotRunError, Case, Options, alternate

LIMIT = 10  # seconds


def run(options: Options) -> list[Case]:
    if options.quick:
        raise CannotRunError("with --quick, only growth times a graph with nothing to do, a stubbed one")
    return [nothing_to_do(ROOT, trials=3)]


def nothing_to_do(folder: Path, *, trials: int) -> Case:
    """Time `dvc repro`. Raises CannotRunError where it would run a stage."""
    dvc = partial(run_module, folder, "dvc")
    stale = {name: what for name, what in json.loads(dvc("status", "--json")).items() if what}
    if stale:
        raise CannotRunError(
            f"{len(stale)} stages are not up to date, {next(iter(stale))} among them: make repro first"
        )
    num_stages = len(dvc("stage", "list", "--all", "--name-only").split())
    timings = alternate({"ours": partial(dvc, "repro")}, trials)
    return Case(
        what=f"dvc repro, nothing to do, {num_stages} stages",
        **timings.of_case,
        equality="stages that ran",
        difference=float(num_run(timings.results["ours"])),
        reached={f"at most {LIMIT} s": timings.seconds["ours"] <= LIMIT},
    )


def run_module(folder: Path, *arguments: str, **environment: str) -> str:
    """Run a module, such as DVC, and return what it prints. Raises ValueError with that where the command fails."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | environment
    streams = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, **streams)
    if done.returncode:
        raise ValueError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def num_run(printed: str) -> int:
    """Return how many stages a `dvc repro` ran, from what it printed."""
    return printed.count("Running stage '")
