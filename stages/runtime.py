"""What every stage does first, and how it ends: parameters, device, one sentence for an error, a note of its time."""

import ctypes
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aml.storage import stage_log
from aml.storage.parameters import read_parameters, section, typed

PARAMETERS = "params.yaml"
WORK = Path("work")  # git ignores it
STAGE_LOG = WORK / "stages.jsonl"
KEPT_FEATURES = WORK / "features"  # of frozen stages (aml.vision.kept)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # in glibc's malloc.h

# how RuntimeErrors say it: of the machine's memory and a GPU's by torch, of processes that the system ended for theirs
MEMORY_SHORTAGE = ("can't allocate memory", "out of memory", "is killed by signal: Killed", "terminated abruptly")


@dataclass(frozen=True)
class Runtime:
    """Where a stage computes; section `runtime` of params.yaml. Only `check` depends on it: it cannot change a result
    by more than rounding."""

    device: str  # auto, cpu, cuda, cuda:N
    processes: int  # that share one extraction or training, on GPUs one each
    num_threads: int | None  # of torch on a CPU, in each process; None: one a core
    num_workers: int  # processes that decode (for each of `processes`) or draw images, where that pays; 0: none besides
    num_downloads: int  # files that are fetched at a time
    compile: bool  # torch.compile at extraction

    def __post_init__(self):
        if not re.fullmatch("auto|cpu|cuda(:[0-9]+)?", self.device):
            raise ValueError(f"device is {self.device!r}; accepted: auto, cpu, cuda, cuda:N")
        if self.processes < 1:
            raise ValueError(f"processes is {self.processes}; accepted: 1 or more")
        if self.processes > 1 and self.device.startswith("cuda:"):
            raise ValueError(f"device is {self.device!r} of {self.processes} processes; accepted: auto, cpu, cuda")
        if self.num_threads is not None and self.num_threads < 1:
            raise ValueError(f"num_threads is {self.num_threads}; accepted: 1 or more, or null")
        if self.num_workers < 0:
            raise ValueError(f"num_workers is {self.num_workers}; accepted: 0 or more")
        if self.num_downloads < 1:
            raise ValueError(f"num_downloads is {self.num_downloads}; accepted: 1 or more")

    def torch_device(self):
        """The device, set up so that results repeat: as many threads as asked for, since sums are rounded by their
        number, no TF32, no autotuning of convolutions. Of several processes each takes the GPU of its number.

        Raises ValueError for a GPU that this machine does not have.
        """
        import torch

        if self.num_threads is not None:
            torch.set_num_threads(self.num_threads)
        torch.backends.cudnn.benchmark = False  # image shapes vary, and autotuning picks other kernels each time
        torch.backends.cudnn.deterministic = True
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        if self.device == "cpu" or (self.device == "auto" and not torch.cuda.is_available()):
            keep_freed_memory()
            return torch.device("cpu")
        wanted = int(self.device.removeprefix("cuda:")) if ":" in self.device else int(os.environ.get("LOCAL_RANK", 0))
        if wanted >= torch.cuda.device_count():
            raise ValueError(
                f"params.yaml: runtime asks for CUDA device {wanted} (device {self.device!r}, processes "
                f"{self.processes}), and torch finds {torch.cuda.device_count()} here; accepted: a device that is "
                "there, or device: cpu"
            )
        torch.cuda.set_device(wanted)
        return torch.device("cuda", wanted)


def keep_freed_memory() -> None:
    """From now on the C library keeps freed memory for what comes next. It would give every large tensor back to the
    system and get the next one in fresh pages, for a fifth of an extraction's time. glibc's; others go on as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def parameters() -> dict:
    """All of params.yaml; a stage takes its own sections from it."""
    return read_parameters(PARAMETERS)


def runtime(values: dict) -> Runtime:
    return typed(Runtime, section(values, "runtime"), "runtime")


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
