"""Describe the training images with one teacher: unit norm, single scale, not whitened.

Reads: <model>, <processed> (training set). Writes: <targets>, a descriptor folder with the array `images`. An
interrupted run leaves its unfinished work beside <targets>, and the next one continues it.
"""

from pathlib import Path

from aml.compute.device import runtime
from aml.extraction.descriptor_folder import describe_lists
from aml.files.image_sets import read_images
from aml.params.extraction import TargetSettings
from aml.params.reading import setting
from stages.runtime import run_command


def main(model: Path, processed: Path, targets: Path, values: dict) -> None:
    settings = setting(values, "targets", TargetSettings)
    describe_lists(
        model,
        targets,
        {"images": read_images(processed)},
        {"image_size": settings.image_size, "scales": [1.0], "precision": settings.precision},
        dtypes={"images": "float32"},
        batch_size=settings.batch_size,
        where=runtime(values),
    )


if __name__ == "__main__":
    run_command(main, in_processes=True)
