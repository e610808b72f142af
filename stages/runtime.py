"""Runs a stage: one sentence for an error, a note of its time, several processes. No result depends on this file."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aml.storage import stage_log
from aml.vision.device import runtime

STAGE_LOG = Path("work/stages.jsonl")  # git ignores it

# how RuntimeErrors say it: of the machine's memory and a GPU's by torch, of processes that the system ended for theirs
MEMORY_SHORTAGE = ("can't allocate memory", "out of memory", "is killed by signal: Killed", "terminated abruptly")


def run(stage: Callable, *arguments) -> None:
    """Call `stage(*arguments)` and end the process; an error in what the user gave, an interruption and too little
    memory end it with one sentence and exit status 1.

    Any other exception is a bug and keeps its traceback. Where DVC runs the stage, STAGE_LOG gets a line at its end.
    """
    gc.freeze()  # what was imported stays
    gc.enable()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and half a file goes away
    try:
        stage(*arguments)
        if "RANK" not in os.environ:
            if name := os.environ.get("DVC_STAGE"):
                stage_log.append(STAGE_LOG, name.rpartition(":")[2])  # without the path of its dvc.yaml
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
