"""Pack a user's own photos: a folder or archives of images, and the CSV of a training or test set.

The name of an image is its path inside the folder. An image that can't be used is left out, with everything that refers
to it.
"""

import functools
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from aml.datasets import archives
from aml.datasets.ground_truth import GroundTruth, labels_and_oddities, write_test_lists
from aml.datasets.image_set_writer import PackWriter, unwritable, write_lists
from aml.datasets.packing import pack_listed
from aml.datasets.photo_tables import MAX_BYTES, Query, read_landmarks, read_queries, read_table
from aml.datasets.photos import SUFFIXES, as_stored
from aml.datasets.upstream_lists import first_of, one_form
from aml.files.image_sets import LABELS
from aml.params.datasets import Folder, archive_names, source_files

COLUMNS = {"training": ("name", "landmark"), "test": ("name", "role", "easy"), "database": ()}
VALIDATION_EVERY = 5  # of the landmarks with two images or more, by name
MAX_POSITIVES = 5  # of an image: the next ones of its landmark, by name


def preprocess(raw: Path, pack: PackWriter, settings: Folder, *, name: str, num_workers: int) -> dict:
    """Read `raw`, pack the set of settings.kind, and return the ground truth of a test set as `aml.files.image_sets`
    describes it, {} for others.

    Raises ValueError for a folder without images, for a CSV that breaks the format or names an image that the folder
    lacks, for a box outside its image, and if too little is left; also for an image that can't be used, if
    settings.on_bad_image is "error".
    """
    paths = [raw / file for file in archive_names(source_files(settings, name))]
    where, kind = ", ".join(map(str, paths)), settings.kind
    names, odd, num_others, content = _contents(paths, raw, settings)
    known = set(names)
    table = {} if settings.csv is None else read_table(content, settings.csv, known, COLUMNS[kind])
    landmarks = read_landmarks(table, settings.csv) if kind == "training" else {}
    queries, database, unread = read_queries(table, known, settings.csv) if kind == "test" else ([], known, {})
    used = [image for image in names if image in landmarks] if kind == "training" else names
    packed = pack_listed(
        paths, used, pack,
        name_of=lambda member: member if member in known else None,
        on_bad_image=settings.on_bad_image, num_workers=num_workers,
        prepare=functools.partial(as_stored, turn=settings.exif_orientation == "apply"),
    )  # fmt: skip
    packed.excluded |= odd
    kept = [image for image in used if image in pack]
    if not kept:
        raise ValueError(f"{where}: none of {len(used)} images can be used: {first_of(packed.excluded.items())}")
    if kind == "test":
        truth, report = _ground_truth(queries, [image for image in kept if image in database], unread, pack)
        report |= write_test_lists(pack, truth, settings.csv)
    else:
        pack.write_list("images.csv", kept)
        report = {"kind": "distractors", "images": len(kept), "listed": len(used)}
    if kind == "training":
        arrays = _pairs([landmarks[image] for image in kept], settings.csv)
        write_lists(pack.folder, arrays)
        report |= {"kind": "training"} | {name: len(rows) for name, rows in arrays.items()}
    report |= {"other_files": num_others, "not_in_the_csv": len(names) - len(used)}
    pack.write_report(report | {"converted": packed.converted} | packed.report())
    return labels_and_oddities(truth) if kind == "test" else {}


