"""The kinds of faiss index by name: exhaustive ones by what they store (float32, float16, int8, "PQ <bytes>"), and
ivf, ivfpq and hnsw, which compare a query with some of the rows only."""

import faiss
import numpy as np

from aml.params.search import IndexSettings

SCALARS = {"float32": "Flat", "float16": "SQfp16", "int8": "SQ8"}
CODES = (64, 32, 16)  # bytes a row of the exhaustive product quantisers
CENTROIDS = 256  # of each part of a descriptor in product quantisation: the fewest rows that it learns from


def kinds(settings: IndexSettings, dimension: int) -> dict[str, str]:
    """Return the description of each kind for faiss.index_factory, by its name."""

    def quantised(before: str, size: int) -> str:
        """Return a description with zeros after each row, up to a multiple of `size`: they change no inner product.
        "np" leaves out the polysemous training that faiss adds by default for searches that nothing here makes; it
        takes half a minute instead of 0.2 s for a thousand rows."""
        missing = -dimension % size
        return (f"Pad{dimension + missing}," if missing else "") + f"{before}PQ{size}np"

    return SCALARS | {f"PQ {size}": quantised("", size) for size in CODES} | {
        "ivf": f"IVF{settings.lists},Flat",
        "ivfpq": quantised(f"IVF{settings.lists},", settings.code_bytes),
        "hnsw": f"HNSW{settings.links},Flat",
    }  # fmt: skip


def problem(name: str, settings: IndexSettings, num_rows: int) -> str | None:
    """Return why an index of this kind can't hold so many rows, or None."""
    if name.startswith("ivf") and settings.lists > num_rows:
        return f"lists is {settings.lists}; accepted: at most the number of rows, {num_rows}"
    if name.startswith(("PQ", "ivfpq")) and num_rows < CENTROIDS:
        return f"{num_rows} rows; accepted: {CENTROIDS} or more for product quantisation"
    return None


def build(name: str, settings: IndexSettings, rows: np.ndarray) -> faiss.Index:
    """Return the index of unit-norm rows `(N, D)` float32 by inner product. Raises ValueError with the `problem`."""
    index = trained(name, settings, rows)
    index.add(rows)
    return index


def trained(name: str, settings: IndexSettings, rows: np.ndarray) -> faiss.Index:
    """Return the index of a kind before any row is added. The clusters of ivf and ivfpq, most of the work, are found
    on GPUs where there are any. Raises ValueError with the `problem`."""
    found = problem(name, settings, len(rows))
    if found:
        raise ValueError(f"params.yaml: index: {name}: {found}")
    dimension = rows.shape[1]
    index = faiss.index_factory(dimension, kinds(settings, dimension)[name], faiss.METRIC_INNER_PRODUCT)
    inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index
    for part in (inner, getattr(inner, "pq", None)):
        if hasattr(part, "cp"):
            part.cp.min_points_per_centroid = 1  # or faiss prints a warning for each part of a descriptor
    if name.startswith("ivf"):
        inner.nprobe = settings.probes
        on_gpus = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(inner.d)) if faiss.get_num_gpus() else None
        inner.clustering_index = on_gpus
    index.train(rows)
    if name.startswith("ivf"):
        inner.clustering_index = None  # what is on GPUs ends with this function
    return index
