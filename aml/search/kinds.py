"""The kinds of faiss index, by names: exhaustive ones by what they store (float32, float16, int8, "PQ <bytes>"), and
ivf, ivfpq and hnsw, which look at a part of the rows."""

import faiss
import numpy as np

from aml.params.search import IndexSettings

# "np": without the polysemous training that faiss adds by default, for a search that nobody asks for here: half a
# minute instead of 0.2 s for a thousand rows
FLAT = {"float32": "Flat", "float16": "SQfp16", "int8": "SQ8"} | {f"PQ {size}": f"PQ{size}np" for size in (64, 32, 16)}
CENTROIDS = 256  # of each part of a descriptor in product quantisation: the fewest rows that it learns from


def kinds(settings: IndexSettings) -> dict[str, str]:
    """Each kind's description for faiss.index_factory, by name."""
    return FLAT | {
        "ivf": f"IVF{settings.lists},Flat",
        "ivfpq": f"IVF{settings.lists},PQ{settings.code_bytes}np",
        "hnsw": f"HNSW{settings.links},Flat",
    }


def problem(name: str, settings: IndexSettings, num_rows: int, dimension: int) -> str | None:
    """Why so many rows of this dimension can't have an index of a kind; None where they can."""
    size = settings.code_bytes if name == "ivfpq" else int(name.removeprefix("PQ ")) if name.startswith("PQ") else None
    if name.startswith("ivf") and settings.lists > num_rows:
        return f"lists is {settings.lists}; accepted: at most the number of rows, {num_rows}"
    if size is not None and dimension % size:
        return f"{size} bytes a row; accepted: divisors of the dimension {dimension}"
    if size is not None and num_rows < CENTROIDS:
        return f"{num_rows} rows; accepted: {CENTROIDS} or more for product quantisation"
    return None


def build(name: str, settings: IndexSettings, rows: np.ndarray) -> faiss.Index:
    """The index of unit-norm rows `(N, D)` float32 by inner product. Raises ValueError with the `problem`."""
    found = problem(name, settings, *rows.shape)
    if found:
        raise ValueError(f"params.yaml: index: {name}: {found}")
    index = faiss.index_factory(rows.shape[1], kinds(settings)[name], faiss.METRIC_INNER_PRODUCT)
    for part in (index, getattr(index, "pq", None)):
        if hasattr(part, "cp"):
            part.cp.min_points_per_centroid = 1  # or faiss prints a warning for each part of a descriptor
    index.train(rows)
    index.add(rows)
    if name.startswith("ivf"):
        index.nprobe = settings.probes
    return index
