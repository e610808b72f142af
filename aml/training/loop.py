"""One run of training: epochs, validation, model choice (METHOD, Sec. 3).

With `targets` (teacher descriptors of the training images, row by row) a student learns from its teacher and only
anchors pass through it; without, both sides are the network's own and every member of a tuple passes.
"""

import hashlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from tqdm import tqdm

from aml.compute.distributed import rank
from aml.networks.network import RetrievalNetwork
from aml.params.losses import LossSettings
from aml.params.training import TrainingSettings
from aml.training.adam import Adam, Group
from aml.training.features import FeatureSource
from aml.training.objective import Objective
from aml.training.tuples import Split, mined_tuples, random_tuples


def random_stream(*names) -> np.random.Generator:
    """A generator that depends on `names` alone, so that adding a loss or a stage never moves another's numbers."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little"))


class Run:
    """A network in training. `train()` leaves it with the weights of its best epoch and returns the record.

    `record` holds each epoch's values so far, `best` the weights that train, as the best of these epochs left them.
    """

    def __init__(
        self,
        network: RetrievalNetwork,
        source: FeatureSource,
        lists: dict[str, np.ndarray],
        targets: np.ndarray | None,
        loss: Callable,
        *,
        settings: TrainingSettings,
        loss_settings: LossSettings,
        seed: int,
    ):
        self.network, self.source, self.targets = network, source, targets
        self.objective = Objective(source, targets, loss, loss_settings.constants)
        self.settings, self.loss_settings, self.seed = settings, loss_settings, seed
        self.train_split, self.validation_split = Split.of(lists, "train"), Split.of(lists, "val")
        p = network.pool.p
        rest = [parameter for parameter in self.trained().values() if parameter is not p]
        self.optimizer = Adam([Group(rest, settings.weight_decay), Group([p], weight_decay=0.0)])
        self.record, self.best = [], {}

    def train(
        self, log: Callable[[dict], None] = lambda values: None, save: Callable[[], None] = lambda: None
    ) -> list[dict]:
        """All epochs, after those in `record`; the weights kept are those of the lowest validation loss. `log` gets
        every epoch's values, those in `record` too; `save` is called after each epoch.

        Raises ValueError with epoch and step at the first loss that is not finite.
        """
        for values in self.record:
            log(values)
        for epoch in range(len(self.record), self.settings.epochs):
            self._set_learning_rates(epoch)
            values = {"epoch": epoch, "train_loss": self._train_epoch(epoch), **self._validate(epoch)}
            values["gem_p"] = self.network.pool.p.item()
            if values["validation_loss"] < min((past["validation_loss"] for past in self.record), default=math.inf):
                self.best = {name: parameter.detach().clone() for name, parameter in self.trained().items()}
            self.record.append(values)
            log(values)
            save()
        with torch.no_grad():
            for name, parameter in self.trained().items():
                parameter.copy_(self.best[name])
        return self.record

    def _set_learning_rates(self, epoch: int) -> None:
        """GeM's power learns faster than the rest. The decay starts before the first epoch, as the authors' scheduler
        does [code]."""
        decay = math.exp(-self.settings.learning_rate_decay * (epoch + 1))
        rest, gem = self.optimizer.groups
        rest.learning_rate = self.settings.learning_rate * decay
        gem.learning_rate = self.settings.learning_rate * self.settings.gem_learning_rate_factor * decay

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """All of the network that training changes, BatchNorm statistics being frozen."""
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}

    def _train_epoch(self, epoch: int) -> float:
        """One pass over freshly drawn tuples; the mean loss of a tuple."""
        self.network.eval()
        rng = random_stream(self.seed, "train", epoch)
        count, pool_size = self.loss_settings.images_per_epoch, self.settings.pool_size
        tuples = self._tuples(self.train_split, rng, count=count, pool_size=pool_size)
        batches = self._batches(tuples, "training")
        self.network.train()
        losses, total = self._losses(batches, self.objective.gradient), 0.0
        progress = tqdm(losses, total=len(batches), mininterval=1, leave=False, disable=rank() > 0)
        for step, (loss, count) in enumerate(progress):
            self._require_finite(loss, "training", epoch, step)
            self.optimizer.step()
            total += loss.item()
            progress.set_description(
                f"epoch {epoch + 1}/{self.settings.epochs}, loss {loss.item() / count:.4f}", refresh=False
            )
        return total / sum(map(len, batches))

    def _validate(self, epoch: int) -> dict[str, float]:
        """The same loss on the validation split, and how often the nearest other image shows the same landmark, %."""
        split = self.validation_split
        self.network.eval()
        labelled = self.loss_settings.mining == "hard"
        count = len(split.queries if labelled else split.images)
        # the same pairs at every epoch; negatives are the hardest of the moment, of the whole split [code]
        rng = random_stream(self.seed, "validation")
        tuples = self._tuples(split, rng, count=count, pool_size=len(split.images))
        batches, total = self._batches(tuples, "validation"), 0.0
        for step, (loss, _) in enumerate(self._losses(batches, self.objective.value)):
            self._require_finite(loss, "validation", epoch, step)
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
            return random_tuples(split, rng, count)
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
        """Tuples `(T, M)` in batches `(batch_size, M)`, in the random order in which they were drawn. The incomplete
        last batch is dropped [code]: relations need a whole one.

        Images of a batch may have any sizes: those of one size pass together (`features.describe`). Raises ValueError,
        naming `what`, for fewer tuples than a batch.
        """
        size = self.settings.batch_size
        if len(tuples) < size:
            raise ValueError(
                f"{what}: batch_size is {size}, but an epoch has {len(tuples)} tuples; accepted: up to {len(tuples)}, "
                "or a set and images_per_epoch with more"
            )
        return [tuples[begin : begin + size] for begin in range(0, len(tuples) - size + 1, size)]

    def _losses(self, batches: list[np.ndarray], loss_of: Callable) -> Iterator[tuple[torch.Tensor, int]]:
        """(summed loss of a batch of tuples, their number), batch by batch; `loss_of` is one of the objective's two."""
        seen = [self.objective.images(batch) for batch in batches]
        for batch, groups in zip(batches, self.source.batches(seen), strict=True):
            yield loss_of(batch, groups), len(batch)

    @staticmethod
    def _require_finite(loss: torch.Tensor, what: str, epoch: int, step: int) -> None:
        if not torch.isfinite(loss):
            raise ValueError(f"{what} loss is {loss.item()} at epoch {epoch}, step {step}; a finite number is expected")


def _recall(queries: np.ndarray, database: np.ndarray, clusters: np.ndarray) -> float:
    """Percent of rows whose most similar other row has the same cluster; (N, D) twice, row i is image i in both."""
    scores = queries @ database.T
    np.fill_diagonal(scores, -np.inf)
    return float(100 * np.mean(clusters[scores.argmax(axis=1)] == clusters))
