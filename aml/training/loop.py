"""One training, from its first epoch to its last: Adam, validation, which epoch is kept (METHOD, Sec. 3)."""

import hashlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.optim.adam import adam
from tqdm import tqdm

from aml.params.losses import LossSettings
from aml.params.training import TrainingSettings
from aml.training.objective import FeatureSource, Objective
from aml.training.tuples import Split, mined_tuples, nearest_neighbours, neighbour_tuples


def random_stream(*names) -> np.random.Generator:
    """Return a generator that depends on `names` only, so that a new loss or stage does not move another's numbers."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little"))


class TrainingRun:
    """A network in training. `train()` leaves it with the weights of its best epoch and returns the record.

    With `targets`, the teacher's descriptors (N, D) of the training images, a student learns from its teacher: only
    anchors pass through it. Without, every member of a tuple passes. `record` holds each epoch's values so far, `best`
    the trained weights after the best of these epochs, `averages` what Adam keeps of each trained parameter.
    """

    def __init__(
        self,
        source: FeatureSource,
        lists: dict[str, np.ndarray],
        targets: np.ndarray | None,
        loss: Callable,
        *,
        settings: TrainingSettings,
        loss_settings: LossSettings,
        seed: int,
    ):
        network = source.network
        self.network, self.source, self.targets = network, source, targets
        self.objective = Objective(source, targets, loss, loss_settings.constants)
        self.settings, self.loss_settings, self.seed = settings, loss_settings, seed
        self.train_split, self.validation_split = Split.of(lists, "train"), Split.of(lists, "val")
        self.neighbours = {}
        for split in (self.train_split, self.validation_split):
            if loss_settings.mining == "neighbours":
                count = loss_settings.constants["num_neighbours"]
                self.neighbours[split] = nearest_neighbours(targets[split.images], count)
            else:
                self.neighbours[split] = np.arange(len(split.images))[:, None]  # each image by itself
        self.trained = self.objective.trained  # BatchNorm statistics are frozen
        if not self.trained:
            raise ValueError(
                "nothing of the network trains, since all of its blocks are frozen; accepted: fewer frozen_stages"
            )
        self.averages = adam_start(self.trained)
        self.record, self.best = [], {}

    def train(self, save: Callable[[], None] = lambda: None) -> list[dict]:
        """Train the epochs that `record` lacks, take the weights of the lowest validation loss, and return the record.

        `save` is called after each epoch. Raises ValueError with epoch and step at the first loss that is not finite.
        """
        for epoch in range(len(self.record), self.settings.epochs):
            values = {"epoch": epoch, "train_loss": self._train_epoch(epoch), **self._validate(epoch)}
            if self.network.pool is not None:
                values["gem_p"] = self.network.pool.p.item()
            if values["validation_loss"] < min((past["validation_loss"] for past in self.record), default=math.inf):
                self.best = {name: parameter.detach().clone() for name, parameter in self.trained.items()}
            self.record.append(values)
            save()
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(self.best[name])
        return self.record

    def _step(self, epoch: int) -> None:
        """Move the trained parameters by their gradients. GeM's power learns faster than the rest, without weight
        decay. The rate decays from before the first epoch on, as the authors' scheduler does it [code]."""
        settings, decay = self.settings, math.exp(-self.settings.learning_rate_decay * (epoch + 1))
        rest = {name: parameter for name, parameter in self.trained.items() if name != "pool.p"}
        gem = {name: parameter for name, parameter in self.trained.items() if name == "pool.p"}
        rate = settings.learning_rate * decay
        gem_rate = settings.learning_rate * settings.gem_learning_rate_factor * decay
        adam_step(rest, self.averages, learning_rate=rate, weight_decay=settings.weight_decay)
        adam_step(gem, self.averages, learning_rate=gem_rate, weight_decay=0.0)

    def _train_epoch(self, epoch: int) -> float:
        """Pass once over newly drawn tuples; return the mean loss of a tuple."""
        self.network.eval()
        rng = random_stream(self.seed, "train", epoch)
        count, pool_size = self.loss_settings.images_per_epoch, self.settings.pool_size
        tuples = self._tuples(self.train_split, rng, count=count, pool_size=pool_size)
        batches = self._batches(tuples, "training")
        self.network.train()
        losses, total = self._losses(batches, self.objective.gradient, "training", epoch), 0.0
        progress = tqdm(losses, total=len(batches), mininterval=1, leave=False)
        for loss, count in progress:
            self._step(epoch)
            total += loss.item()
            progress.set_description(
                f"epoch {epoch + 1}/{self.settings.epochs}, loss {loss.item() / count:.4f}", refresh=False
            )
        return total / sum(map(len, batches))

    def _validate(self, epoch: int) -> dict[str, float]:
        """Return the mean loss of a validation tuple, and the percentage of images whose nearest other image shows the
        same landmark."""
        split = self.validation_split
        self.network.eval()
        labelled = self.loss_settings.mining == "hard"
        count = len(split.queries if labelled else split.images)
        # The same pairs at every epoch; negatives are the hardest at this moment, of the whole split [code].
        rng = random_stream(self.seed, "validation")
        tuples = self._tuples(split, rng, count=count, pool_size=len(split.images))
        batches, total = self._batches(tuples, "validation"), 0.0
        for loss, _ in self._losses(batches, self.objective.value, "validation", epoch):
            total += loss.item()
        own = self.source.descriptors(split.images)
        values = {
            "validation_loss": total / sum(map(len, batches)),
            "symmetric_recall": _recall(own, own, split.clusters),
        }
        if self.targets is not None:
            database = np.asarray(self.targets[split.images], np.float32)
            values["asymmetric_recall"] = _recall(own, database, split.clusters)
        return values

    def _tuples(self, split: Split, rng: np.random.Generator, *, count: int, pool_size: int) -> np.ndarray:
        if self.loss_settings.mining != "hard":
            return neighbour_tuples(split, rng, count=count, neighbours=self.neighbours[split])
        own = self.source.descriptors
        return mined_tuples(
            split,
            rng,
            count=count,
            pool_size=pool_size,
            num_negatives=self.loss_settings.num_negatives,
            anchors_of=own,
            pool_of=own if self.targets is None else lambda rows: np.asarray(self.targets[rows], np.float32),
        )

    def _batches(self, tuples: np.ndarray, what: str) -> list[np.ndarray]:
        """Return tuples `(T, M)` as batches `(batch_size, M)`, in the random order in which they were drawn.

        The incomplete last batch is dropped [code]: losses that compare relations need a whole one. Raises ValueError,
        naming `what`, for fewer tuples than a batch.
        """
        size = self.settings.batch_size
        if len(tuples) < size:
            raise ValueError(
                f"{what}: batch_size is {size}, but an epoch has {len(tuples)} tuples; accepted: up to {len(tuples)}, "
                "or a set and images_per_epoch with more"
            )
        return [tuples[begin : begin + size] for begin in range(0, len(tuples) - size + 1, size)]

    def _losses(
        self, batches: list[np.ndarray], loss_of: Callable, what: str, epoch: int
    ) -> Iterator[tuple[torch.Tensor, int]]:
        """Yield (summed loss of a batch of tuples, their number) of each batch; `loss_of` is `objective.gradient` or
        `objective.value`. Raises ValueError, naming `what`, epoch and step, for a loss that is not finite."""
        seen = [self.objective.images(batch) for batch in batches]
        for step, (batch, groups) in enumerate(zip(batches, self.source.batches(seen), strict=True)):
            loss = loss_of(batch, groups)
            if not torch.isfinite(loss):
                raise ValueError(
                    f"{what} loss is {loss.item()} at epoch {epoch}, step {step}; a finite number is expected"
                )
            yield loss, len(batch)


