"""Runs every stage that is out of date as soon as what it needs is done, many at once; same results as `dvc repro`."""

import argparse
import importlib.util
import os
import sys

from dvc.exceptions import DvcException

INSTALL = "pip install --requirement requirements-cluster.txt"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help="stages or files, as in dvc repro; none: dvc.yaml")
    parser.add_argument("--address", help="address of a running Ray cluster, or auto; without it: this machine alone")
    parser.add_argument(
        "--remote", metavar="name", help="DVC remote between this folder and its clones on the cluster's other machines"
    )
    parser.add_argument(
        "--gpus-per-stage", type=float, default=1, metavar="number", help="if the cluster has GPUs (default: 1)"
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="go on after a failure, with stages that do not need it"
    )
    given = parser.parse_args(arguments)
    if importlib.util.find_spec("ray") is None:
        sys.exit(f"cluster: Ray is not installed; `{INSTALL}` installs it")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported; DVC's analytics are off as well
    try:
        results = run(given)
    except (ValueError, OSError, DvcException) as error:
        sys.exit(f"cluster: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if "failed" in results.values() else 0)


def run(given: argparse.Namespace) -> dict[str, str]:
    """Run what the command line asks for. Returns the result of each stage by its address."""
    from tools.cluster.display import Display
    from tools.cluster.plan import plan

    to_do = plan(given.targets)
    display = Display(len(to_do.stages))
    if not to_do.stages:
        display.summary({})
        return {}
    from tools.cluster import driver

    with driver.connected(given.address):
        options = {"remote": given.remote, "gpus_per_stage": given.gpus_per_stage, "keep_going": given.keep_going}
        run = driver.Run(to_do, display, **options)
        try:
            run.complete()
        finally:
            display.summary(run.results)
    return run.results


if __name__ == "__main__":
    main()
