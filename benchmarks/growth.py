"""Time how work grows with size: evaluation with database rows, extraction with images, DVC's own work with cells.

Writes growth.svg with log-log axes, where slope 1 means proportional.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib
from matplotlib import pyplot

from benchmarks import evaluation, extraction
from benchmarks.graph import num_run
from benchmarks.measure import Curve, Options, alternate, alternate_processes, exponents, in_child
from benchmarks.pictures import SIZE
from benchmarks.stubbed_graph import stubbed_graph

ROWS, DIMENSION = (10_000, 30_000, 100_000, 300_000, 1_000_000), 512
IMAGES, NETWORK = (2, 4, 8, 16, 32), "mobilenet_v2"
STUDENTS = (1, 2, 4)  # 22, 42 and 82 cells: the time for everything grows faster than they do
MANY_STUDENTS = 21  # 422 cells, with --large


def run(options: Options) -> list[Curve]:
    curves = [graph_curve(options), evaluation_curve(options), extraction_curve(options)]
    draw(curves, options.reports / "growth.svg")
    return curves


def evaluation_curve(options: Options) -> Curve:
    sizes, dimension = ((1000, 4000), 32) if options.quick else (ROWS, DIMENSION)

    def measured(folder: Path, num_rows: int) -> dict[str, float]:
        evaluation.write_inputs(folder, evaluation.Size(num_rows, dimension, "float32", 1))
        ways = {"ours": partial(evaluation.ours, folder), "public": partial(evaluation.public, folder)}
        return alternate(ways, options.trials, in_child).seconds

    what = f"evaluation, {evaluation.QUERIES} queries, dimension {dimension}"
    return curve_of(what, "database rows", options.trials, sizes, measured)


def extraction_curve(options: Options) -> Curve:
    sizes, size = ((2, 4), extraction.QUICK_SIZE) if options.quick else (IMAGES, SIZE)
    device = extraction.torch_device(options.device).type

    def measured(folder: Path, count: int) -> dict[str, float]:
        extraction.write_inputs(folder, NETWORK, count, size)
        ways = extraction.variants(folder, device)
        return alternate_processes({name: ways[name] for name in ("ours", "public")}, options.trials).seconds

    what = f"extraction, {NETWORK}, {len(extraction.values_for(device)['extract']['scales'])} scales"
    return curve_of(what, "images", options.trials, sizes, measured)


def curve_of(what: str, unit: str, trials: int, sizes: Sequence[int], measured: Callable[[Path, int], dict]) -> Curve:
    """Return the seconds of each variant that `measured` gives at each size, in an empty folder."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measured(Path(folder), size))
    seconds = {name: [of_size[name] for of_size in found] for name in found[0]}
    return Curve(what, unit, trials, list(sizes), seconds, exponents(sizes, seconds))


def graph_curve(options: Options) -> Curve:
    """Time the whole graph of stubbed commands once, as `make repro` runs it, then `dvc repro` with nothing to do."""
    sizes, seconds = [], {"everything": [], "nothing to do": []}
    for num_students in (1,) if options.quick else (*STUDENTS, MANY_STUDENTS) if options.large else STUDENTS:
        with tempfile.TemporaryDirectory() as folder:
            graph, num_cells = stubbed_graph(Path(folder) / "repository", num_students, quick=options.quick)
            start = time.perf_counter()
            printed = graph.run_module("tools.repro")
            seconds["everything"].append(time.perf_counter() - start)
            num_done = len(list(graph.folder.glob("reports/metrics/*.json")))
            if num_done != num_cells:
                raise ValueError(f"{num_done} cells have results; expected {num_cells}\n{printed}")
            again = alternate({"nothing to do": partial(graph.dvc, "repro")}, options.trials)
            if num_run(again.results["nothing to do"]):
                raise ValueError(f"the second dvc repro ran stages; expected none\n{again.results['nothing to do']}")
        seconds["nothing to do"].append(again.seconds["nothing to do"])
        sizes.append(num_cells)
    return Curve(
        "graph, commands replaced by stubs", "cells", options.trials, sizes, seconds, exponents(sizes, seconds)
    )


def draw(curves: list[Curve], path: Path) -> None:
    """Draw a panel for each curve. The same numbers give the same bytes."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "font.size": 9})
    figure, panels = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.4), constrained_layout=True)
    for panel, curve in zip(panels, curves, strict=True):
        for name, values in curve.seconds.items():
            slope = curve.exponents[name]
            panel.loglog(curve.sizes, values, "o-", label=name if slope is None else f"{name}, slope {slope:.2f}")
        panel.set(title=curve.what, xlabel=curve.unit, ylabel="seconds")
        panel.set_xticks(curve.sizes, [f"{size:,}" for size in curve.sizes])
        panel.tick_params(axis="x", which="minor", labelbottom=False)
        panel.title.set_fontsize(9)
        panel.grid(which="both", alpha=0.2)
        panel.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
