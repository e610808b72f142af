"""A batch in pieces: the same loss and the same gradient as in one pass, whatever the loss compares."""

import numpy as np
import pytest
import torch

from aml.losses import load
from aml.networks.network import RetrievalNetwork
from aml.training.objective import FeatureSource, Objective
from tests.vectors import unit

CONSTANTS = {
    "contr": {"margin": 0.7},
    "reg": {},
    "rkd": {"distance_weight": 1.0, "angle_weight": 2.0},
    "dr": {"alpha": 3.0, "beta": 3.0, "length": 4},
}
D = 8


@pytest.fixture
def random():
    return np.random.default_rng(0)


def case(loss: str, random):
    """An objective, a batch, and its images, which have two shapes."""
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=0, projection=D, gem_p=3.0)
    targets = unit(random, 30, D) if loss != "contr" else None
    objective = Objective(FeatureSource(network, None, [], num_workers=0), targets, load(loss), CONSTANTS[loss])
    batch = random.permutation(30)[: 4 * 3].reshape(4, 3) if loss == "contr" else random.permutation(30)[:9, None]
    first, others = [*range(0, batch.size, 3)], [row for row in range(batch.size) if row % 3]
    groups = [(first, torch.rand(len(first), 3, 24, 16)), (others, torch.rand(len(others), 3, 16, 24))]
    return objective, batch, groups


def gradients(objective) -> torch.Tensor:
    return torch.cat([parameter.grad.ravel() for parameter in objective.network.parameters()])


class Memory:
    """Refuses passes of more images than `holds`: forward, or `backward` only, as a graph's last activations do."""

    def __init__(self, network, holds: int, backward: bool):
        self.holds, self.backward, self.refused = holds, backward, 0
        network.projection.register_forward_hook(self)

    def __call__(self, module, inputs, output):
        if len(output) <= self.holds:
            return
        if not self.backward:
            self.refuse()
        elif output.requires_grad:
            output.register_hook(self.refuse)

    def refuse(self, *_):
        self.refused += 1
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("loss", CONSTANTS)
def test_pieces_have_the_whole_batch_s_gradient(loss, backward, random, capsys):
    objective, batch, groups = case(loss, random)
    value, whole = objective.gradient(batch, groups), gradients(objective)
    memory = Memory(objective.network, 3, backward)
    value_in_pieces, in_pieces = objective.gradient(batch, groups), gradients(objective)
    assert memory.refused and 2 <= objective.smaller_batches.images <= 3
    assert "training: out of memory with" in capsys.readouterr().err
    assert whole.abs().max() > 1e-3
    torch.testing.assert_close(value_in_pieces, value, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(in_pieces, whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(objective.value(batch, groups), value, atol=1e-6, rtol=1e-6)


def test_the_gradient_is_the_graph_s(random):
    """Against one backward pass through loss and network together."""
    objective, batch, groups = case("contr", random)
    objective.gradient(batch, groups)
    found = gradients(objective)
    objective.network.zero_grad()
    places = [place for where, _ in groups for place in where]
    rows = torch.cat([objective.network(images) for _, images in groups])[torch.tensor(places).argsort()]
    references = rows.view(*batch.shape, D)
    objective.loss(references[:, 0], references, margin=0.7).backward()
    torch.testing.assert_close(found, gradients(objective), atol=1e-7, rtol=1e-6)
