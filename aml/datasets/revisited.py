"""Test sets in the layout of ROxford5k and RParis6k: one or more .tgz with JPEGs at any depth, and gnd_<name>.pkl."""

from pathlib import Path, PurePosixPath

from aml.datasets import unpickling, upstream_lists
from aml.datasets.packing import pack_listed
from aml.storage.files import replacing_folder
from aml.storage.imagesets import LABELS, check_ground_truth
from aml.storage.pack import PackWriter, write_ground_truth
from aml.storage.seals import write_sealed

_MAX_LIST_BYTES = 64 << 20
_IMAGES = (".jpg", ".jpeg")
COUNTS = ("queries", "database", "images")


def preprocess(
    raw, processed, labels, *, name: str, archives: list[str], expected: dict[str, int] | None, num_workers: int
):
    """Reads `raw`, writes the test set `processed`, database and queries in the order of the ground truth, and the
    ground truth itself as the file `labels`.

    archives: their file names. expected: counts that must be (queries, database: of the ground truth; images: in the
    archives, listed or not; some or all), None for sets of any size.
    Boxes are kept as they are. One that reaches over its image's border is reported, not cut: upstream crops with
    Pillow, which rounds the coordinates and fills the outside with black.
    Raises ValueError for files that break the format, for every listed image that is missing or cannot be decoded, and
    for a query without a box or with one that misses its image; nothing is left then.
    """
    raw = Path(raw)
    path = raw / f"gnd_{name}.pkl"
    database, queries, boxes, ground_truth = _read_ground_truth(path)
    expected = expected or {}
    unknown = [count for count in expected if count not in COUNTS]
    if unknown:
        raise ValueError(f"unknown count {unknown[0]!r} is expected of {name}; known: {', '.join(COUNTS)}")
    _check_counts({"queries": len(queries), "database": len(database)}, expected, path)
    archives = [raw / archive for archive in archives]
    names = list(dict.fromkeys([*database, *queries]))
    with replacing_folder(processed) as folder, PackWriter(folder) as pack:
        packed = pack_listed(archives, names, pack, name_of=_image_name, on_bad_image="error", num_workers=num_workers)
        _check_counts({"images": packed.num_images}, expected, ", ".join(map(str, archives)))
        pack.write_list("images.csv", database)
        pack.write_list("queries.csv", queries, boxes)
        report = {
            "kind": "test",
            "queries": len(queries),
            "database": len(database),
            "queries_in_database": len(set(queries) & set(database)),
            "boxes_over_the_border": [x for x, box in zip(queries, boxes, strict=True) if _is_over(box, *pack.size(x))],
        }
        write_sealed(folder / "report.json", report | packed.report())
    write_ground_truth(labels, ground_truth, len(database))


def _image_name(member):
    """Upstream flattens the archives: an image is called by its file name without extension."""
    path = PurePosixPath(member)
    return path.stem if path.suffix.lower() in _IMAGES else None


def _read_ground_truth(path):
    value = unpickling.load(path, max_bytes=_MAX_LIST_BYTES)
    imlist, qimlist, gnd = upstream_lists.entries(value, ("imlist", "qimlist", "gnd"), str(path))
    database = upstream_lists.names(imlist, f"{path}, imlist")
    queries = upstream_lists.names(qimlist, f"{path}, qimlist")
    if not database or not queries:
        raise ValueError(
            f"{path}: {len(queries)} queries, {len(database)} database images; at least one of each is needed"
        )
    if not isinstance(gnd, list | tuple):
        raise ValueError(f"{path}, gnd: a list with one entry a query is expected, found a {type(gnd).__name__}")
    upstream_lists.equal_lengths(str(path), qimlist=queries, gnd=gnd)
    boxes, ground_truth = [], []
    for query, labels in zip(queries, gnd, strict=True):
        place = f"{path}, query {query!r}"
        boxes.append(_read_box(labels, place))
        rows = upstream_lists.entries(labels, LABELS, place)
        ground_truth.append(
            {
                label: upstream_lists.integers(values, f"{place}, {label}", below=len(database))
                for label, values in zip(LABELS, rows, strict=True)
            }
        )
    check_ground_truth(ground_truth, len(queries), len(database), f"{path}, gnd")
    return database, queries, boxes, ground_truth


def _read_box(labels, place):
    box = labels.get("bbx") if isinstance(labels, dict) else None
    if box is None:
        raise ValueError(f"{place} has no box 'bbx'; queries are cropped, there is no fallback to the whole image")
    box = box.tolist() if hasattr(box, "tolist") else box
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(type(x) in (int, float) for x in box):
        raise ValueError(f"{place}: 'bbx' is no list of four numbers x0, y0, x1, y1")
    try:
        return [float(x) for x in box]
    except OverflowError:
        raise ValueError(f"{place}: 'bbx' holds a number beyond all images") from None


def _is_over(box, width, height):
    x0, y0, x1, y1 = (round(x) for x in box)
    return x0 < 0 or y0 < 0 or x1 > width or y1 > height


def _check_counts(counts, expected, place):
    for name, count in counts.items():
        if expected.get(name, count) != count:
            raise ValueError(f"{place}: {count} {name}, expected are {expected[name]}")
