"""Batches that several threads compute side by side."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch


def num_side_by_side(device: torch.device, most: int) -> int:
    """Return how many batches fit on the cores at a time, at most `most`: each takes torch's number of threads. On a
    GPU it is one."""
    return 1 if device.type != "cpu" else max(1, min(most, len(os.sched_getaffinity(0)) // torch.get_num_threads()))


def in_threads(function: Callable, items: Iterable, num_threads: int) -> Iterator:
    """Yield `function(item)` of each item, in their order, while `num_threads` threads compute.

    Each thread has as many threads of torch as this one. Rounding depends on that number, so the bits are those of one
    thread.
    """
    if num_threads == 1:
        yield from map(function, items)
        return
    begun = deque()
    with ThreadPoolExecutor(
        num_threads, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > num_threads:  # one waits, so that no thread does
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
