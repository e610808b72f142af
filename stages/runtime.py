"""Run a stage: its command line, errors in one sentence, several processes, the run log. No result depends on it."""

import argparse
import gc
import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args, get_origin

from aml import run_log
from aml.compute.device import runtime
from aml.params.reading import parameters

STAGE_LOG = Path("work/stages.jsonl")  # git ignores it

# words of RuntimeErrors: torch lacks memory of the machine or a GPU; the system ended a process for lack of memory
MEMORY_SHORTAGE = ("can't allocate memory", "out of memory", "is killed by signal: Killed", "terminated abruptly")


def run_command(stage: Callable, *, in_processes: bool = False) -> None:
    """Run `stage` with the arguments of this command line.

    Its signature defines them: each positional parameter is an argument, each keyword-only one an option, which is
    required unless it has a default. A list takes any number of them. `values` gets the contents of params.yaml.
    """
    module = sys.modules["__main__"]
    parser = argparse.ArgumentParser(
        prog=f"python -m {module.__spec__.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    accepted = inspect.signature(stage, eval_str=True).parameters
    for name, parameter in accepted.items():
        kind, *_ = get_args(parameter.annotation) or [parameter.annotation]  # of list[kind] and kind | None
        is_list = get_origin(parameter.annotation) is list
        if parameter.kind is parameter.KEYWORD_ONLY:
            required, nargs = parameter.default is parameter.empty, "+" if is_list else None
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, required=required, nargs=nargs)
        elif name != "values":
            parser.add_argument(name, type=kind, nargs="*" if is_list else None)
    given = vars(parser.parse_args())

    def command() -> None:
        if "values" in accepted:
            given["values"] = parameters()
        if in_processes:
            share(partial(stage, **given), given["values"])
        else:
            stage(**given)

    run(command)


def run(stage: Callable, *arguments) -> None:
    """Call `stage(*arguments)`.

    A mistake of the user, an interruption and a lack of memory end the process with one sentence and exit status 1. Any
    other exception is a bug and keeps its traceback. If DVC runs the stage, STAGE_LOG gets a line when it is done.
    """
    gc.freeze()  # else Python's end visits what torch has made: 0.5 s of each of the grid's 86 GPU stages, 42 s in all
    gc.enable()  # stages/__init__.py
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: half-written files are removed
    try:
        stage(*arguments)
        name = os.environ.get("DVC_STAGE")
        if name and "RANK" not in os.environ:
            run_log.append(STAGE_LOG, name.rpartition(":")[2])  # without the path of its dvc.yaml
    except (ValueError, OSError) as error:
        end(str(error) or repr(error))
    except KeyboardInterrupt:
        end("interrupted; `dvc repro` goes on from here")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in MEMORY_SHORTAGE):
            raise
        first, *_ = str(error).splitlines() or [repr(error)]
        end(f"memory is short, it seems: {first}")


def end(sentence: str) -> None:
    sys.exit(f"{Path(sys.argv[0]).stem}: {sentence}")


def share(stage: Callable[[], None], values: dict) -> None:
    """Call `stage` in `runtime.processes` processes; `values` are the contents of params.yaml."""
    number = runtime(values).processes
    if number == 1 or "RANK" in os.environ:  # the only one, or one of several, started below or by torchrun
        stage()
    else:
        _start(number)


def _start(number: int) -> None:
    """Run this command line in `number` processes, numbered in their environment as torchrun does it. If one fails,
    end them all and this process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # a free port, and free again after this block
    environment = os.environ | {"WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", sys.modules["__main__"].__spec__.name, *sys.argv[1:]]
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]
    children = [subprocess.Popen(command, env=environment | rank) for rank in ranks]
    try:
        while None in (codes := [child.poll() for child in children]) and not any(codes):
            time.sleep(0.1)
    finally:
        for child in children:
            child.kill()  # not those that have ended
            child.wait()
    for rank, code in enumerate(codes):
        if code:
            sys.exit(1 if code == 1 else f"process {rank} of {number} ended with status {code}")
