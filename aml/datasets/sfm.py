"""Pack a training set in the layout of retrieval-SfM-120k: ims.tar.gz, <lists>.pkl and <lists>-whiten.pkl."""

from pathlib import Path

import numpy as np

from aml.datasets import pickles, upstream_lists
from aml.datasets.image_set_writer import PackWriter, write_lists
from aml.datasets.packing import pack_listed
from aml.params.datasets import TrainingSet

_HINT = (
    ". (retrieval-SfM-120k does not have 120,000: 91,642 images and 181,697 pairs are for training, 6,403 and 1,691 "
    "for validation; only the whitening list comes near its name.)"
)


def preprocess(raw: Path, pack: PackWriter, settings: TrainingSet, *, name: str, num_workers: int) -> dict:
    """Read `raw`, pack the training set, and return {}: it has no ground truth.

    Rows: train list, validation list, other whitening images; of those none that is in no pair. An excluded image's
    pairs are dropped too (settings.on_bad_image: see `pack_listed`).
    Raises ValueError for lists, archives and images that break the format or are missing, and for other counts than
    settings.expected.
    """
    archive, *lists = (raw / file for file in settings.needed(name))
    splits = _read_lists(*lists)
    counts = {f"{split}_images": len(splits[split]["names"]) for split in ("train", "val")}
    counts |= {f"{split}_pairs": len(splits[split]["queries"]) for split in ("train", "val")}
    upstream_lists.check_counts(counts, settings.expected, lists[0], _HINT)
    whitening = splits["whitening"]
    used = [whitening["names"][i] for i in sorted({*whitening["queries"], *whitening["positives"]})]
    names = list(dict.fromkeys([*splits["train"]["names"], *splits["val"]["names"], *used]))
    member_names = {upstream_lists.one_form(cid_path(name)): name for name in names}
    packed = pack_listed(
        [archive], names, pack,
        name_of=member_names.get, on_bad_image=settings.on_bad_image, num_workers=num_workers,
    )  # fmt: skip
    names = [name for name in names if name in pack]
    rows = {name: row for row, name in enumerate(names)}
    arrays, dropped = {}, {}
    for split in splits:
        arrays |= _arrays(split, splits[split], rows, dropped)
        if not len(arrays[f"{split}_queries"]):
            raise ValueError(f"{raw}, {settings.lists}: no usable {split} pair; at least one is needed")
    pack.write_list("images.csv", names)
    write_lists(pack.folder, arrays)
    pack.write_report(_report(names, splits, arrays, dropped, packed))
    return {}


def cid_path(cid: str) -> str:
    """Return the path of an image inside the archive: ims/<cid[-2:]>/<cid[-4:-2]>/<cid[-6:-4]>/<cid>."""
    return "/".join(("ims", cid[-2:], cid[-4:-2], cid[-6:-4], cid))


def _read_lists(path, of_whitening):
    """Return for each split: names, clusters (not for whitening), queries and positives as indices of names."""
    halves = upstream_lists.entries(pickles.load(path), ("train", "val"), str(path))
    splits = {
        split: _read_split(half, f"{path}, {split}", has_clusters=True)
        for split, half in zip(("train", "val"), halves, strict=True)
    }
    splits["whitening"] = _read_split(pickles.load(of_whitening), str(of_whitening), has_clusters=False)
    return splits


def _read_split(value, where, *, has_clusters):
    cids, queries, positives = upstream_lists.entries(value, ("cids", "qidxs", "pidxs"), where)
    names = upstream_lists.names(cids, f"{where}, cids")
    split = {"names": names}
    for name, key, values in (("queries", "qidxs", queries), ("positives", "pidxs", positives)):
        split[name] = upstream_lists.integers(values, f"{where}, {key}", below=len(names))
    upstream_lists.equal_lengths(where, qidxs=split["queries"], pidxs=split["positives"])
    if has_clusters:
        (clusters,) = upstream_lists.entries(value, ("cluster",), where)
        split["clusters"] = upstream_lists.integers(clusters, f"{where}, cluster")
        upstream_lists.equal_lengths(where, cids=names, cluster=split["clusters"])
        cluster_of = {}
        for name, cluster in zip(names, split["clusters"], strict=True):
            if cluster_of.setdefault(name, cluster) != cluster:
                raise ValueError(f"{where}: {name!r} is in cluster {cluster_of[name]} and in cluster {cluster}")
    return split


def _arrays(name, split, rows, dropped):
    """Return the arrays of one split by their names in lists.npz, without images that were not packed and their
    pairs."""
    row_of = np.array([rows.get(image, -1) for image in split["names"]], dtype=np.int64)
    pairs = row_of[np.array([split["queries"], split["positives"]], dtype=np.int64)]  # (2, pairs)
    kept = (pairs >= 0).all(axis=0)
    dropped[f"{name}_pairs"] = int((~kept).sum())
    arrays = {f"{name}_queries": pairs[0, kept], f"{name}_positives": pairs[1, kept]}
    if "clusters" in split:
        images, first = np.unique(row_of, return_index=True)  # an image listed twice in its cluster counts once
        first = np.sort(first[images >= 0])
        dropped[f"{name}_images"] = len(row_of) - len(first)
        arrays[f"{name}_images"] = row_of[first]
        arrays[f"{name}_clusters"] = np.array(split["clusters"], dtype=np.int64)[first]
    return arrays


def _report(names, splits, arrays, dropped, packed):
    lists = {"images": len(names)}
    lists |= {f"{split}_images": len(arrays[f"{split}_images"]) for split in ("train", "val")}
    lists |= {f"{split}_pairs": len(arrays[f"{split}_queries"]) for split in splits}
    shared = len(np.intersect1d(arrays["train_images"], arrays["val_images"]))
    return {"kind": "training", **lists, "dropped": dropped, "in_train_and_val": shared, **packed.report()}
