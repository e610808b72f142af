"""Checkpoints: what a training needs to go on after its last epoch, in one file outside its output.

The file holds the record, the trained weights, those of the best epoch so far, and Adam's averages. It needs no random
state: every epoch draws from a stream of its own name (`aml.training.loop.random_stream`).
"""

import io
import time
from pathlib import Path

import torch

from aml.files.atomic import replacing
from aml.training.loop import TrainingRun

# Between two checkpoints. An embedded student trains for six seconds and writes none; a longer training loses at most
# this and the epoch under way. The averages of ResNet101 and its weights are 0.7 GB, a second or two on a disk.
INTERVAL_S = 10.0

FILENAME = "checkpoint.pt"


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
        run = self.run
        try:
            state = torch.load(io.BytesIO(data), map_location=run.source.device, weights_only=True)
            for name, parameter in run.trained.items():
                with torch.no_grad():
                    parameter.copy_(state["weights"][name])
                run.best[name], run.averages[name] = state["best"][name], state["averages"][name]
            run.record = state["record"]
        except Exception as error:  # a damaged file may raise any
            raise ValueError(f"{self.path} is damaged ({error}); remove it to train from the start") from error
        return len(run.record)

    def save(self) -> None:
        """Write the state after an epoch, unless the last time is less than INTERVAL_S ago."""
        if time.monotonic() - self.saved < INTERVAL_S:
            return
        run, content = self.run, io.BytesIO()  # a full disk is an OSError of ours, not a RuntimeError of torch's
        state = {"record": run.record, "weights": run.trained, "best": run.best, "averages": run.averages}
        torch.save(state, content)
        with replacing(self.path) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.saved = time.monotonic()
