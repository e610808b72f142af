"""The public code's own way of describing images and of training, written anew for our networks and image sets.

It is that of cnnimageretrieval-pytorch, on which the authors' code is built: processes decode, and images pass through
the network one at a time, in torch's own layout. Named as there: `extract_vectors`, `whitenapply`, and in
`create_epoch_tuples` the negatives by sorted scores.
"""

import copy
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from aml.files.image_sets import ImageSet
from aml.losses import load
from aml.networks.network import RetrievalNetwork
from aml.params.losses import LossSettings
from aml.params.training import TrainingSettings
from aml.training.loop import random_stream
from aml.training.tuples import Split, draw


class Pictures(Dataset):
    """Normalised images (3, H, W) float32 by row, cropped where the set has boxes."""

    def __init__(self, images: ImageSet, image_size: int, normalisation: dict):
        self.images, self.image_size = images, image_size
        self.mean, self.std = (torch.tensor(normalisation[key]).view(3, 1, 1) for key in ("mean", "std"))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> torch.Tensor:
        image, longer_side = Image.open(io.BytesIO(self.images.read(row))).convert("RGB"), self.image_size
        if self.images.boxes is not None:
            whole = max(image.size)
            image = image.crop(tuple(self.images.boxes[row]))
            longer_side *= max(image.size) / whole
        image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return (pixels.float().div(255) - self.mean) / self.std

    def loader(self, rows, num_workers: int) -> DataLoader:
        return DataLoader(self, batch_size=1, sampler=[int(row) for row in rows], num_workers=num_workers)


def extract_vectors(
    network: RetrievalNetwork, pictures: Pictures, rows, scales: list[float], num_workers: int
) -> np.ndarray:
    """Return multi-scale descriptors (N, D) of these rows, in the network's own precision."""
    weight, p = next(network.parameters()), network.pool.p
    found = torch.zeros(len(rows), network.dimension, dtype=weight.dtype)
    for i, image in enumerate(pictures.loader(rows, num_workers)):
        image, total = image.to(weight), 0
        for scale in scales:
            scaled = F.interpolate(image, scale_factor=scale, mode="bilinear") if scale != 1 else image
            total = total + (network(scaled) ** p).cpu().detach()
        found[i] = F.normalize((total / len(scales)) ** (1 / p.detach().cpu()))
    return found.numpy()


def whitenapply(vectors: np.ndarray, mean: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Return whitened and normalised descriptors, in float64."""
    whitened = (vectors.astype(np.float64) - mean) @ projection.T
    return whitened / (np.linalg.norm(whitened, axis=1, keepdims=True) + 1e-6)


def hard_negatives(
    anchors: np.ndarray, pool: np.ndarray, anchor_clusters: np.ndarray, pool_clusters: np.ndarray, num_negatives: int
) -> np.ndarray:
    """Return for each anchor, the first rows of the sorted scores whose clusters were not taken yet: (A,
    num_negatives)."""
    scores = torch.from_numpy(pool) @ torch.from_numpy(anchors).T
    ranks, chosen = torch.sort(scores, dim=0, descending=True)[1].numpy(), []
    for column, cluster in zip(ranks.T, anchor_clusters, strict=True):
        taken, rows = {cluster}, []
        for row in column:
            if pool_clusters[row] not in taken:
                taken.add(pool_clusters[row])
                rows.append(row)
                if len(rows) == num_negatives:
                    break
        chosen.append(rows)
    return np.array(chosen, np.int64)


@dataclass(frozen=True)
class Distillation:
    """An epoch to train: the network as it starts, the images and lists of the set, the teacher's descriptors."""

    network: RetrievalNetwork
    images: ImageSet
    normalisation: dict
    lists: dict[str, np.ndarray]
    targets: np.ndarray
    loss: str
    settings: TrainingSettings
    loss_settings: LossSettings
    num_workers: int


class Epoch:
    """An epoch of `task`; `run` returns the network after it, and the mean losses of training and of validation."""

    def __init__(self, task: Distillation):
        self.task, self.loss = task, load(task.loss)
        self.network = copy.deepcopy(task.network).train()
        self.pictures = Pictures(task.images, task.settings.image_size, task.normalisation)

    def run(self) -> tuple[RetrievalNetwork, float, float]:
        task, optimizer, trained = self.task, self._optimizer(), 0.0
        count = min(task.loss_settings.images_per_epoch, len(task.lists["train_queries"]))
        pool_size = min(task.settings.pool_size, len(task.lists["train_images"]))
        tuples = self._tuples("train", random_stream(0, "train", 0), count, pool_size)
        for i, loss in enumerate(self._losses(tuples)):
            loss.backward()  # of each tuple by itself
            trained += loss.item()
            if (i + 1) % task.settings.batch_size == 0:
                optimizer.step()
                optimizer.zero_grad()
        split = Split.of(task.lists, "val")
        val_tuples = self._tuples("val", random_stream(0, "validation"), len(split.queries), len(split.images))
        with torch.no_grad():
            validated = sum(loss.item() for loss in self._losses(val_tuples))
        return self.network, trained / len(tuples), validated / len(val_tuples)

    def _optimizer(self) -> torch.optim.Adam:
        settings, p = self.task.settings, self.network.pool.p
        rate = settings.learning_rate * math.exp(-settings.learning_rate_decay)
        rest = [parameter for parameter in self.network.parameters() if parameter is not p]
        groups = [
            {"params": rest, "lr": rate, "weight_decay": settings.weight_decay},
            {"params": [p], "lr": rate * settings.gem_learning_rate_factor},
        ]
        return torch.optim.Adam(groups)

    def _tuples(self, name: str, rng: np.random.Generator, count: int, pool_size: int) -> np.ndarray:
        """Return whole batches of tuples (T, M) of image rows, drawn as ours are."""
        task, split = self.task, Split.of(self.task.lists, name)
        pairs, pool = draw(rng, len(split.queries), count), draw(rng, len(split.images), pool_size)
        anchors, cluster_of = split.queries[pairs], dict(zip(split.images, split.clusters, strict=True))
        with torch.no_grad():
            vectors = extract_vectors(self.network, self.pictures, anchors, [1], task.num_workers)
        clusters = [cluster_of[row] for row in anchors]
        of_pool = task.targets[split.images[pool]]
        mined = hard_negatives(vectors, of_pool, clusters, split.clusters[pool], task.loss_settings.num_negatives)
        tuples = np.column_stack([anchors, split.positives[pairs], split.images[pool][mined]])
        return tuples[: len(tuples) // task.settings.batch_size * task.settings.batch_size]

    def _losses(self, tuples: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield the loss of each tuple."""
        weight = self.network.pool.p
        loader = self.pictures.loader(tuples[:, 0], self.task.num_workers)
        for row, image in zip(tuples, loader, strict=True):
            references = torch.from_numpy(self.task.targets[row])[None].to(weight.device)
            yield self.loss(self.network(image.to(weight)), references, **self.task.loss_settings.constants)
