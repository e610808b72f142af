"""One teacher's descriptors of the training images: unit-norm, single scale, not whitened.

Reads: <model>, <processed> (training set). Writes: <targets>, a descriptor folder with the array `images`. An
interrupted run leaves its unfinished work beside <targets>, and the next one goes on with it.
"""

from pathlib import Path

from aml.storage.imagesets import read_images
from aml.storage.parameters import section, typed
from aml.vision.device import runtime
from aml.vision.folders import describe_lists
from aml.vision.kept import KEPT_FEATURES
from aml.vision.settings import TargetSettings
from stages.runtime import run_command


def main(model: Path, processed: Path, targets: Path, values: dict) -> None:
    settings, where = typed(TargetSettings, section(values, "targets"), "targets"), runtime(values)
    describe_lists(
        model,
        targets,
        {"images": read_images(processed)},
        {"image_size": settings.image_size, "scales": [1.0], "precision": settings.precision},
        dtypes={"images": "float32"},
        batch_size=settings.batch_size,
        device=where.torch_device(),
        num_workers=where.num_workers,
        kept=KEPT_FEATURES,
        compiled=where.compile,
    )


if __name__ == "__main__":
    run_command(main, in_processes=True)
