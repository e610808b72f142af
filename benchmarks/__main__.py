"""Run all benchmarks or those named, and write their results to reports/benchmarks.json; others' results stay there."""

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path

from tabulate import tabulate

from aml.files.atomic import write_json
from benchmarks.machine import about
from benchmarks.measure import CannotRunError, Case, Options

NAMES = ("evaluation", "extraction", "training", "mining", "decoding", "search", "indexes", "graph", "growth")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one trial: only to see that it runs")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of benchmarks.json, growth.svg")
    parser.add_argument("--large", action="store_true", help="growth: a graph of 422 cells, too, for minutes")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(NAMES)}")
    path = given.reports / "benchmarks.json"
    given.reports.mkdir(parents=True, exist_ok=True)
    for name in given.names or NAMES:
        entry = measured(name, Options(given.quick, given.device, given.reports, given.large))
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        entries[name] = entry
        write_json(path, {key: entries[key] for key in NAMES if key in entries})
        print(name, json.dumps(entry, indent=2), flush=True)
    print(markdown(json.loads(path.read_text(encoding="utf-8"))))


def measured(name: str, options: Options) -> dict:
    """Return the entry of one benchmark: when and where it ran, and its results, or why it was skipped."""
    entry = {"quick": options.quick, **about()}
    try:
        results = importlib.import_module(f"benchmarks.{name}").run(options)
    except CannotRunError as reason:
        return entry | {"skipped": str(reason)}
    return entry | {"cases" if isinstance(results[0], Case) else "curves": [asdict(result) for result in results]}


def markdown(entries: dict[str, dict]) -> str:
    """Return a line for each comparison: seconds of each way, how many times as fast ours is, also by the
    processors' time, goals reached; slopes of curves; then the machines and dates."""
    lines = []
    for name, entry in entries.items():
        if "skipped" in entry:
            lines.append([name, *5 * [None], f"skipped: {entry['skipped']}"])
        for case in entry.get("cases", []):
            seconds = [case["seconds"].get(way) for way in ("ours", "plain", "public")]
            reached = "; ".join(sentence if yes else f"not {sentence}" for sentence, yes in case["reached"].items())
            what = f"{name}: {case['what']}" + (f", {case['device']}" if case["device"] else "")
            lines.append([what, *seconds, times(case["seconds"]), times(case.get("cpu_seconds", {})), reached])
        for curve in entry.get("curves", []):
            slopes = ", ".join(f"{way} {slope:.2f}" for way, slope in curve["exponents"].items() if slope is not None)
            sizes = f"{curve['sizes'][0]:,} to {curve['sizes'][-1]:,} {curve['unit']}"
            lines.append([f"growth: {curve['what']}, {sizes}", *5 * [None], f"slopes: {slopes}"])
    header = ("what", "ours, s", "plain, s", "public, s", "times", "of CPU time", "reached")
    machines = {
        f"{entry['date']}, {entry['machine']['cpu']}, {entry['machine']['cores']} cores, "
        f"threads: {entry['machine']['threads']}{', tiny sizes' if entry['quick'] else ''}."
        for entry in entries.values()
    }
    return "\n".join([tabulate(lines, header, "github", floatfmt=".3g"), "", *sorted(machines)])


def times(seconds: dict[str, float]) -> float | None:
    """Return how many times as fast ours is as the public way, or where there is none as the plain one."""
    other = seconds.get("public", seconds.get("plain"))
    return None if other is None else round(other / seconds["ours"], 1)


if __name__ == "__main__":
    main()
