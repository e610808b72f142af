"""Work on several batches at a time, each by a thread of its own, as one thread would give them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch


def in_threads(function: Callable, items: Iterable, num_threads: int) -> Iterator:
    """Yield `function(item)` of each item, in their order; up to `num_threads` are worked on at a time.

    Each thread computes by as many threads of torch as this one does: bits don't depend on `num_threads`.
    """
    if num_threads <= 1:
        yield from map(function, items)
        return
    started = deque()
    with ThreadPoolExecutor(
        num_threads, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        for item in items:
            started.append(pool.submit(function, item))
            if len(started) > num_threads:
                yield started.popleft().result()
        while started:
            yield started.popleft().result()


def idle_threads(device: torch.device, most: int) -> int:
    """How many threads of torch's number of threads the cores have room for, up to `most`; on a GPU one."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(most, cores // torch.get_num_threads())) if device.type == "cpu" else 1
