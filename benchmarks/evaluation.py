"""Time the stage `evaluate`, from files to record, each version in its own process.

The database has ROxford5k's size and numbers of queries and labels; all further rows are distractors. `public` is the
authors' way from a network's raw descriptors to the same numbers: whiten all in float64, one product, an argsort of
every column, and at each level the places of positives and junk. `product` only multiplies queries and stored rows,
block by block, which every exact evaluation needs. Files are read from the system's cache.
"""

import json
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from aml.evaluation.counting import BLOCK_BYTES
from aml.evaluation.ranking import CUTOFFS, LEVELS, protocol_labels
from aml.evaluation.whitening import whiten
from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_digests
from aml.files.image_sets import BOX_COLUMNS, COLUMNS, read_ground_truth
from aml.files.whitening import Whitening, read_whitening, whitening_digest, write_whitening
from benchmarks.measure import Case, Options, alternate, in_child, require_equal
from stages import evaluate

QUERIES, DATABASE = 70, 4_993
LABELLED = {"easy": 43, "hard": 36, "junk": 19}  # rows a query: ROxford5k's means
ROWS_AT_A_TIME = 2**14
TOLERANCE = 0.05  # points
SETS = {"train_set": None, "test_sets": ["set"], "distractors": "crowd"}


@dataclass(frozen=True)
class Size:
    rows: int  # of database and distractors
    dimension: int
    dtype: str  # of distractors
    factor: int | None  # how many times as fast as `public` is wanted; None: that would take 33 GB


SIZES = (Size(DATABASE, 2048, "float32", 5), Size(250_000, 512, "float32", 20), Size(1_004_993, 512, "float32", 20))
LARGE_SIZES = (Size(1_004_993, 2048, "float16", None),)
QUICK_SIZES = (Size(300, 32, "float32", 5), Size(2_000, 64, "float16", 20))


def run(options: Options) -> list[Case]:
    cases = []
    for size in QUICK_SIZES if options.quick else SIZES + LARGE_SIZES * options.large:
        with tempfile.TemporaryDirectory() as folder:
            write_inputs(Path(folder), size)
            cases.append(compare(folder, size, 1 if options.quick else 3))
    return cases


def compare(folder: str, size: Size, trials: int) -> Case:
    what = f"{size.rows:,} x {size.dimension} rows, distractors {size.dtype}, {QUERIES} queries"
    ways = {"ours": ours, "product": product} | ({"public": public} if size.factor else {})
    timings = alternate({name: partial(call, folder) for name, call in ways.items()}, trials, in_child)
    seconds, results = timings.seconds, timings.results
    reached, difference = {"within 1.5 times the product alone": seconds["ours"] <= 1.5 * seconds["product"]}, 0.0
    if size.factor:
        reached[f"{size.factor} times as fast"] = seconds["public"] >= size.factor * seconds["ours"]
        difference = require_equal(what, results["ours"], results["public"], TOLERANCE)
    return Case(
        what=what,
        **timings.of_case,
        equality="mAP and mP@k of each level, points, against the public way",
        difference=difference,
        reached=reached,
        found={
            f"{name}_{kind}": round(megabytes)
            for kind in ("private_mb", "resident_mb")
            for name, megabytes in timings.of_each(kind, max).items()
        },
    )


def write_inputs(folder: Path, size: Size, labels: list[dict] | None = None) -> None:
    """Write what the stage reads, of random rows, and for `public` the raw rows. Labelled ones lean towards their query
    by random amounts, so that some come first and some anywhere in the ranking. labels: those of ROxford5k."""
    rng, dimension, num_database = np.random.default_rng(0), size.dimension, min(size.rows, DATABASE)
    whitening = random_whitening(rng, dimension) if size.factor else Whitening(np.zeros(dimension), np.eye(dimension))
    if labels is None:
        labels = random_labels(rng, num_database)
    write_lists(folder, labels, num_database, size.rows - num_database)
    queries = _unit(rng.standard_normal((QUERIES, dimension), np.float32))
    descriptors = folder / "descriptors/network"
    descriptors.mkdir(parents=True)
    (folder / "raw").mkdir()
    narrow = [array.astype(np.float32) for array in (whitening.mean, whitening.projection)]

    def random_rows(name: str, num_rows: int):
        """Yield pieces of the array, as extraction whitens them; raw ones are written on the way, for `public`."""
        if size.factor:
            raw = np.lib.format.open_memmap(folder / f"raw/{name}.npy", "w+", np.float32, (num_rows, dimension))
        for start in range(0, num_rows, ROWS_AT_A_TIME):
            block = _unit(rng.standard_normal((min(ROWS_AT_A_TIME, num_rows - start), dimension), np.float32))
            if name == "set.database":
                for query, of_query in zip(queries, labels, strict=True):
                    rows = np.concatenate([of_query[kind] for kind in LABELLED]).astype(int)
                    leaning = rng.uniform(0, 0.6, (len(rows), 1)).astype(np.float32)
                    block[rows] = _unit(leaning * query + np.sqrt(1 - leaning**2) * block[rows])
            rows, block = np.arange(start, start + len(block)), block if name.endswith("database") else queries
            if size.factor:
                raw[rows] = block
            yield rows, whiten(block, *narrow) if size.factor and name.endswith("database") else block

    arrays = {}
    sizes = {"set.queries": QUERIES, "set.database": num_database, "crowd.database": size.rows - num_database}
    for name, digest in testing_digests(folder / "processed", **SETS).items():
        form = {"shape": (sizes[name], dimension), "digest": digest, "whitened": name.endswith("database")}
        dtype = size.dtype if name == "crowd.database" else "float32"
        arrays[name] = write_descriptors(descriptors, name, random_rows(name, sizes[name]), dtype=dtype, **form)
    write_whitening(descriptors, whitening)
    network, digest = {"dimension": dimension, "num_parameters": 1}, whitening_digest(descriptors)
    write_provenance(descriptors, network=network, extraction={}, whitening=digest, arrays=arrays)


