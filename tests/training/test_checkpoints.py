"""A training that was interrupted goes on from its checkpoint to the very bits of one that was not."""

import dataclasses

import pytest
import torch

from aml.training import checkpoints
from aml.training.checkpoints import Checkpoints
from tests.training.test_training_run import CONTR_PLUS, SETTINGS, network, run_of

EPOCHS = 4
FOUR = dataclasses.replace(SETTINGS, epochs=EPOCHS, weight_decay=0.01)


class KillError(Exception):
    pass


def run(images, frozen_stages, with_teacher):
    net = network(frozen_stages).to(memory_format=torch.channels_last)  # as the stage has it
    return run_of(net, images, settings=FOUR, loss_settings=CONTR_PLUS, with_teacher=with_teacher)


def train(folder, loop, *, last_epoch=None):
    """What the stage does, up to a kill behind the checkpoint of `last_epoch`."""
    kept = Checkpoints(folder, loop)
    kept.restore()

    def save():
        kept.save()
        if len(loop.record) - 1 == last_epoch:
            raise KillError

    loop.train(save)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.0)


@pytest.mark.parametrize("frozen_stages, with_teacher", [(2, True), (1, True), (0, False)])
def test_a_run_killed_after_every_epoch_ends_with_the_same_bits(tensors, tmp_path, frozen_stages, with_teacher):
    whole = run(tensors, frozen_stages, with_teacher)
    train(tmp_path / "whole", whole)
    for epoch in range(EPOCHS):
        loop = run(tensors, frozen_stages, with_teacher)
        assert Checkpoints(tmp_path / "killed", loop).restore() == epoch
        with pytest.raises(KillError):
            train(tmp_path / "killed", run(tensors, frozen_stages, with_teacher), last_epoch=epoch)
    last = run(tensors, frozen_stages, with_teacher)
    train(tmp_path / "killed", last)
    assert last.record == whole.record
    expected = whole.network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in last.network.state_dict().items())


def test_only_what_trains_is_kept(tensors, tmp_path):
    train(tmp_path, run(tensors, 2, True))
    state = torch.load(tmp_path / checkpoints.FILENAME, weights_only=True)
    for part in ("weights", "best", "averages"):
        assert set(state[part]) == {"projection.weight", "pool.p"}


def test_a_short_run_writes_none(tensors, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 3600.0)
    train(tmp_path, run(tensors, 2, True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "lacks", "other shape"])
def test_a_damaged_checkpoint_is_an_error_that_names_it(tensors, tmp_path, damage):
    train(tmp_path, run(tensors, 2, True))
    path = tmp_path / checkpoints.FILENAME
    state = torch.load(path, weights_only=True)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        state["weights"] = {} if damage == "lacks" else state["weights"] | {"pool.p": torch.zeros(5)}
        torch.save(state, path)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged .*; remove it to train from the start"):
        Checkpoints(tmp_path, run(tensors, 2, True)).restore()
