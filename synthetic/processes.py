"""Work spread over processes; the results come in the order of the jobs, whoever was first."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2


@contextmanager
def workers(num_processes: int) -> Iterator[Callable]:
    """Gives a `map` that spreads its jobs; one process is this one. OpenCV keeps to one thread in each."""
    if num_processes == 1:
        num_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield map
        finally:
            cv2.setNumThreads(num_threads)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of its caller's threads
    pool = ProcessPoolExecutor(num_processes, context, initializer=_prepare)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    """In a new process: one thread, and an end with the process that it works for, killed or not."""
    cv2.setNumThreads(1)

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