def random_whitening(rng: np.random.Generator, dimension: int) -> Whitening:
    turn, _ = np.linalg.qr(rng.standard_normal((dimension, dimension)))
    return Whitening(0.01 * rng.standard_normal(dimension), turn * rng.uniform(0.5, 2, (dimension, 1)))


def random_labels(rng: np.random.Generator, num_database: int) -> list[dict]:
    share = min(1.0, num_database / sum(LABELLED.values()) / 2)
    ends = np.cumsum([max(1, int(share * count)) for count in LABELLED.values()])
    drawn = (rng.permutation(num_database)[: ends[-1]] for _ in range(QUERIES))
    return [dict(zip(LABELLED, map(np.ndarray.tolist, np.split(rows, ends[:-1])), strict=True)) for rows in drawn]


def write_lists(folder: Path, labels: list[dict], num_database: int, num_distractors: int) -> None:
    counts = {"set/images.csv": num_database, "set/queries.csv": QUERIES, "crowd/images.csv": num_distractors}
    for file, count in counts.items():
        path = folder / "processed" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "images.tar").touch()
        report = {"excluded": [], "filled": [], "queries_in_database": 0, "queries_listed_again": 0}
        (path.parent / "report.json").write_text(json.dumps(report))
        columns, box = (COLUMNS + BOX_COLUMNS, ",0.0,0.0,700.0,500.0") if "queries" in file else (COLUMNS, "")
        with open(path, "w") as lines:
            lines.write(",".join(columns) + "\n")
            lines.writelines(f"{row},images/{row:07}.jpg,512,90000,1024,768,0{box}\n" for row in range(count))
    (folder / "ground_truth").mkdir()
    content = {"queries": labels, "queries_without_positives": [], "unknown_keys": {}}
    (folder / "ground_truth/set.json").write_text(json.dumps(content))


def ours(folder: str) -> list[float]:
    values = {"grid": SETS | {"loss_without_teacher": "contr"}, "expansion": {"query": None, "database": None}}
    parts = (Path(folder) / name for name in ("descriptors", "processed", "ground_truth", "metrics", "queries"))
    evaluate.main(*parts, values, key="network", network="network")
    *_, levels = json.loads(Path(folder, "metrics/network.json").read_text())["symmetric"].values()
    return [levels[level][name] for level in LEVELS for name in MEASURES]


MEASURES = ("mAP", *(f"mP@{k}" for k in CUTOFFS))


def public(folder: str) -> list[float]:
    ground_truth = read_ground_truth(Path(folder) / "ground_truth/set.json")
    whitening = read_whitening(Path(folder) / "descriptors/network")
    parts = [np.load(f"{folder}/raw/{name}.database.npy") for name in ("set", "crowd") if _has(folder, name)]
    rows = whitened(np.concatenate(parts) if len(parts) > 1 else parts[0], whitening)
    queries = whitened(np.load(f"{folder}/raw/set.queries.npy"), whitening)
    ranks = np.argsort(-np.dot(rows, queries.T), axis=0)  # (N, Q)
    return [value for level in LEVELS for value in means(ranks, *protocol_labels(ground_truth, level))]


def _has(folder: str, name: str) -> bool:
    return Path(folder, f"raw/{name}.database.npy").exists()


def whitened(vectors: np.ndarray, whitening: Whitening) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    vectors -= whitening.mean
    vectors = vectors @ whitening.projection.T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    return vectors


def means(ranks: np.ndarray, positives: list[np.ndarray], junk: list[np.ndarray]) -> list[float]:
    """Return mAP and mP@k in percent, from the sorted rows of each query: the places of positives, less the junk
    before."""
    found = []
    for query in range(ranks.shape[1]):
        places = np.flatnonzero(np.isin(ranks[:, query], positives[query]))
        places = places - np.searchsorted(np.flatnonzero(np.isin(ranks[:, query], junk[query])), places)
        if len(places):
            ends = [min(k, places[-1] + 1) for k in CUTOFFS]
            found.append([_ap(places), *(np.count_nonzero(places < end) / end for end in ends)])
    return (100 * np.mean(found, axis=0)).tolist()


def _ap(places: np.ndarray) -> float:
    total = 0.0
    for found, place in enumerate(places):
        total += ((found / place if place else 1.0) + (found + 1) / (place + 1)) / 2
    return total / len(places)


def product(folder: str) -> float:
    descriptors, total = Path(folder) / "descriptors/network", 0.0
    queries = np.load(descriptors / "set.queries.npy")
    step = BLOCK_BYTES // (4 * queries.shape[1])
    for path in descriptors.glob("*.database.npy"):
        rows = np.load(path, mmap_mode="r")
        for start in range(0, len(rows), step):
            total += float((queries @ rows[start : start + step].astype(np.float32, copy=False).T)[0, 0])
    return total


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