def _recall(queries: np.ndarray, database: np.ndarray, clusters: np.ndarray) -> float:
    """Return the percentage of rows whose most similar other row has the same cluster; row i is image i in both."""
    scores = queries @ database.T
    np.fill_diagonal(scores, -np.inf)
    return float(100 * np.mean(clusters[scores.argmax(axis=1)] == clusters))


def adam_start(parameters: dict[str, torch.nn.Parameter]) -> dict[str, dict[str, torch.Tensor]]:
    """Return what Adam keeps of each parameter, before its first step; names as in torch's state."""
    return {
        name: {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
        for name, parameter in parameters.items()
    }


@torch.no_grad()
def adam_step(
    parameters: dict[str, torch.nn.Parameter],
    averages: dict[str, dict[str, torch.Tensor]],
    *,
    learning_rate: float,
    weight_decay: float,
) -> None:
    """Move parameters by their gradients: Adam (Kingma & Ba, arXiv 1412.6980) with its usual constants, L2 decay.

    It is torch's own fused step. Making a torch.optim.Adam imports torch._dynamo, 0.75 s of processor time: 31 s in the
    embedded grid's 42 trainings. `averages` are updated.
    """
    states = [averages[name] for name in parameters]
    adam(
        list(parameters.values()),
        [parameter.grad for parameter in parameters.values()],
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        [state["step"] for state in states],
        fused=True,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        lr=learning_rate,
        weight_decay=weight_decay,
        eps=1e-8,
        maximize=False,
    )
