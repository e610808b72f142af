"""Runs DVC's commands until standard input closes: then the run was interrupted, or the driver's worker is gone."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import psutil

PATIENCE = 10  # seconds that an interrupted process has to end by itself


class StoppedError(Exception):
    """Standard input was closed."""


class Leash:
    """Runs DVC's commands one after the other, and stops them when standard input closes. They print to `log`, a file
    open for appending."""

    def __init__(self, log: BinaryIO):
        self.log, self.closed = log, threading.Event()
        threading.Thread(target=self._wait_for_end, daemon=True).start()

    def _wait_for_end(self) -> None:
        sys.stdin.read()
        self.closed.set()

    def take(self) -> None:
        """Lock the log. Waits while another process holds it: a stage whose node was lost may not have stopped yet."""
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.log, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if self.closed.wait(0.2):
                raise StoppedError
        self.log.truncate(0)

    def dvc(self, *arguments: str) -> None:
        """Run a command of DVC that runs no stage. Raises as `run`."""
        self.run("dvc", "--wait-for-lock", *arguments)

    def run(self, *command: str, runs_stage: bool = False) -> None:
        """Run a module's command. Raises CalledProcessError if it fails, StoppedError if it was stopped."""
        command = [sys.executable, "-m", *command]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages call `python`
        streams = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, env=os.environ | {"PATH": path}, **streams) as process:
            while not ended(process):
                if self.closed.is_set():
                    stop(process, runs_stage=runs_stage)
        if self.closed.is_set():
            raise StoppedError
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)

    def output(self) -> str:
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")


def ended(process: subprocess.Popen) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.2)
    return process.returncode is not None


def stop(process: subprocess.Popen, *, runs_stage: bool) -> None:
    """End the processes of a stage; DVC's own then ends by itself, releases its locks and writes dvc.lock whole. If no
    stage runs (a transfer), end DVC. SIGINT comes first, as from a terminal: a stage then removes what it has half
    written."""
    dvc, asked = psutil.Process(process.pid), {}
    while not ended(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            for target in dvc.children(recursive=True) if runs_stage else [dvc]:
                if target not in asked:
                    asked[target] = time.monotonic()
                    target.send_signal(signal.SIGINT)
                elif time.monotonic() - asked[target] > PATIENCE:
                    target.kill()
    for target in psutil.wait_procs(asked, timeout=PATIENCE)[1]:
        target.kill()
