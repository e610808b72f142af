"""Our steps against torch.optim.Adam's."""

import torch

from aml.training.loop import Adam, ParameterGroup
from tests import python


def test_steps_are_those_of_torch_bit_for_bit():
    """With a rate and a decay a group, a rate that changes, layouts that differ, and a gradient that is missing."""
    torch.manual_seed(0)
    ours = [torch.randn(7, 5), torch.randn(1), torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)]
    ours = [torch.nn.Parameter(tensor) for tensor in ours]
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours]
    adam = Adam([ParameterGroup([ours[0], ours[2]], weight_decay=0.01), ParameterGroup([ours[1]], weight_decay=0.0)])
    groups = [{"params": [theirs[0], theirs[2]], "weight_decay": 0.01}, {"params": [theirs[1]], "weight_decay": 0.0}]
    reference = torch.optim.Adam(groups, fused=True)
    for step in range(6):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            gradient = None if (step, index) == (0, 2) else torch.randn_like(pair[0])
            for parameter in pair:
                parameter.grad = gradient
        for rate, group, other in zip((0.01, 0.1), adam.groups, reference.param_groups, strict=True):
            group.learning_rate = other["lr"] = rate * 0.9**step
        adam.step()
        reference.step()
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one, other)
            assert adam.state[one].keys() == reference.state[other].keys()


def test_what_training_imports_leaves_the_compiler_out():
    """Else this module has no reason to be."""
    program = """
import sys, torch
from aml.training.loop import Adam, ParameterGroup
import aml.training.checkpoints
parameter = torch.nn.Parameter(torch.ones(3))
parameter.grad = torch.ones(3)
Adam([ParameterGroup([parameter], 0.0, 0.1)]).step()
assert parameter[0] < 1
sys.exit("torch._dynamo" in sys.modules)
"""
    python("-c", program, check=True)
