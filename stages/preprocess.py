"""Bring one dataset to the packed format that every later stage reads.

Reads: <raw>. Writes: <processed>: images.tar, images.csv and other lists, or nothing after an error; <labels>, JSON:
the ground truth of a test set, apart from what descriptors depend on ({} for other sets).
"""

from pathlib import Path

from aml.compute.device import runtime
from aml.datasets import distractors, folders, revisited, sfm
from aml.datasets.image_set_writer import PackWriter
from aml.files.atomic import replacing_folder, write_json
from aml.params.datasets import dataset_settings
from stages.runtime import run_command

LAYOUTS = {"sfm": sfm, "revisited": revisited, "distractors": distractors, "folder": folders}


def main(name: str, raw: Path, processed: Path, labels: Path, values: dict) -> None:
    settings = dataset_settings(values, name)
    num_workers = max(1, runtime(values).num_workers)
    with replacing_folder(processed) as folder, PackWriter(folder) as pack:
        found = LAYOUTS[settings.layout].preprocess(raw, pack, settings, name=name, num_workers=num_workers)
    write_json(labels, found)


if __name__ == "__main__":
    run_command(main)
