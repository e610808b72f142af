"""Share jobs among processes; results come in the order of the jobs."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2


@contextmanager
def workers(num_processes: int) -> Iterator[Callable]:
    """Give a `map` that shares its jobs among processes, of which 1 means this one. OpenCV has one thread in each."""
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
    """Set a new process to one thread, and end it when its parent ends, killed or not."""
    cv2.setNumThreads(1)

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
