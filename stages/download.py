"""Fetch or draw one dataset in its raw layout.

Reads: the URLs and local paths in params.yaml. Writes: <raw>, the files as upstream publishes them; those that are
there already are only checked. <digests>, JSON: size and sha256 of each file's first download, which later ones must
equal ({} for a drawn set).
"""

from pathlib import Path

import synthetic
from aml.compute.device import runtime
from aml.download.fetch import fetch_all
from aml.files.atomic import write_json
from aml.params.datasets import dataset_settings, source_files
from stages.runtime import run_command


def main(name: str, raw: Path, digests: Path, values: dict) -> None:
    settings, where = dataset_settings(values, name), runtime(values)
    if settings.synthetic is None:
        fetch_all(source_files(settings, name), raw, digests=digests, num_downloads=where.num_downloads)
    else:
        draw(settings, raw, num_processes=max(1, where.num_workers))
    if not digests.exists():
        write_json(digests, {})


def draw(settings, raw: Path, *, num_processes: int) -> None:
    """Draw the set that `settings` describe."""
    drawing, options = settings.synthetic, {"num_processes": num_processes}
    match settings.layout:
        case "sfm":
            synthetic.draw_training_set(raw, drawing, **options)
        case "revisited":
            synthetic.draw_test_set(raw, drawing, **options)
        case "distractors":
            synthetic.draw_distractors(raw, drawing, num_archives=settings.archives_in_all, **options)


if __name__ == "__main__":
    run_command(main)
