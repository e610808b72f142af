"""One training, from its first epoch to its last: Adam, validation, which epoch is kept (METHOD, Sec. 3)."""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.optim.adam import adam
from tqdm import tqdm

from aml.params.losses import LossSettings
from aml.params.training import TrainingSettings
from aml.training.objective import FeatureSource, Objective
from aml.training.tuples import Split, mined_tuples, nearest_neighbours, neighbour_tuples, random_tuples


def random_stream(*names) -> np.random.Generator:
    """Return a generator that depends on `names` only, so that a new loss or stage does not move another's numbers."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little"))


class TrainingRun:
    """A network in training. `train()` leaves it with the weights of its best epoch and returns the record.

    With `targets`, the teacher's descriptors (N, D) of the training images, a student learns from its teacher: only
    anchors pass through it. Without, every member of a tuple passes. `record` holds each epoch's values so far, `best`
    the trained weights after the best of these epochs.
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
        if loss_settings.mining == "neighbours":
            count, splits = loss_settings.constants["num_neighbours"], (self.train_split, self.validation_split)
            self.neighbours = {split: nearest_neighbours(targets[split.images], count) for split in splits}
        gem = [] if network.pool is None else [network.pool.p]
        rest = [parameter for name, parameter in self.trained().items() if name != "pool.p"]
        if not gem + rest:
            raise ValueError(
                "nothing of the network trains, since all of its blocks are frozen; accepted: fewer frozen_stages"
            )
        self.optimizer = Adam([ParameterGroup(rest, settings.weight_decay), ParameterGroup(gem, weight_decay=0.0)])
        self.record, self.best = [], {}

    def train(
        self, log: Callable[[dict], None] = lambda values: None, save: Callable[[], None] = lambda: None
    ) -> list[dict]:
        """Train the epochs that `record` lacks, take the weights of the lowest validation loss, and return the record.

        `log` gets every epoch's values, those already in `record` too; `save` is called after each epoch.

        Raises ValueError with epoch and step at the first loss that is not finite.
        """
        for values in self.record:
            log(values)
        for epoch in range(len(self.record), self.settings.epochs):
            self._set_learning_rates(epoch)
            values = {"epoch": epoch, "train_loss": self._train_epoch(epoch), **self._validate(epoch)}
            if self.network.pool is not None:
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
        """Set the rates of an epoch. GeM's power learns faster than the rest. The decay starts before the first epoch,
        as that of the authors' scheduler does [code]."""
        decay = math.exp(-self.settings.learning_rate_decay * (epoch + 1))
        rest, gem = self.optimizer.groups
        rest.learning_rate = self.settings.learning_rate * decay
        gem.learning_rate = self.settings.learning_rate * self.settings.gem_learning_rate_factor * decay

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """Return all of the network that training changes: BatchNorm statistics are frozen."""
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}

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
            self.optimizer.step()
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
        if self.loss_settings.mining == "neighbours":
            return neighbour_tuples(split, rng, count=count, neighbours=self.neighbours[split])
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


@dataclass
class ParameterGroup:
    """Parameters with one weight decay (L2, added to gradients) and one learning rate, to be set before a step."""

    parameters: list[torch.nn.Parameter]
    weight_decay: float
    learning_rate: float = 0.0


class Adam:
    """Adam (Kingma & Ba, arXiv 1412.6980) with its usual constants, by torch's own fused step.

    Making a torch.optim.Adam imports torch._dynamo, 0.75 s of processor time: 31 s in the embedded grid's 42 trainings.
    `state` has each parameter's `step`, `exp_avg` and `exp_avg_sq` from its first step on, as in torch's.
    """

    def __init__(self, groups: list[ParameterGroup]):
        self.groups, self.state = groups, {parameter: {} for group in groups for parameter in group.parameters}

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient."""
        for group in self.groups:
            moved = [parameter for parameter in group.parameters if parameter.grad is not None]
            states = [self.state[parameter] or self._start(parameter) for parameter in moved]
            averages = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq"))
            adam(
                moved,
                [parameter.grad for parameter in moved],
                *averages,
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=group.learning_rate,
                weight_decay=group.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def _start(self, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
        averages = {name: torch.zeros_like(parameter, requires_grad=False) for name in ("exp_avg", "exp_avg_sq")}
        self.state[parameter] |= {"step": torch.zeros((), device=parameter.device)} | averages
        return self.state[parameter]
