"""One run of training on noise: what it leaves as it is, what a batch sums, which epoch it keeps, how many images pass
through the student."""

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch

from aml.files.image_sets import LISTS
from aml.losses import load, make_bank
from aml.networks.network import RetrievalNetwork
from aml.params.losses import LossSettings
from aml.params.losses import loss_settings as settings_of_loss
from aml.params.reading import read_parameters
from aml.params.training import TrainingSettings
from aml.training.loop import TrainingRun
from aml.training.objective import FeatureSource
from benchmarks.paper_cost import BACKWARD, training_passes
from tests import ROOT

PAPER = read_parameters(ROOT / "params.paper.yaml")
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


def targets() -> np.ndarray:
    """The teacher's descriptors of the 40 images."""
    found = np.random.default_rng(1).random((40, 8), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def run_of(
    net, tensors, *, settings=SETTINGS, loss="contr_plus", loss_settings=CONTR_PLUS, with_teacher=True, seed=0
) -> TrainingRun:
    bank = make_bank(loss, targets(), loss_settings.constants)
    return TrainingRun(
        FeatureSource(net, tensors, np.arange(40), num_workers=0),
        lists(),
        targets() if with_teacher else None,
        functools.partial(load(loss), **bank),
        settings=settings,
        loss_settings=loss_settings,
        seed=seed,
    )


def test_a_network_without_gem_trains_the_blocks_that_are_not_frozen(tensors):
    def network(frozen_stages):
        arguments = {"backbone": "dinov2_vits14", "stages": 2, "projection": None, "gem_p": None}
        return RetrievalNetwork(**arguments, frozen_stages=frozen_stages)

    net = network(1)
    before = copy.deepcopy(net.state_dict())
    record = run_of(net, tensors, loss="contr", with_teacher=False).train()
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and all(name.startswith("backbone.1.") for name in changed)
    assert "gem_p" not in record[0]
    with pytest.raises(ValueError, match="nothing of the network trains, since all of its blocks are frozen"):
        run_of(network(2), tensors, with_teacher=False)


def test_the_epoch_of_lowest_validation_loss_is_kept(tensors):
    """A rate that overshoots: later epochs are worse, and their weights are not those that remain."""
    settings = dataclasses.replace(SETTINGS, epochs=6, learning_rate=0.5, gem_learning_rate_factor=0.0)
    net = network(2)
    loop = run_of(net, tensors, settings=settings)
    states = []
    record = loop.train(lambda: states.append(copy.deepcopy(net.state_dict())))
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


def test_fewer_tuples_than_a_batch_is_an_error(tensors):
    """Validation has five pairs."""
    loop = run_of(network(2), tensors, settings=dataclasses.replace(SETTINGS, batch_size=6))
    with pytest.raises(ValueError, match="validation: batch_size is 6, but an epoch has 5 tuples; accepted: up to 5"):
        loop.train()


@pytest.mark.parametrize("loss", PAPER["losses"])
@pytest.mark.parametrize("frozen_stages", [0, 2])
def test_every_loss_trains_what_is_not_frozen_on_images_of_many_sizes(tensors, loss, frozen_stages):
    """By decoded images and by kept features, in batches of five as the paper's."""
    loss_settings = settings_of_loss(PAPER, loss)
    constants = loss_settings.constants | {
        name: min(value, most)
        for name, most in (("num_neighbours", 4), ("num_subvectors", 2), ("num_centroids", 4))
        if (value := loss_settings.constants.get(name))
    }
    few = {"images_per_epoch": 12, "num_negatives": min(2, loss_settings.num_negatives), "constants": constants}
    loss_settings = dataclasses.replace(loss_settings, **few)
    net = network(frozen_stages)
    before = copy.deepcopy(net.state_dict())
    loop = run_of(
        net, tensors, settings=dataclasses.replace(SETTINGS, batch_size=5), loss=loss, loss_settings=loss_settings
    )
    record = loop.train()
    assert len(record) == 2 and all(values["train_loss"] > 0 for values in record)
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {"projection.weight", "pool.p"} <= changed and not [name for name in changed if "running" in name]
    assert any(name.startswith("backbone") for name in changed) is (frozen_stages == 0)


@pytest.mark.parametrize(
    ("loss", "with_teacher"), [("contr_plus", True), ("contr_pos", True), ("reg", True), ("contr", False)]
)
def test_a_training_passes_as_many_images_as_the_paper_s_cost_counts(tensors, loss, with_teacher):
    """Anchors come once an epoch here, as the count assumes."""
    given = settings_of_loss(PAPER, loss)
    given = dataclasses.replace(given, images_per_epoch=12, num_negatives=min(2, given.num_negatives))
    settings, student, count = dataclasses.replace(SETTINGS, pool_size=22), network(0), 0

    def counted(features, describe=student.describe):
        nonlocal count
        count += len(features) * (1 + BACKWARD * torch.is_grad_enabled())
        return describe(features)

    student.describe = counted
    run_of(student, tensors, settings=settings, loss=loss, loss_settings=given, with_teacher=with_teacher).train()
    of_set = {"train_images": 30, "val_images": 10, "val_pairs": 5}
    assert count == training_passes(settings, given, of_set, is_distilled=with_teacher)
