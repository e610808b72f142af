"""Share jobs among processes; results come in the order of the jobs."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2
from tqdm import tqdm


@contextmanager
def workers(num_processes: int) -> Iterator[Callable]:
    """Give a `map(function, jobs)` that shares the jobs among processes, of which 1 means this one, and shows its
    progress on a terminal."""

    def spread(function, jobs):
        results = pool.map(function, jobs) if pool else map(function, jobs)
        return iter(tqdm(results, total=len(jobs), unit="landmark", disable=None))

    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of its caller's threads
    pool = ProcessPoolExecutor(num_processes, context, initializer=_prepare) if num_processes > 1 else None
    try:
        yield spread
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    """Set a new process to one thread, and end it when its parent ends, killed or not."""
    cv2.setNumThreads(1)

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
