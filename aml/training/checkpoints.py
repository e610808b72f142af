"""Checkpoints: what a training needs to go on after its last epoch, in one safetensors file outside its output.

The file holds the trained weights, those of the best epoch so far, Adam's averages, and the record (JSON, in the
metadata), from which the curves are written anew. It needs no random state: every epoch draws from a stream of its own
name (`aml.training.loop.random_stream`).
"""

import json
import time
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from aml.files.atomic import replacing
from aml.training.loop import TrainingRun

# Between two checkpoints. An embedded student trains for six seconds and writes none; a longer training loses at most
# this and the epoch under way. The averages of ResNet101 and its weights are 0.7 GB, a second or two on a disk.
INTERVAL_S = 10.0

FILENAME = "checkpoint.safetensors"


class Checkpoints:
    """The latest state of `run` in `folder`, which belongs to this training only."""

    def __init__(self, folder: Path, run: TrainingRun):
        self.path, self.run, self.saved = Path(folder) / FILENAME, run, time.monotonic()

    def restore(self) -> int:
        """Bring the run to where the checkpoint was taken, if there is one; return the number of epochs done.

        Raises ValueError for a file that does not fit the run.
        """
        try:
            data = self.path.read_bytes()  # at once: another process may be about to remove it
        except FileNotFoundError:
            return 0
        parameters = self.run.trained()
        try:
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            record, tensors = json.loads(header["__metadata__"]["record"]), load(data)
            with torch.no_grad():
                for name, parameter in parameters.items():
                    parameter.copy_(like(parameter, tensors.pop(f"weights.{name}")))
                    self.run.best[name] = like(parameter, tensors.pop(f"best.{name}"))
            for name, tensor in tensors.items():
                kind, _, name = name.partition(".")
                self.run.optimizer.state[parameters[name]][kind] = like(parameters[name], tensor)
        except (SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{self.path} is damaged ({error}); remove it to train from the start") from error
        self.run.record = record
        return len(record)

    def save(self) -> None:
        """Write the state after an epoch, unless the last time is less than INTERVAL_S ago."""
        if time.monotonic() - self.saved < INTERVAL_S:
            return
        tensors = {f"best.{name}": tensor for name, tensor in self.run.best.items()}
        for name, parameter in self.run.trained().items():
            tensors[f"weights.{name}"] = parameter.detach()
            tensors |= {f"{kind}.{name}": value for kind, value in self.run.optimizer.state[parameter].items()}
        tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        with replacing(self.path) as temporary:
            temporary.write_bytes(save(tensors, metadata={"record": json.dumps(self.run.record)}))
        self.saved = time.monotonic()


def like(parameter: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return `tensor` on the device of `parameter` and in its memory layout, which Adam's fused step expects."""
    if tensor.shape == ():  # Adam's count of steps
        return tensor.to(parameter.device)
    if tensor.shape != parameter.shape:
        raise ValueError(f"a tensor is {tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
