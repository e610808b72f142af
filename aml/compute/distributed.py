"""Several processes that share one stage's work, by torch.distributed. One alone is the ordinary case: nothing of it
is then imported or copied.

Each has RANK and WORLD_SIZE in its environment, from `runtime.processes` or from torchrun. All hold equal networks and
make equal decisions; what one of them computes, the others get by a sum to which they add zeros, exact to the last bit.
"""

import atexit
import os
from collections.abc import Sequence
from datetime import timedelta

import torch

PATIENCE = timedelta(days=7)  # for the slowest process; who started them ends them all when one fails


def rank() -> int:
    """Which process this is, from 0; process 0 writes and reports."""
    return int(os.environ.get("RANK", 0))


def count() -> int:
    """How many processes share the work."""
    return int(os.environ.get("WORLD_SIZE", 1))


def share(length: int) -> slice:
    """This process's part of `length` rows."""
    return slice(length * rank() // count(), length * (rank() + 1) // count())


def summed(tensor: torch.Tensor) -> torch.Tensor:
    """`tensor`, which now holds the sum of all processes' tensors, equal in each."""
    if count() > 1:
        _add_up(tensor)
    return tensor


def gathered(own: torch.Tensor, length: int) -> torch.Tensor:
    """All `length` rows, of which `own` are this process's `share`."""
    if count() == 1:
        return own
    rows = own.new_zeros(length, *own.shape[1:])
    rows[share(length)] = own
    return summed(rows)


def sum_gradients(trained: Sequence[torch.nn.Parameter]) -> None:
    """Give each parameter the sum of its gradients in all processes; none counts as zero."""
    if count() == 1:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    together = summed(torch.cat([gradient.flatten() for gradient in gradients]))
    for parameter, values in zip(trained, together.split([p.numel() for p in trained]), strict=True):
        parameter.grad = torch.empty_like(parameter).copy_(values.view_as(parameter))  # laid out as the parameter is


def wait_for_all() -> None:
    """Return when every process has come here."""
    summed(torch.zeros(1))


def _add_up(tensor: torch.Tensor) -> None:
    import torch.distributed as distributed

    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        atexit.register(distributed.destroy_process_group)
    try:
        distributed.all_reduce(tensor)
    except RuntimeError as error:
        raise ValueError(f"process {rank()} of {count()} has lost another, whose own message says why") from error
