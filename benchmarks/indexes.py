"""Build and search each kind of faiss index of 1,000,000 drawn rows of 512 numbers, each kind in a process of its own.

Rows are drawn in 20,000 clusters, as landmarks have several views: the centre of a cluster is normal with variance
1 / (10 + i) in the i-th number, a row its cluster's centre plus noise of the same variances times 0.3 to 1.5, of unit
norm. So a row has near and far ones in its cluster, and some directions hold more than others. Queries are further
rows, with noise times 0.5. `plain` is NumPy: the products of a query with all rows, then the TOP largest.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np

from aml.params.search import IndexSettings
from aml.search.comparing import TOP, recall
from aml.search.kinds import kinds, problem, trained
from benchmarks.measure import Case, Options, in_child, require_equal, timed

ROWS, DIMENSION, CLUSTERS, QUERIES = 1_000_000, 512, 20_000, 100
QUICK = 2000, 32, 40, 20
SETTINGS = IndexSettings(sets=None, kind="flat", lists=1024, probes=32, code_bytes=64, links=32)
QUICK_SETTINGS = IndexSettings(sets=None, kind="flat", lists=16, probes=4, code_bytes=8, links=8)
ROWS_AT_A_TIME = 10_000
LIMIT = 1800  # seconds of the processors for a build
TOLERANCE = 1e-5  # of a similarity


def run(options: Options) -> list[Case]:
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), *(QUICK if options.quick else (ROWS, DIMENSION, CLUSTERS, QUERIES)))
        return [compare(Path(folder), "drawn", QUICK_SETTINGS if options.quick else SETTINGS)]


def draw(folder: Path, num_rows: int, dimension: int, num_clusters: int, num_queries: int) -> None:
    """Write rows.npy and queries.npy, float32."""
    random = np.random.default_rng(0)
    deviations = (1 / np.sqrt(10 + np.arange(dimension))).astype(np.float32)
    centres = deviations * random.standard_normal((num_clusters, dimension), np.float32)

    def members(number: int, least: float, most: float) -> np.ndarray:
        noise = deviations * random.standard_normal((number, dimension), np.float32)
        found = centres[random.integers(num_clusters, size=number)]
        found += random.uniform(least, most, (number, 1)).astype(np.float32) * noise
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (num_rows, dimension))
    for start in range(0, num_rows, ROWS_AT_A_TIME):
        block = rows[start : start + ROWS_AT_A_TIME]
        block[:] = members(len(block), 0.3, 1.5)
    np.save(folder / "queries.npy", members(num_queries, 0.5, 0.5))


def compare(folder: Path, name: str, settings: IndexSettings) -> Case:
    """Compare all kinds of index of the rows in a folder with NumPy."""
    rows, queries = read(folder)
    count = min(TOP, len(rows))
    exact, plain = one_by_one(lambda query: nearest(rows @ query, count), queries)
    np.save(folder / "exact.npy", exact)
    found = {}
    for kind in kinds(settings, rows.shape[1]):
        why = problem(kind, settings, len(rows))
        child = None if why else in_child(measured, folder, kind, settings)
        found[kind] = {"left_out": why} if why else child.result | {"building_mb": round(child.private_mb)}
        print(kind, {name: cost for name, cost in found[kind].items() if name != "similarities"}, flush=True)
    what = f"{len(rows):,} {name} rows x {rows.shape[1]}, a query"
    ours = {clock: found["float32"][f"query_{clock}_ms"] / 1000 for clock in plain}
    expected = np.stack([rows[of_one] @ query for of_one, query in zip(exact, queries, strict=True)])
    return Case(
        what=what,
        trials=len(queries),
        seconds={"ours": ours["wall"], "plain": plain["wall"]},
        cpu_seconds={"ours": ours["cpu"], "plain": plain["cpu"]},
        equality=f"similarities of the {TOP} nearest rows, float32 index against NumPy",
        difference=require_equal(what, found["float32"].pop("similarities"), expected, TOLERANCE),
        reached={"the exact index as fast as NumPy": ours["cpu"] <= plain["cpu"]},
        found={"settings": vars(settings), "threads": faiss.omp_get_max_threads(), "kinds": found},
    )


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and queries; the rows stay in the file, so that they are not in a process's own memory."""
    return np.load(folder / "rows.npy", mmap_mode="r"), np.load(folder / "queries.npy")


def nearest(similarities: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of the `count` largest similarities, largest first."""
    rows = np.argpartition(-similarities, count - 1)[:count]
    return rows[np.argsort(-similarities[rows])]


def one_by_one(answer: Callable[[np.ndarray], np.ndarray], queries: np.ndarray) -> tuple[np.ndarray, dict]:
    """Return the answers to each query, and a query's median seconds, of the clock (`wall`) and of the processors
    (`cpu`)."""
    trials = [timed(answer, query) for query in queries]
    wall, cpu = np.median([(trial.seconds, trial.cpu_seconds) for trial in trials], axis=0).tolist()
    return np.stack([trial.result for trial in trials]), {"wall": wall, "cpu": cpu}


def measured(folder: Path, kind: str, settings: IndexSettings) -> dict:
    """Return what a kind of index of the rows in a folder costs and finds, or why its build was given up."""
    rows, queries = read(folder)
    exact = np.load(folder / "exact.npy")
    started, cpu_started = time.perf_counter(), time.process_time()
    index = trained(kind, settings, rows)
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        if time.process_time() - cpu_started > LIMIT:
            return {"left_out": f"{start:,} of {len(rows):,} rows were in it after {LIMIT} s of the processors"}
        index.add(rows[start : start + ROWS_AT_A_TIME])
    costs = {"build_s": time.perf_counter() - started, "build_cpu_s": time.process_time() - cpu_started}
    _, seconds = one_by_one(lambda query: index.search(query[None], exact.shape[1])[1][0], queries)
    costs |= {f"query_{clock}_ms": 1000 * value for clock, value in seconds.items()}
    all_queries = timed(index.search, queries, exact.shape[1])
    similarities, found = all_queries.result
    costs["queries_a_second"] = len(queries) / all_queries.seconds
    costs["queries_a_cpu_second"] = len(queries) / all_queries.cpu_seconds
    full = written_bytes(index, folder)
    index.reset()
    besides = written_bytes(index, folder)
    return {
        **{name: float(f"{value:.4g}") for name, value in costs.items()},
        "bytes_a_row": round((full - besides) / len(rows), 1),
        "bytes_besides": besides,
        f"recall_at_{TOP}": round(recall(found, exact), 4),
        **({"similarities": similarities} if kind == "float32" else {}),
    }


def written_bytes(index: faiss.Index, folder: Path) -> int:
    faiss.write_index(index, str(folder / "index"))
    return (folder / "index").stat().st_size
