"""Our steps against torch.optim.Adam's."""

import torch

from aml.training.loop import adam_start, adam_step
from tests import python


def test_steps_are_those_of_torch_bit_for_bit():
    """With a rate that changes, a decay, and layouts that differ."""
    torch.manual_seed(0)
    tensors = [torch.randn(7, 5), torch.randn(1), torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)]
    ours = {str(number): torch.nn.Parameter(tensor) for number, tensor in enumerate(tensors)}
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours.values()]
    averages, reference = adam_start(ours), torch.optim.Adam(theirs, weight_decay=0.01, fused=True)
    for step in range(6):
        for one, other in zip(ours.values(), theirs, strict=True):
            one.grad = other.grad = torch.randn_like(one)
        reference.param_groups[0]["lr"] = rate = 0.01 * 0.9**step
        adam_step(ours, averages, learning_rate=rate, weight_decay=0.01)
        reference.step()
        for name, other in zip(ours, theirs, strict=True):
            assert torch.equal(ours[name], other)
            assert averages[name].keys() == reference.state[other].keys()


def test_what_training_imports_leaves_the_compiler_out():
    """Else `adam_step` has no reason to be."""
    program = """
import sys, torch
from aml.training.loop import adam_start, adam_step
import aml.training.checkpoints
parameters = {"x": torch.nn.Parameter(torch.ones(3))}
parameters["x"].grad = torch.ones(3)
adam_step(parameters, adam_start(parameters), learning_rate=0.1, weight_decay=0.0)
assert parameters["x"][0] < 1
sys.exit("torch._dynamo" in sys.modules)
"""
    python("-c", program, check=True)
