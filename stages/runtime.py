"""Runs a stage: one sentence for an error, a note of its time, several processes. No result depends on this file."""

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
from itertools import chain
from pathlib import Path

from aml import run_log
from aml.compute.device import runtime
from aml.params.reading import parameters

STAGE_LOG = Path("work/stages.jsonl")  # git ignores it

# how RuntimeErrors say it: of the machine's memory and a GPU's by torch, of processes that the system ended for theirs
MEMORY_SHORTAGE = ("can't allocate memory", "out of memory", "is killed by signal: Killed", "terminated abruptly")


def run_command(stage: Callable, *, in_processes: bool = False) -> None:
    """`run` or `run_in_processes` with the arguments of this command line: one for each parameter of `stage`, in their
    order and of their types; `values` is what params.yaml holds. Other arguments end it with the usage."""
    module = sys.modules["__main__"]
    parser = argparse.ArgumentParser(
        prog=f"python -m {module.__spec__.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    accepted = inspect.signature(stage, eval_str=True).parameters
    for name, parameter in accepted.items():
        if name != "values":
            several = {"nargs": "*"} if parameter.kind is parameter.VAR_POSITIONAL else {}
            parser.add_argument(name, type=parameter.annotation, **several)
    given = vars(parser.parse_args())
    arguments = [given.get(name, parameters) for name in accepted]
    arguments = chain(*(argument if isinstance(argument, list) else [argument] for argument in arguments))
    (run_in_processes if in_processes else run)(stage, *arguments)


def run(stage: Callable, *arguments) -> None:
    """Call `stage(*arguments)` and end the process; an error in what the user gave, an interruption and too little
    memory end it with one sentence and exit status 1. For the argument `parameters`, a function, the stage gets what
    params.yaml holds.

    Any other exception is a bug and keeps its traceback. Where DVC runs the stage, STAGE_LOG gets a line at its end.
    """
    gc.freeze()  # what was imported stays
    gc.enable()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and half a file goes away
    try:
        stage(*(parameters() if argument is parameters else argument for argument in arguments))
        if "RANK" not in os.environ:
            if name := os.environ.get("DVC_STAGE"):
                run_log.append(STAGE_LOG, name.rpartition(":")[2])  # without the path of its dvc.yaml
            leave()
    except (ValueError, OSError) as error:
        end(str(error) or repr(error))
    except KeyboardInterrupt:
        end("interrupted; `dvc repro` goes on from here")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in MEMORY_SHORTAGE):
            raise
        first, *_ = str(error).splitlines() or [repr(error)]
        end(f"memory is short, it seems: {first}")


def leave() -> None:
    """Ends this process, which is done: Python would take torch's modules apart first, for most of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def end(sentence: str) -> None:
    sys.exit(f"{Path(sys.argv[0]).stem}: {sentence}")


def run_in_processes(stage: Callable, *arguments) -> None:
    """As `run`, in `runtime.processes` processes that share the work. The last argument is what params.yaml holds."""
    run(_in_processes, stage, *arguments)


def _in_processes(stage: Callable, *arguments) -> None:
    number = runtime(arguments[-1]).processes
    if number == 1 or "RANK" in os.environ:  # one alone; or one of several, started below or by torchrun
        stage(*arguments)
    else:
        _start(number)


def _start(number: int) -> None:
    """This command line in `number` processes, numbered in their environment as torchrun does it. When one fails, all
    end, and so does this process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free a moment ago, and again when the block is left
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
