"""Time how work grows with size: evaluation with database rows, extraction with images, DVC's own work with cells.

Writes growth.svg with log-log axes, where slope 1 means proportional.
"""

import tempfile
import time
from pathlib import Path

from benchmarks import evaluation
from benchmarks.graph import num_run
from benchmarks.measure import Curve, Options, alternate, alternate_children, alternate_prepared, exponents
from benchmarks.pictures import SIZE
from benchmarks.stubbed_graph import StubbedGraph, num_cells

ROWS, DIMENSION = (10_000, 30_000, 100_000, 300_000, 1_000_000), 512
IMAGES, NETWORK = (2, 4, 8, 16, 32), "mobilenet_v2"
STUDENTS = (1, 2, 4)  # 22, 42 and 82 cells: the time for everything grows faster than they do
MANY_STUDENTS = 21  # 422 cells, measured with --large; else the graph's lines are drawn out to there


def run(options: Options) -> list[Curve]:
    curves = [graph_curve(options), evaluation_curve(options), extraction_curve(options)]
    draw(curves, options.reports / "growth.svg")
    return curves


def evaluation_curve(options: Options) -> Curve:
    sizes, dimension = ((1000, 4000), 32) if options.quick else (ROWS, DIMENSION)
    trials = 1 if options.quick else 3
    variants = {"ours": evaluation.ours, "public": evaluation.public}
    seconds = {name: [] for name in variants}
    for num_rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            evaluation.write_inputs(Path(folder), evaluation.Size(num_rows, dimension, "float32", 1))
            medians, *_ = alternate_children({name: (call, folder) for name, call in variants.items()}, trials)
        for name, value in medians.items():
            seconds[name].append(value)
    what = f"evaluation, {evaluation.QUERIES} queries, dimension {dimension}"
    return Curve(what, "database rows", trials, list(sizes), seconds, exponents(sizes, seconds))


def extraction_curve(options: Options) -> Curve:
    from benchmarks.extraction import QUICK_SIZE, torch_device, values_for, variants, write_inputs

    sizes, trials = ((2, 4), 1) if options.quick else (IMAGES, 3)
    seconds, device = {"ours": [], "public": []}, torch_device(options.device).type
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_inputs(Path(folder), NETWORK, size, QUICK_SIZE if options.quick else SIZE)
            all_ways = variants(Path(folder), device)
            medians, _, _ = alternate_prepared({name: all_ways[name] for name in seconds}, trials)
        for name, value in medians.items():
            seconds[name].append(value)
    what = f"extraction, {NETWORK}, {len(values_for(device)['extract']['scales'])} scales"
    return Curve(what, "images", trials, list(sizes), seconds, exponents(sizes, seconds))


def graph_curve(options: Options) -> Curve:
    """Time the whole graph of stubbed commands once, as `make repro` runs it, then `dvc repro` with nothing to do."""
    trials = 1 if options.quick else 3
    sizes, seconds = [], {"everything": [], "nothing to do": []}
    for num_students in (1,) if options.quick else (*STUDENTS, MANY_STUDENTS) if options.large else STUDENTS:
        with tempfile.TemporaryDirectory() as folder:
            graph = StubbedGraph(Path(folder) / "repository", num_students, quick=options.quick)
            start = time.perf_counter()
            printed = graph.run_module("tools.repro")
            seconds["everything"].append(time.perf_counter() - start)
            if graph.num_done() != graph.num_cells:
                raise ValueError(f"{graph.num_done()} cells have results; expected {graph.num_cells}\n{printed}")
            medians, results = alternate({"nothing to do": lambda graph=graph: graph.dvc("repro")}, trials)
            if num_run(results["nothing to do"]):
                raise ValueError(f"the second dvc repro ran stages; expected none\n{results['nothing to do']}")
        seconds["nothing to do"].append(medians["nothing to do"])
        sizes.append(graph.num_cells)
    estimated = None
    if not (options.quick or options.large):
        size = num_cells(graph.grid, MANY_STUDENTS)
        estimated = {"size": size, **drawn_out(sizes, seconds, size)}
    what = "graph, commands replaced by stubs"
    return Curve(what, "cells", trials, sizes, seconds, exponents(sizes, seconds), estimated)


def drawn_out(sizes: list[int], seconds: dict[str, list[float]], size: int) -> dict[str, float]:
    """The seconds at a larger size, estimated by the slope between the last two."""
    slopes = exponents(sizes[-2:], {name: values[-2:] for name, values in seconds.items()})
    return {name: values[-1] * (size / sizes[-1]) ** slopes[name] for name, values in seconds.items()}


def draw(curves: list[Curve], path: Path) -> None:
    """Draw a panel for each curve, estimates dotted. The same numbers give the same bytes."""
    import matplotlib  # late: a second

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "font.size": 9})
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.4), constrained_layout=True)
    for panel, curve in zip(panels, curves, strict=True):
        for name, values in curve.seconds.items():
            slope = curve.exponents[name]
            label = name if slope is None else f"{name}, slope {slope:.2f}"
            (line,) = panel.loglog(curve.sizes, values, "o-", label=label)
            if curve.estimated is not None:
                ends = [curve.sizes[-1], curve.estimated["size"]], [values[-1], curve.estimated[name]]
                panel.loglog(*ends, "o:", color=line.get_color(), markerfacecolor="none")
        panel.set(title=curve.what, xlabel=curve.unit, ylabel="seconds")
        sizes = curve.sizes if curve.estimated is None else [*curve.sizes, curve.estimated["size"]]
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.tick_params(axis="x", which="minor", labelbottom=False)
        panel.title.set_fontsize(9)
        panel.grid(which="both", alpha=0.2)
        panel.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
