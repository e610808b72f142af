"""Runs one stage in this folder, as `driver` orders on standard input.

Reads: one line of JSON, an Order. Prints: one line of JSON, a Report. Writes: .dvc/tmp/cluster/<stage>.log, what DVC
and the stage print. Stops, with the stage, when standard input closes.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from aml.files.atomic import replacing
from tools.cluster.leash import Leash, StoppedError
from tools.cluster.orders import Order, Report

LOGS = Path(".dvc/tmp/cluster")
TAIL = 3000  # characters of a failed stage's output


def main() -> None:
    """Fork first: when a node is lost, Ray kills the direct children of its workers. The grandchild survives long
    enough to stop DVC cleanly."""
    if child := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Ray's workers block SIGINT, and children inherit that
    order = Order(**json.loads(sys.stdin.readline()))
    set_threads(order.threads)
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{order.address.replace('/', '_')}.log", "ab") as log:
        report = carried_out(order, Leash(log))
    print(json.dumps(asdict(report)))


def set_threads(number: str | None) -> None:
    """Give the stage as many threads as `dvc repro` would, not the number that Ray sets: rounding of sums depends
    on it. Waiting threads yield, because stages that run at once have more threads than there are cores."""
    os.environ.pop("OMP_NUM_THREADS", None)
    if number is not None:
        os.environ["OMP_NUM_THREADS"] = number
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def carried_out(order: Order, leash: Leash) -> Report:
    """Carry out an order; errors are reported, not raised."""
    try:
        leash.take()
        return carry_out(order, leash)
    except StoppedError:
        return Report("stopped", order.how)
    except subprocess.CalledProcessError:
        return Report("failed", order.how, leash.output()[-TAIL:])
    except ValueError as error:
        return Report("failed", order.how, f"{order.address}: {error}")


def carry_out(order: Order, leash: Leash) -> Report:
    if order.remote is None:
        return Report(repro(order, leash), order.how)
    from tools.cluster import locks  # late: it imports DVC, which takes a second

    if order.how == "restore" and not locks.restorable(order.address):
        return Report("absent", order.how, dependencies=locks.dependencies(order.address))
    if order.how in ("travel", "collect"):
        locks.merge_entries(order.entries)
    if order.how == "travel":
        write_parameters(order.parameters)
        for address in order.first:
            leash.run("tools.repro", "--single-item", address, runs_stage=True)
        leash.dvc("pull", "--remote", order.remote, *order.inputs)
        require_equal(locks.dependencies(order.address), order.dependencies)
    elif order.how == "collect":
        leash.dvc("fetch", "--remote", order.remote, order.address)
    result = repro(order, leash)
    if order.push or order.how == "travel":
        leash.dvc("push", "--remote", order.remote, order.address)
    return Report(result, order.how, entry=locks.read_entries([order.address])[order.address])


def repro(order: Order, leash: Leash) -> str:
    """Run the stage by DVC, and return whether that was `run`, `restored` or `unchanged`."""
    before = len(leash.output())  # that other commands have printed
    leash.run("tools.repro", "--single-item", order.address, runs_stage=True)
    said = {"Running stage '": "run", "is cached - skipping run": "restored"}
    return next((result for words, result in said.items() if words in leash.output()[before:]), "unchanged")


def write_parameters(parameters: dict[str, str]) -> None:
    for name, text in parameters.items():
        if not Path(name).exists() or Path(name).read_text(encoding="utf-8") != text:
            with replacing(name) as temporary:
                temporary.write_text(text, encoding="utf-8")


def require_equal(found: dict[str, object], expected: dict[str, object]) -> None:
    """Raise ValueError if a dependency, most likely code, differs from the one in the driver's folder."""
    for name, value in expected.items():
        if found[name] != value:
            raise ValueError(
                f"{name} in {Path.cwd()} on {socket.gethostname()} is not what it is where the run was started; "
                "accepted: a clone of the same commit, and no edits beside parameters"
            )


if __name__ == "__main__":
    main()
