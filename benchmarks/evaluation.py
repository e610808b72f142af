"""Time the evaluation of 70 queries against a database on disk, each version in its own process.

Plain: the whole matrix product, an argsort of every column, AP from the ranks of the positives. `product`: only the
blocked matrix product, which every exact evaluation needs. The database is read from the system's cache.
"""

import tempfile
from pathlib import Path

import numpy as np

from aml.evaluation.counting import BLOCK_BYTES
from aml.evaluation.ranking import LEVELS, evaluate, protocol_labels
from benchmarks.measure import Case, Options, alternate_children, in_child, require_equal

SIZES = ((1_000_000, 512), (250_000, 2048))
QUICK_SIZES = ((4_000, 32), (2_000, 64))
QUERIES = 70
LABELLED = {"easy": 40, "hard": 40, "junk": 20}  # rows a query
TOLERANCE = 1e-12
MEMORY_MB = 150


def run(options: Options) -> list[Case]:
    trials = 1 if options.quick else 3
    cases = []
    for num_rows, dimension in QUICK_SIZES if options.quick else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_database(Path(folder), num_rows, dimension)
            cases.append(compare(folder, f"{num_rows:,} x {dimension} rows, {QUERIES} queries", trials))
    return cases


def compare(folder: str, what: str, trials: int) -> Case:
    functions = {"ours": ours, "plain": plain, "product": product}
    seconds, results, memory = alternate_children({name: (call, folder) for name, call in functions.items()}, trials)
    expected = in_child(by_exact_scores, folder).result
    difference = require_equal(f"{what}, AP by counting", results["ours"], expected, TOLERANCE)
    return Case(
        what=what,
        trials=trials,
        seconds=seconds,
        equality="AP of every query and level, against sorted float64 scores",
        difference=difference,
        reached={
            "10 times as fast": seconds["plain"] >= 10 * seconds["ours"],
            f"under {MEMORY_MB} MB": memory["ours"]["private_mb"] < MEMORY_MB,
            "within 1.5 times the product alone": seconds["ours"] <= 1.5 * seconds["product"],
        },
        found={
            **{f"{name}_{kind}": round(value) for name, both in memory.items() for kind, value in both.items()},
            "float32_difference": float(np.abs(results["plain"] - expected).max()),  # of AP, by rounded scores
        },
    )


def write_database(folder: Path, num_rows: int, dimension: int) -> None:
    """Write random unit-norm rows. Labelled ones lean towards their query by random amounts, so that some come first
    and some anywhere in the ranking."""
    rng = np.random.default_rng(0)
    queries = _unit(rng.standard_normal((QUERIES, dimension), np.float32))
    share = min(1.0, num_rows / QUERIES / sum(LABELLED.values()))
    counts = [max(1, int(share * count)) for count in LABELLED.values()]
    labelled = rng.permutation(num_rows)[: QUERIES * sum(counts)].reshape(QUERIES, -1)
    np.save(folder / "queries.npy", queries)
    np.savez(
        folder / "labels.npz", **dict(zip(LABELLED, np.split(labelled, np.cumsum(counts)[:-1], axis=1), strict=True))
    )
    database = np.lib.format.open_memmap(
        folder / "database.npy", mode="w+", dtype=np.float32, shape=(num_rows, dimension)
    )
    for start in range(0, num_rows, 2**14):
        block = database[start : start + 2**14]
        block[:] = _unit(rng.standard_normal(block.shape, np.float32))
    for query, rows in zip(queries, labelled, strict=True):
        leaning = rng.uniform(0, 0.6, (len(rows), 1)).astype(np.float32)
        database[rows] = _unit(leaning * query + np.sqrt(1 - leaning**2) * database[rows])
    database.flush()


def ours(folder: str) -> np.ndarray:
    queries, database, ground_truth = _read(folder)
    results, _ = evaluate(queries, database, ground_truth)
    return np.array([results[level]["AP"] for level in LEVELS])


def plain(folder: str) -> np.ndarray:
    queries, database, ground_truth = _read(folder)
    return ap_by_sorting(np.asarray(database @ queries.T), ground_truth)


def product(folder: str) -> float:
    queries, database, _ = _read(folder)
    step, total = BLOCK_BYTES // (4 * queries.shape[1]), 0.0
    for start in range(0, len(database), step):
        total += float((queries @ np.asarray(database[start : start + step]).T)[0, 0])
    return total


def by_exact_scores(folder: str) -> np.ndarray:
    """AP by sorting float64 scores; ties by row number."""
    queries, database, ground_truth = _read(folder)
    scores = np.empty((len(database), len(queries)))
    for start in range(0, len(database), 2**14):
        np.matmul(database[start : start + 2**14], queries.T, dtype=np.float64, out=scores[start : start + 2**14])
    return ap_by_sorting(scores, ground_truth, kind="stable")


def ap_by_sorting(scores: np.ndarray, ground_truth: list[dict], kind: str | None = None) -> np.ndarray:
    """AP (levels, Q) from scores (N, Q), by sorted columns: ranks of positives, less the junk before them."""
    order = np.argsort(-scores, axis=0, kind=kind)  # (N, Q)
    ap = np.empty((len(LEVELS), scores.shape[1]))
    for query in range(scores.shape[1]):
        ranks = np.empty(len(scores), np.int64)
        ranks[order[:, query]] = np.arange(len(scores))
        for i, level in enumerate(LEVELS):
            positives, junk = (labels[query] for labels in protocol_labels(ground_truth, level))
            ahead = np.sort(ranks[junk])
            ap[i, query] = _ap([rank - int((ahead < rank).sum()) for rank in sorted(ranks[positives])])
    return ap


def _ap(ranks: list[int]) -> float:
    total = 0.0
    for found, rank in enumerate(ranks):
        before = found / rank if rank else 1.0
        total += (before + (found + 1) / (rank + 1)) / 2
    return total / len(ranks)


def _read(folder: str) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    labels = np.load(f"{folder}/labels.npz")
    columns = {name: labels[name] for name in LABELLED}
    queries, database = np.load(f"{folder}/queries.npy"), np.load(f"{folder}/database.npy", mmap_mode="r")
    return queries, database, [{name: columns[name][i] for name in LABELLED} for i in range(len(queries))]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
