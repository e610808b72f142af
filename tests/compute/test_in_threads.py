import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from aml.compute.in_threads import in_order, num_side_by_side


def test_order_is_kept_and_no_more_are_held_than_asked_for():
    taken = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(3) as pool:
        found = [(text, len(taken)) for text in in_order(pool, str, items(), 4)]
    assert found == [(str(number), min(number + 4, 20)) for number in range(20)]


@pytest.mark.parametrize(
    "most, num_threads, side_by_side, of_each",
    [(2, None, 2, 4), (16, None, 8, 1), (0, None, 1, 8), (4, 1, 4, 1), (4, 4, 2, 4), (4, 16, 1, 16)],
)
def test_cores_are_shared_among_what_runs_side_by_side(most, num_threads, side_by_side, of_each, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    before = torch.get_num_threads()
    assert num_side_by_side(torch.device("cpu"), most, num_threads) == side_by_side
    assert torch.get_num_threads() == of_each
    torch.set_num_threads(before)
    assert num_side_by_side(torch.device("cuda"), most, num_threads) == 1
