"""What every stage does first, and how it ends: parameters, device, one sentence for an error, a note of its time."""

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aml.storage import stage_log
from aml.storage.parameters import read_parameters, section, typed

PARAMETERS = "params.yaml"
STAGE_LOG = Path("work/stages.jsonl")  # git ignores it


@dataclass(frozen=True)
class Runtime:
    """Where a stage computes; section `runtime` of params.yaml. Only `check` depends on it: it cannot change a result
    by more than rounding."""

    device: str  # auto, cpu, cuda, cuda:N
    num_workers: int  # processes that decode or draw images, where that pays; 0 decodes in the stage's own
    num_downloads: int  # files that are fetched at a time

    def __post_init__(self):
        if self.device not in ("auto", "cpu", "cuda") and not self.device.removeprefix("cuda:").isdecimal():
            raise ValueError(f"device is {self.device!r}; accepted: auto, cpu, cuda, cuda:N")
        if self.num_workers < 0:
            raise ValueError(f"num_workers is {self.num_workers}; accepted: 0 or more")
        if self.num_downloads < 1:
            raise ValueError(f"num_downloads is {self.num_downloads}; accepted: 1 or more")

    def torch_device(self):
        """The device, set up so that results repeat: no TF32, no autotuning of convolutions."""
        import torch

        torch.backends.cudnn.benchmark = False  # image shapes vary, and autotuning picks other kernels each time
        torch.backends.cudnn.deterministic = True
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        if self.device != "auto":
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def parameters() -> dict:
    """All of params.yaml; a stage takes its own sections from it."""
    return read_parameters(PARAMETERS)


def runtime(values: dict) -> Runtime:
    return typed(Runtime, section(values, "runtime"), "runtime")


def run(stage: Callable, *arguments) -> None:
    """Call `stage(*arguments)`; an error in what the user gave ends it with one sentence and exit status 1.

    Any other exception is a bug and keeps its traceback. Where DVC runs the stage, STAGE_LOG gets a line at its end.
    """
    gc.freeze()  # what was imported stays
    gc.enable()
    try:
        stage(*arguments)
        if name := os.environ.get("DVC_STAGE"):
            stage_log.append(STAGE_LOG, name.rpartition(":")[2])  # without the path of its dvc.yaml
    except (ValueError, OSError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}" if str(error) else repr(error))
