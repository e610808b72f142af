"""Processes that draw end with the one that they work for."""

import time

import psutil

from tests import python

KILLED_AT_WORK = """
import os, signal
import psutil
from synthetic.processes import workers

with workers(2) as spread:
    list(spread(abs, range(4)))
    print(*(child.pid for child in psutil.Process().children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_they_end_with_a_killed_stage():
    done = python("-c", KILLED_AT_WORK)
    processes = [int(word) for word in done.stdout.split()]
    assert processes and done.returncode < 0
    deadline = time.monotonic() + 10
    while any(map(is_running, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