def _contents(paths, raw, settings) -> tuple[list[str], dict[str, str], int, bytes | None]:
    """Return the names of the images in the archives; those that can't be packed, with the reason; the number of
    other files; and the bytes of the CSV, which is in `raw` or in an archive."""
    images, num_others, table = set(), 0, settings.csv
    content = (raw / table).read_bytes() if table is not None and (raw / table).is_file() else None
    for path in paths:
        for member, data in archives.files(path, is_wanted=lambda member: member == table, max_bytes=MAX_BYTES):
            parts = PurePosixPath(member).parts
            if data is not None:
                content = data
            elif member.lower().endswith(SUFFIXES) and not any(part.startswith((".", "__MACOSX")) for part in parts):
                images.add(one_form(member))
            else:
                num_others += 1
    problems, where = {image: unwritable(image) for image in sorted(images)}, ", ".join(map(str, paths))
    odd = {image.encode(errors="backslashreplace").decode(): why for image, why in problems.items() if why}
    names = [image for image, why in problems.items() if not why]
    if not names:
        raise ValueError(f"{where}: no image ({', '.join(SUFFIXES)}) among {num_others + len(odd)} files")
    if odd and settings.on_bad_image == "error":
        raise ValueError(f"{where}: {len(odd)} images cannot be used: {first_of(odd.items())}")
    if table is not None and content is None:
        raise ValueError(f"{where}: no {table} there; datasets.<name>.csv is its path inside the folder")
    return names, odd, num_others, content


def _ground_truth(queries: list[Query], database: list[str], unread, pack) -> tuple[GroundTruth, dict]:
    """Return the ground truth for the packed images, and the entries of report.json about images that were left out
    and about boxes."""
    rows = {image: row for row, image in enumerate(database)}
    kept = [query for query in queries if query.name in pack]
    labels = [{label: [rows[x] for x in query.labels[label] if x in rows] for label in LABELS} for query in kept]
    if not any(query["easy"] + query["hard"] for query in labels):
        raise ValueError(f"none of {len(kept)} queries has a positive, easy or hard, among {len(database)} images")
    boxes = [list(query.box or (0, 0, *pack.size(query.name))) for query in kept]
    dropped = {
        "queries_without_box": [query.name for query in kept if query.box is None],
        "dropped_queries": len(queries) - len(kept),
        "dropped_labels": sum(x not in rows for query in kept for names in query.labels.values() for x in names),
    }
    return GroundTruth(database, [query.name for query in kept], boxes, labels, unread), dropped


def _pairs(landmarks: list[str], where: str) -> dict[str, np.ndarray]:
    """Return the arrays of lists.npz of a training set whose row i shows landmarks[i].

    Every VALIDATION_EVERY-th landmark is for validation, from the first on; one with a single image is for training, as
    a negative. Whitening is learned from the training pairs. Raises ValueError for fewer than two landmarks with two
    images.
    """
    rows_of = defaultdict(list)
    for row, landmark in enumerate(landmarks):
        rows_of[landmark].append(row)
    numbers = {landmark: number for number, landmark in enumerate(sorted(rows_of))}
    paired = [landmark for landmark in numbers if len(rows_of[landmark]) > 1]
    if len(paired) < 2:
        raise ValueError(
            f"{where}: {len(paired)} of {len(numbers)} landmarks have two images or more; two are needed, one to train "
            "on and one to validate on"
        )
    validation, arrays = set(paired[::VALIDATION_EVERY]), {}
    for split in ("train", "val"):
        own = [landmark for landmark in numbers if (landmark in validation) == (split == "val")]
        pairs = [pair for landmark in own for pair in _neighbours(rows_of[landmark])]
        images = [(row, numbers[landmark]) for landmark in own for row in rows_of[landmark]]
        for (first, second), columns in ((("images", "clusters"), images), (("queries", "positives"), pairs)):
            columns = np.array(sorted(columns), dtype=np.int64).reshape(-1, 2)
            arrays |= {f"{split}_{first}": columns[:, 0], f"{split}_{second}": columns[:, 1]}
    return arrays | {f"whitening_{part}": arrays[f"train_{part}"] for part in ("queries", "positives")}


def _neighbours(rows):
    """Return each row paired with the next MAX_POSITIVES others; after the last row comes the first."""
    steps = range(1, min(MAX_POSITIVES, len(rows) - 1) + 1)
    return [(row, rows[(i + step) % len(rows)]) for i, row in enumerate(rows) for step in steps]
