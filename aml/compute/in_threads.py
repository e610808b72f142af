"""Parts of batches, or files, that several threads work on side by side. torch is imported late, since packing works
without it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import device


def num_side_by_side(device: "device", most: int, num_threads: int | None) -> int:
    """Return how many parts of batches fit on the cores at a time, at most `most`, each with `num_threads` threads.

    None gives each part an equal share of the cores, which is faster than all cores for one. On a GPU it is one batch
    at a time. The number of torch's threads is set to what each part has.
    """
    import torch

    if device.type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(num_threads or max(1, cores // max(1, most)))
    return max(1, min(most, cores // torch.get_num_threads()))


def in_threads(function: Callable, items: Iterable, num_threads: int) -> Iterator:
    """Yield `function(item)` of each item, in their order, while `num_threads` threads compute.

    Each thread has as many threads of torch as this one. Rounding depends on that number, so the bits are those of one
    thread.
    """
    import torch

    if num_threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(
        num_threads, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        yield from in_order(pool, function, items, num_threads + 1)  # one waits, so that no thread does


def in_order(pool: Executor, function: Callable, items: Iterable, most: int) -> Iterator:
    """Yield `function(item)` of each item, in their order, while `pool` computes; at most `most` are held at a time."""
    begun = deque()
    for item in items:
        begun.append(pool.submit(function, item))
        if len(begun) == most:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
