"""Pack a test set in the layout of ROxford5k and RParis6k: archives with images in any folders, and gnd_<name>.pkl."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from aml.datasets import pickles, upstream_lists
from aml.datasets.ground_truth import GroundTruth, labels_and_oddities, own_names, write_test_lists
from aml.datasets.image_set_writer import PackWriter
from aml.datasets.packing import pack_listed
from aml.files.image_sets import LABELS
from aml.params.datasets import TestSet, archive_names, source_files

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_HINT = f"; only {', '.join(_SUFFIXES)} are read, capitals and folders must be as in the list"
_KEYS, _QUERY_KEYS = ("imlist", "qimlist", "gnd"), ("bbx", *LABELS)


def preprocess(raw: Path, pack: PackWriter, settings: TestSet, *, name: str, num_workers: int) -> dict:
    """Read `raw`, pack the test set, and return its ground truth as `aml.files.image_sets` describes it.

    Database and queries are in the order of the ground truth. Boxes are kept as they are. A box that reaches over its
    image's border is reported, not cut: upstream crops with Pillow, which rounds the coordinates and fills the outside
    with black.

    Raises ValueError for files that break the format, for other counts than settings.expected (queries and database of
    the ground truth, images in the archives, listed or not), for a listed image that is missing or cannot be decoded,
    and for a query without a box or with one that misses its image.
    """
    path = raw / f"gnd_{name}.pkl"
    found = _read_ground_truth(path)
    database, queries = found.database, found.queries
    upstream_lists.check_counts({"queries": len(queries), "database": len(database)}, settings.expected, path)
    # a drawn set has one archive
    archives = [raw / file for file in archive_names(source_files(settings, name)) or [f"{name}_images.tgz"]]
    names = list(dict.fromkeys([*database, *queries]))
    upstream_lists.check_distinct(own_names(queries), f"{path}, qimlist")
    packed = pack_listed(
        archives, names, pack,
        name_of=_finder(names), on_bad_image="error", num_workers=num_workers, hint=_HINT,
    )  # fmt: skip
    upstream_lists.check_counts({"images": packed.num_images}, settings.expected, ", ".join(map(str, archives)))
    pack.write_report(write_test_lists(pack, found, str(path)) | packed.report())
    return labels_and_oddities(found)


def _read_ground_truth(path) -> GroundTruth:
    value = pickles.load(path)
    imlist, qimlist, gnd = upstream_lists.entries(value, _KEYS, str(path))
    database = [_without_extension(name) for name in upstream_lists.names(imlist, f"{path}, imlist")]
    queries = [_without_extension(name) for name in upstream_lists.names(qimlist, f"{path}, qimlist")]
    if not database or not queries:
        raise ValueError(
            f"{path}: {len(queries)} queries, {len(database)} database images; at least one of each is needed"
        )
    if not isinstance(gnd, list | tuple):
        raise ValueError(f"{path}, gnd: a list with one entry a query is expected, found a {type(gnd).__name__}")
    upstream_lists.equal_lengths(str(path), qimlist=queries, gnd=gnd)
    upstream_lists.check_distinct(database, f"{path}, imlist")
    boxes, ground_truth, unknown = [], [], Counter(key for key in value if key not in _KEYS)
    for query, labels in zip(queries, gnd, strict=True):
        where = f"{path}, query {query!r}"
        boxes.append(_read_box(labels, where))
        rows = upstream_lists.entries(labels, LABELS, where)
        unknown.update(key for key in labels if key not in _QUERY_KEYS)
        of_query = {
            label: upstream_lists.integers(values, f"{where}, {label}", below=len(database))
            for label, values in zip(LABELS, rows, strict=True)
        }
        upstream_lists.check_distinct([row for of_label in of_query.values() for row in of_label], f"{where}, rows")
        ground_truth.append(of_query)
    if not any(query["easy"] + query["hard"] for query in ground_truth):
        raise ValueError(f"{path}: no query has a positive, easy or hard; nothing could be measured")
    keys = Counter({repr(key)[:60]: count for key, count in unknown.items()})
    return GroundTruth(database, queries, boxes, ground_truth, keys)


def _read_box(labels, where):
    box = labels.get("bbx") if isinstance(labels, dict) else None
    if box is None:
        raise ValueError(f"{where} has no box 'bbx'; queries are cropped, there is no fallback to the whole image")
    box = box.tolist() if hasattr(box, "tolist") else box
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(type(x) in (int, float) for x in box):
        raise ValueError(f"{where}: 'bbx' is not a list of four numbers x0, y0, x1, y1")
    try:
        return [float(x) for x in box]
    except OverflowError:
        raise ValueError(f"{where}: 'bbx' holds a number beyond all images") from None


def _without_extension(name: str) -> str:
    """Return a name without the extension of an image. Upstream's names have none; those of users may have one."""
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and dot + suffix.lower() in _SUFFIXES else name


def _finder(names: list[str]) -> Callable[[str], str | None]:
    """Return a function that gives the listed name of an image by its path in an archive; of an image that isn't listed
    it gives the file name without its extension, of other files None.

    Upstream calls an image by its file name, whatever folders it is in. A listed name may have folders too: then the
    path must end with them, unless the file name is the only one of its kind in the list.
    """
    files = {name: name.rpartition("/")[2] for name in names}
    counts = Counter(files.values())
    by_end = {file: name for name, file in files.items() if counts[file] == 1} | {name: name for name in names}

    def find(path):
        *folders, file = PurePosixPath(path).parts or ("",)
        stem = _without_extension(file)
        if stem == file or file.startswith("._"):  # a Mac adds such files
            return None
        ends = ("/".join((*folders[start:], stem)) for start in range(len(folders) + 1))
        return next((by_end[end] for end in ends if end in by_end), stem)

    return find
