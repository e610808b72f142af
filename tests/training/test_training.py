"""One run of training on noise: what it leaves as it is, what a batch sums, which epoch it keeps."""

import copy

import numpy as np
import pytest
import torch

from aml.losses import load
from aml.storage.imagesets import LISTS
from aml.training.features import FeatureSource, describe
from aml.training.settings import LossSettings, TrainingSettings
from aml.training.training import Run
from aml.vision.networks import RetrievalNetwork

SETTINGS = TrainingSettings(
    image_size=32, epochs=2, batch_size=4, learning_rate=0.01, learning_rate_decay=0.1, weight_decay=0.0,
    gem_learning_rate_factor=10, pool_size=40, precision="float32",
)  # fmt: skip
CONTR_PLUS = LossSettings("Contr+", "hard", 2, 16, {"margin": 0.7})


def lists():
    """30 training and 10 validation images, three a cluster; neighbours are pairs."""
    found = dict.fromkeys(LISTS, np.arange(2))
    for split, rows in (("train", np.arange(30)), ("val", np.arange(30, 40))):
        found |= {f"{split}_images": rows, f"{split}_clusters": rows // 3}
        found |= {f"{split}_queries": rows[:-1:2], f"{split}_positives": rows[1::2]}
    return found


def network(frozen_stages: int) -> RetrievalNetwork:
    torch.manual_seed(0)
    return RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=frozen_stages, projection=8, gem_p=3.0)


def run_of(net, tensors, *, settings=SETTINGS, loss="contr_plus", loss_settings=CONTR_PLUS, with_teacher=True) -> Run:
    random = np.random.default_rng(1)
    targets = random.random((40, 8), np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    source = FeatureSource(net, tensors, np.arange(40), num_workers=0)
    return Run(
        net, source, lists(), targets if with_teacher else None, load(loss),
        settings=settings, loss_settings=loss_settings, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize("frozen_stages", [0, 1, 2])
def test_training_sees_what_testing_will_see(tensors, frozen_stages):
    """A network just made, as the stage makes it: its features must not depend on the batch they are computed in."""
    net = network(frozen_stages)
    source = FeatureSource(net, tensors, np.arange(40), num_workers=0)
    found = source.descriptors(np.arange(40))
    net.eval()
    with torch.no_grad():
        images = [tensors.normalised(tensors[row][None], torch.device("cpu")) for row in range(40)]
        expected = np.concatenate([net(image).numpy() for image in images])
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("with_teacher", [True, False])
def test_frozen_stages_and_batchnorm_statistics_stay_as_they_were(tensors, with_teacher):
    net = network(1)
    before = copy.deepcopy(net.state_dict())
    run_of(net, tensors, with_teacher=with_teacher).train()
    after = net.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "projection.weight" in changed and "pool.p" in changed
    assert not [name for name in changed if name.startswith("backbone.0.") or "running" in name]


@pytest.mark.parametrize("with_teacher", [True, False])
def test_a_batch_has_the_summed_gradient_of_its_tuples(tensors, with_teacher):
    """Images of a batch pass together; the authors' code passes them one by one."""
    tuples = np.array([[0, 1, 10, 15], [6, 7, 20, 25], [12, 13, 2, 27]])

    def gradient(batches):
        net = network(0)
        loop = run_of(net, tensors, with_teacher=with_teacher)
        return sum(
            torch.cat([parameter.grad.ravel() for parameter in net.parameters()])
            for _ in loop._losses(batches, loop.objective.gradient)
        )

    together, alone = gradient([tuples]), gradient([row[None] for row in tuples])
    assert together.abs().max() > 1e-3
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_the_epoch_of_lowest_validation_loss_is_kept(tensors):
    """A rate that overshoots: later epochs are worse, and their weights are not those that remain."""
    settings = TrainingSettings(
        **{**vars(SETTINGS), "epochs": 6, "learning_rate": 0.5, "gem_learning_rate_factor": 0.0}
    )
    net = network(2)
    loop = run_of(net, tensors, settings=settings)
    states = []
    record = loop.train(lambda _: states.append(copy.deepcopy(net.state_dict())))
    losses = [values["validation_loss"] for values in record]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1, losses
    kept = net.state_dict()
    assert all(torch.equal(kept[name], states[best][name]) for name in kept)
    assert not all(torch.equal(kept[name], states[-1][name]) for name in kept)


def test_a_loss_that_is_not_finite_stops_with_epoch_and_step(tensors):
    net = network(2)
    loop = run_of(net, tensors)
    loop.objective.loss = lambda anchors, references, margin: anchors.sum() * float("nan")
    with pytest.raises(ValueError, match="training loss is nan at epoch 0, step 0; a finite number is expected"):
        loop.train()


def test_runs_repeat_to_the_last_bit(tensors):
    first, second = network(1), network(1)
    run_of(first, tensors).train()
    run_of(second, tensors).train()
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_anchors_of_one_size_pass_together_and_no_batch_is_too_small(tensors):
    loop = run_of(network(2), tensors)
    tuples = np.arange(18).reshape(9, 2)
    batches = loop._batches(tuples)
    assert [len(batch) for batch in batches] == [5, 4]
    assert np.array_equal(np.concatenate(batches), tuples)


def test_describe_keeps_the_order_of_the_batch():
    net = network(2).eval()
    groups = [([0, 2], torch.rand(2, 16, 6, 5)), ([1], torch.rand(1, 16, 4, 4))]
    with torch.no_grad():
        found = describe(net, groups)
        assert torch.equal(found[1], net.describe(groups[1][1])[0])
        torch.testing.assert_close(found[2], net.describe(groups[0][1][1:])[0])
