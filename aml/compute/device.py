"""Section `runtime` of params.yaml: where a stage computes. Imports torch only to set up the device."""

import ctypes
import os
import platform
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from aml.params.reading import Within, setting

Precision = Literal["float32", "tf32", "bfloat16"]  # of the convolutions; the others move descriptors

SOME = Within(1, 1024)  # processes or threads of a machine: more is a slip
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # in glibc's malloc.h


@dataclass(frozen=True)
class Runtime:
    """Where a stage computes. Only `check` depends on this section, since it cannot change a result by more than
    rounding."""

    device: str  # auto, cpu, cuda, cuda:N
    processes: Annotated[int, SOME]  # that share one extraction, on GPUs one each
    num_threads: Annotated[int | None, SOME]  # of torch on a CPU, in each process; None: one a core
    # processes that decode (for each of `processes`) or draw images, where that pays; 0: none besides. Also how many
    # threads describe images on a CPU, if it has the cores
    num_workers: Annotated[int, Within(0, 1024)]
    num_downloads: Annotated[int, SOME]  # files that are fetched at a time
    compile: bool  # torch.compile at extraction

    def __post_init__(self):
        if not re.fullmatch("auto|cpu|cuda(:[0-9]+)?", self.device):
            raise ValueError(f"device is {self.device!r}; accepted: auto, cpu, cuda, cuda:N")
        if self.processes > 1 and self.device.startswith("cuda:"):
            raise ValueError(f"device is {self.device!r} of {self.processes} processes; accepted: auto, cpu, cuda")

    def torch_device(self):
        """Return the device, set up so that results repeat.

        It uses `num_threads` threads, because their number changes how sums are rounded, no TF32 and no autotuning of
        convolutions. Of several processes each takes the GPU of its own number. Raises ValueError for a GPU that this
        machine does not have.
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
    """Let the C library keep freed memory for later tensors and arrays, if it is glibc.

    Otherwise it returns the memory of every large tensor to the system and gets the next one in new pages, which takes
    a fifth of an extraction's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_ARENA_MAX, 1)  # memory of threads' own would have no room for more than 64 MB


def runtime(values: dict) -> Runtime:
    """Return section `runtime` of params.yaml."""
    return setting(values, "runtime", Runtime)


def processor() -> str:
    """Return the processor's model, or its architecture if the system has no name for it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
        return next(names, platform.machine())  # ARM has no such line
