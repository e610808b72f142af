"""Log when each stage ran on this machine, for how long and on which device: one JSON line for each run.

The file is not an output of a stage, and no result may depend on it.
"""

import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aml.compute.device import processor

VERSIONED = ("faiss", "numpy", "pandas", "timm", "torch", "torchvision")  # modules


@dataclass(frozen=True)
class StageRun:
    stage: str  # as DVC names it, without the path of its dvc.yaml: distill@a-b-c
    start: str  # ISO 8601, UTC
    seconds: float  # since its process started, imports included
    device: str  # the GPU if it used one, else the processor
    versions: dict[str, str]  # of Python and of those of VERSIONED that it imported


def append(path: Path, stage: str) -> None:
    """Append a line for `stage`, which this process has just finished."""
    seconds = _seconds_since_start()
    start = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")
    versions = {"python": platform.python_version()}
    versions |= {name: str(sys.modules[name].__version__) for name in VERSIONED if name in sys.modules}
    run = StageRun(stage, start, round(seconds, 2), device(), versions)
    path.parent.mkdir(exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:  # in one write, so that lines of several processes stay whole
        file.write(json.dumps(asdict(run)) + "\n")


def last_runs(path: Path) -> dict[str, StageRun]:
    """Return the last run of each stage by its name; empty without a file. Raises ValueError for a line that isn't a
    run."""
    if not path.exists():
        return {}
    runs = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            run = StageRun(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: {error}; the file may be deleted") from error
        runs[run.stage] = run
    return runs


def _seconds_since_start() -> float:
    """Return the age of this process by the kernel's clock (field 22 of proc_pid_stat(5), in ticks since boot)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from field 3 on; field 2 may hold spaces
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def device() -> str:
    """Return the GPU that this process uses; without one the processor, and how many of its cores this process may
    use."""
    torch = sys.modules.get("torch")  # not imported here: a stage without a network would wait 3 s
    if torch is not None and torch.cuda.is_initialized():
        return torch.cuda.get_device_name()
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores"
