"""Kills a `dvc repro` while it runs, as people, schedulers and power cuts do."""

import contextlib
import signal
import subprocess
from dataclasses import dataclass

import psutil

from tests.pipeline.conftest import Repository

REPAIR = ("python", "-m", "tools.repair")


@dataclass(frozen=True)
class Kill:
    """Which signal reaches whom, so many seconds after the start.

    victim: "all", as Ctrl-C, a closed session and a power cut do; "dvc" alone, whose stage then runs on; "stage", as
    the system does when memory is short.
    """

    signal: signal.Signals
    victim: str
    after_s: float

    def __str__(self) -> str:
        return f"{self.signal.name} to {self.victim} after {self.after_s:.2f} s"


def interrupted_repro(repository: Repository, stage: str, kill: Kill) -> bool:
    """Run `dvc repro <stage>` and kill it; false if it had ended before, or ignored the signal and completed."""
    process = subprocess.Popen(
        ["dvc", "repro", stage],
        cwd=repository.folder,
        env=repository.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(kill.after_s)
        return False
    for victim in victims(process.pid, kill.victim):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
            victim.send_signal(kill.signal)
    return process.wait(120) != 0


def victims(dvc: int, which: str) -> list[psutil.Process]:
    """The processes that `which` names, or DVC if no stage runs."""
    root = psutil.Process(dvc)
    below = root.children(recursive=True)
    stages = [child for child in below if which == "stage" and is_stage(child)]
    return [root, *below] if which == "all" else stages[:1] or [root]


def is_stage(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile, though nobody may have asked yet
        return any(word.startswith("stages.") for word in process.cmdline())
    return False
