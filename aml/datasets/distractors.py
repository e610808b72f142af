"""Pack distractors in the layout of R1M: revisitop1m.<1..N>.tar.gz, and <list_name>.txt with a file name a line."""

from pathlib import Path, PurePosixPath

from aml.datasets.image_set_writer import PackWriter
from aml.datasets.packing import pack_listed
from aml.datasets.upstream_lists import check_counts, check_distinct, one_form, read
from aml.params.datasets import Distractors


def preprocess(raw: Path, pack: PackWriter, settings: Distractors, *, name: str, num_workers: int) -> dict:
    """Read `raw`, pack the distractors in the order of the list, and return {}: they have no ground truth.

    settings.archives_in_all archives hold all images of the list; only those in the first settings.archives are packed.
    With 0 nothing is read.

    Raises ValueError for files that break the format, for another number of names than settings.expected, for a missing
    archive, and for images that are missing although all archives are used.
    """
    files = [raw / file for file in settings.needed(name)]
    names = _read_names(files[0], settings.expected) if files else []
    listed = set(names)
    packed = pack_listed(
        files[1:], names, pack,
        name_of=lambda member: _listed_name(member, listed),
        on_bad_image=settings.on_bad_image, num_workers=num_workers,
        is_whole=settings.archives == settings.archives_in_all,
    )  # fmt: skip
    names = [name for name in names if name in pack]
    if not names and files:
        raise ValueError(f"{raw}: none of the {len(listed)} distractors can be used")
    pack.write_list("images.csv", names)
    pack.write_report({"kind": "distractors", "images": len(names), "listed": len(listed), **packed.report()})
    return {}


def _read_names(path, expected):
    try:
        names = [one_form(line.strip()) for line in read(path).decode().rstrip().split("\n")]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from None
    if "" in names:
        raise ValueError(f"{path}: line {names.index('') + 1} is empty; one file name a line is expected")
    check_distinct(names, path)
    check_counts({"names": len(names)}, None if expected is None else {"names": expected}, path)
    return names


def _listed_name(member, listed):
    """Return the longest end of the path that is listed: archives hold jpg/<folders>/<file>, lists may omit some."""
    parts = PurePosixPath(member).parts
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if end in listed), None)
