"""Fetch or draw one dataset in its raw layout.

Reads: the places that params.yaml names, where it names any. Writes: <raw>, the files that upstream publishes, as they
are; what is there already is only checked. <digests>, JSON: what the first download of each file found, which every
later one must equal ({} for a drawn set).
"""

from dataclasses import asdict
from pathlib import Path

import synthetic
from aml.compute.device import runtime
from aml.download.several import fetch_all
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
    drawn = asdict(settings.synthetic)
    match settings.layout:
        case "sfm":
            synthetic.draw_training_set(raw, **drawn, num_processes=num_processes)
        case "revisited":
            synthetic.draw_test_set(raw, **drawn, num_processes=num_processes)
        case "distractors":
            number = settings.archives_in_all
            synthetic.draw_distractors(raw, **drawn, num_archives=number, num_processes=num_processes)


if __name__ == "__main__":
    run_command(main)
