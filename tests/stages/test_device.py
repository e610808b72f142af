"""Where a stage computes: a device that is there, or one sentence."""

import json
import platform
import subprocess
import sys

import pytest
import torch

from aml.compute.device import Runtime


def device(name: str, processes: int = 1, num_threads: int | None = None) -> torch.device:
    settings = Runtime(name, processes, num_threads=num_threads, num_workers=0, num_downloads=1, compile=False)
    return settings.torch_device()


@pytest.fixture(params=[0])
def gpus(request, monkeypatch):
    """As many as the test asks for, else none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)


two_gpus = pytest.mark.parametrize("gpus", [2], indirect=True)
pytestmark = pytest.mark.usefixtures("gpus")


def test_without_a_gpu():
    assert device("auto") == device("cpu") == torch.device("cpu")
    message = r"runtime asks for CUDA device 0 \(device 'cuda', processes 1\), and torch finds 0 here; accepted: .* cpu"
    with pytest.raises(ValueError, match=message):
        device("cuda")


@two_gpus
def test_a_gpu_by_its_number():
    assert device("auto") == device("cuda") == torch.device("cuda:0")
    assert device("cuda:1") == torch.device("cuda:1") and device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"CUDA device 2 \(device 'cuda:2', processes 1\), and torch finds 2 here"):
        device("cuda:2")


@two_gpus
def test_each_process_has_its_own(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device("auto", 2) == torch.device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"CUDA device 2 \(device 'auto', processes 3\), and torch finds 2 here"):
        device("auto", 3)
    with pytest.raises(ValueError, match="device is 'cuda:0' of 2 processes; accepted: auto, cpu, cuda"):
        device("cuda:0", 2)


def test_results_repeat_and_a_cpu_keeps_freed_memory(monkeypatch):
    calls = []
    monkeypatch.setattr("aml.compute.device.keep_freed_memory", lambda: calls.append(True))
    device("auto")
    assert not torch.backends.cudnn.benchmark and torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert calls


@pytest.mark.parametrize(("wanted", "found"), [(3, 3), (None, 2)])
def test_threads_are_those_asked_for(wanted, found):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    device("cpu", num_threads=wanted)
    assert torch.get_num_threads() == found
    torch.set_num_threads(before)


FAULTS = """
import json, resource, torch
from aml.compute.device import keep_freed_memory

def new_pages():
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

before = new_pages()
keep_freed_memory()
for _ in range(3):
    new_pages()  # the first tensors still get fresh ones
print(json.dumps([before, new_pages()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_large_tensors_take_the_memory_of_those_before():
    done = subprocess.run([sys.executable, "-c", FAULTS], check=True, stdout=subprocess.PIPE)
    before, after = json.loads(done.stdout)
    assert before > 10 * after
