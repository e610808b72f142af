"""Where a stage computes: a device that is there, or one sentence."""

import json
import platform
import re

import pytest
import torch

from aml.compute.device import Runtime
from tests import python


@pytest.fixture
def device(monkeypatch):
    """A function: the device that a process of this rank computes on, of as many GPUs."""
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)

    def found(name: str, *, gpus: int = 0, processes: int = 1, rank: int = 0, num_threads=None) -> torch.device:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        settings = Runtime(name, processes, num_threads=num_threads, num_workers=0, num_downloads=1, compile=False)
        return settings.torch_device()

    return found


@pytest.mark.parametrize(
    ("name", "gpus", "processes", "rank", "expected"),
    [
        ("auto", 0, 1, 0, "cpu"),
        ("cpu", 0, 1, 0, "cpu"),
        ("auto", 2, 1, 0, "cuda:0"),
        ("cuda", 2, 1, 0, "cuda:0"),
        ("cuda:1", 2, 1, 0, "cuda:1"),
        ("cpu", 2, 1, 0, "cpu"),
        ("auto", 2, 2, 1, "cuda:1"),
        ("cuda", 0, 1, 0, "CUDA device 0 (device 'cuda', processes 1), and torch finds 0 here; accepted: "),
        ("cuda:2", 2, 1, 0, "CUDA device 2 (device 'cuda:2', processes 1), and torch finds 2 here"),
        ("auto", 2, 3, 2, "CUDA device 2 (device 'auto', processes 3), and torch finds 2 here"),
        ("cuda:0", 2, 2, 1, "device is 'cuda:0' of 2 processes; accepted: auto, cpu, cuda"),
    ],
)
def test_each_process_has_its_own_device_or_a_sentence(device, name, gpus, processes, rank, expected):
    if "device " not in expected:
        assert device(name, gpus=gpus, processes=processes, rank=rank) == torch.device(expected)
    else:
        with pytest.raises(ValueError, match=re.escape(expected)):
            device(name, gpus=gpus, processes=processes, rank=rank)


def test_results_repeat_and_threads_are_those_asked_for(device):
    device("auto")
    assert not torch.backends.cudnn.benchmark and torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    before = torch.get_num_threads()
    for wanted, found in ((2, 2), (None, 2), (3, 3), (before, before)):
        device("cpu", num_threads=wanted)
        assert torch.get_num_threads() == found


FAULTS = """
import json, resource, torch
from aml.compute.device import Runtime

def new_pages():
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

before = new_pages()
Runtime("cpu", 1, num_threads=None, num_workers=0, num_downloads=1, compile=False).torch_device()
for _ in range(3):
    new_pages()  # the first tensors still get fresh ones
print(json.dumps([before, new_pages()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_large_tensors_take_the_memory_of_those_before():
    done = python("-c", FAULTS, check=True)
    before, after = json.loads(done.stdout)
    assert before > 10 * after
