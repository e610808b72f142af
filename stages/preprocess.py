"""Bring one dataset to the packed format that every later stage reads.

Reads: <raw>. Writes: <processed>: images.tar, images.csv and other lists; <labels>, JSON: the ground truth of a test
set, apart from what descriptors depend on ({} for other sets).
"""

from pathlib import Path

from aml.compute.device import runtime
from aml.datasets import distractors, revisited, sfm
from aml.files.atomic import write_json
from aml.params.datasets import archive_names, dataset_settings, source_files
from stages.runtime import run_command


def main(name: str, raw: Path, processed: Path, labels: Path, values: dict) -> None:
    settings = dataset_settings(values, name)
    workers = max(1, runtime(values).num_workers)
    if settings.layout != "revisited":
        write_json(labels, {})
    match settings.layout:
        case "sfm":
            sfm.preprocess(
                raw,
                processed,
                lists=settings.lists,
                expected=settings.expected,
                on_bad_image=settings.on_bad_image,
                num_workers=workers,
            )
        case "revisited":
            revisited.preprocess(
                raw,
                processed,
                labels,
                name=name,
                # a drawn set has one archive
                archives=archive_names(source_files(settings, name)) or [f"{name}_images.tgz"],
                expected=settings.expected,
                num_workers=workers,
            )
        case "distractors":
            distractors.preprocess(
                raw,
                processed,
                list_name=settings.list,
                num_archives=settings.archives,
                archives_in_all=settings.archives_in_all,
                expected=settings.expected,
                on_bad_image=settings.on_bad_image,
                num_workers=workers,
            )


if __name__ == "__main__":
    run_command(main)
