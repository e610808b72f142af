"""Measure for all benchmarks: trials in turn, medians, peak memory of a child process, equality, goals reached."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE_SECONDS = 0.004  # between two looks at a child's memory
CHILD_SECONDS = 1800  # longer than any


@dataclass(frozen=True)
class Options:
    """Options of all benchmarks. quick: tiny sizes and one trial, as a test; device: auto, cpu or cuda; reports: folder
    for pictures; large: also sizes that take an hour."""

    quick: bool
    device: str
    reports: Path
    large: bool


@dataclass(frozen=True)
class Case:
    """One comparison. seconds: median of each variant, "ours" among them; cpu_seconds: the same of the processors'
    time, which other programs hardly change; reached: goal -> whether it was met; found: other numbers; device: its
    name, None for a CPU without torch."""

    what: str
    trials: int
    seconds: dict[str, float]
    equality: str
    difference: float  # the largest between ours and another version, in the unit that `equality` names
    reached: dict[str, bool] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    device: str | None = None
    cpu_seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Curve:
    """Time against size. exponents: slope of each line in log-log, None for a single size; estimated:
    {"size", variant: seconds} at a size that was not measured, by the slope of the last two."""

    what: str
    unit: str
    trials: int
    sizes: list[int]
    seconds: dict[str, list[float]]
    exponents: dict[str, float | None]
    estimated: dict[str, float] | None = None


class CannotRunError(Exception):
    """A benchmark that cannot run here; the text says why."""


def alternate(variants: dict[str, Callable[[], Any]], trials: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds of each variant over trials in which all run, forwards and backwards in turn; last results.

    There is no warm-up: with three trials or more, the median leaves out the first.
    """
    seconds, results = {name: [] for name in variants}, {}
    for trial in range(trials):
        for name in list(variants)[:: 1 if trial % 2 == 0 else -1]:
            start = time.perf_counter()
            results[name] = variants[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}, results


@dataclass(frozen=True)
class Child:
    """A call in its own process. private_mb: the largest memory of the process without mapped files, less that of its
    imports; resident_mb: the same with mapped files, whose pages the system takes back when it needs them."""

    result: Any
    seconds: float
    private_mb: float
    resident_mb: float


def in_child(function: Callable, *arguments) -> Child:
    """Call a module's function in a fresh process and watch its memory from here. Raises what the call raises."""
    with Prepared(partial, function, *arguments) as prepared:
        return prepared.watched()


class Prepared:
    """A fresh process that calls, again and again, the function that `make(*arguments)` of a module returns; it ends
    with the block. Raises what is raised there."""

    def __init__(self, make: Callable, *arguments):
        context = multiprocessing.get_context("spawn")
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, make, arguments))
        self.process.start()
        there.close()
        self.name = (arguments[0] if make is partial else make).__name__

    def __enter__(self):
        try:
            self._received()  # it is made
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.pipe.close()
        self.process.join(CHILD_SECONDS)

    def __call__(self) -> tuple[float, float, Any]:
        """Call it; return its seconds, those of the processors, and its result."""
        self.pipe.send("go")
        return self._received()

    def watched(self) -> Child:
        start = peaks = _memory(self.process.pid)
        self.pipe.send("go")
        while not self.pipe.poll(SAMPLE_SECONDS):
            peaks = [max(pair) for pair in zip(peaks, _memory(self.process.pid), strict=True)]
        seconds, _, result = self._received()
        private, resident = ((peak - begin) / 1e6 for peak, begin in zip(peaks, start, strict=True))
        return Child(result, seconds, private, resident)

    def _received(self) -> tuple[float, float, Any]:
        try:
            error, *rest = self.pipe.recv()
        except EOFError:
            raise ValueError(f"{self.name}: its process ended without a result") from None
        if error is not None:
            raise error
        return tuple(rest)


def alternate_children(
    variants: dict[str, tuple], trials: int
) -> tuple[dict[str, float], dict[str, Any], dict[str, dict[str, float]]]:
    """`alternate` with each call (function, arguments...) in a child; also the largest memory of each variant, MB.

    Seconds are those of the call, without start and imports.
    """
    children = {name: [] for name in variants}
    for trial in range(trials):
        for name in list(variants)[:: 1 if trial % 2 == 0 else -1]:
            children[name].append(in_child(*variants[name]))
    seconds = {name: statistics.median(child.seconds for child in runs) for name, runs in children.items()}
    memory = {
        name: {kind: max(getattr(child, kind) for child in runs) for kind in ("private_mb", "resident_mb")}
        for name, runs in children.items()
    }
    return seconds, {name: runs[-1].result for name, runs in children.items()}, memory


def alternate_prepared(
    variants: dict[str, tuple], trials: int
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """`alternate` with each variant in its own process, where (make, arguments...) gives the function to call; also the
    median seconds of the processors."""
    runs = {name: [] for name in variants}
    with ExitStack() as stack:
        calls = {name: stack.enter_context(Prepared(*made)) for name, made in variants.items()}
        alternate({name: lambda name=name: runs[name].append(calls[name]()) for name in variants}, trials)
    seconds, cpu_seconds = (
        {name: statistics.median(run[i] for run in of_one) for name, of_one in runs.items()} for i in (0, 1)
    )
    return seconds, cpu_seconds, {name: of_one[-1][2] for name, of_one in runs.items()}


def require_equal(what: str, ours: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    """The largest difference. Raises ValueError where it is above the tolerance, and for unequal shapes."""
    ours, expected = np.asarray(ours, np.float64), np.asarray(expected, np.float64)
    if ours.shape != expected.shape or np.isnan(ours - expected).any():
        raise ValueError(f"{what}: shapes {ours.shape} and {expected.shape} cannot be compared, or nan is among them")
    difference = float(np.abs(ours - expected).max(initial=0))
    if difference > tolerance:
        raise ValueError(f"{what}: ours differs by {difference} from what is expected; accepted: up to {tolerance}")
    return difference


def exponents(sizes: Sequence[int], seconds: dict[str, list[float]]) -> dict[str, float | None]:
    """The slope of each line in log-log, by least squares; None for a single size."""
    if len(sizes) < 2:
        return dict.fromkeys(seconds)
    return {name: float(np.polyfit(np.log(sizes), np.log(values), 1)[0]) for name, values in seconds.items()}


def _serve(pipe, make, arguments) -> None:
    """Send (error, seconds, seconds of the processors, result): once for the making, then for each call asked for."""
    multiprocessing.set_start_method("fork", force=True)  # as in a stage; a spawned process would spawn all of its own
    try:
        call, error = make(*arguments), None
    except Exception as raised:
        error = raised
    pipe.send((error, 0.0, 0.0, None))
    while error is None:
        try:
            pipe.recv()
        except EOFError:
            return
        start, cpu_start = time.perf_counter(), _cpu_seconds()
        try:
            result = call()
        except Exception as raised:
            result, error = None, raised
        pipe.send((error, time.perf_counter() - start, _cpu_seconds() - cpu_start, result))


def _cpu_seconds() -> float:
    """What this process and those that it has started and seen end have taken of the processors."""
    return sum(os.times()[:4])


def _memory(pid: int) -> list[int]:
    """The bytes of a process without mapped files, and all resident ones."""
    page = os.sysconf("SC_PAGE_SIZE")
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
    own = sum(1024 * int(status.get(name, "0 kB").split()[0]) for name in ("RssAnon", "RssShmem"))
    return [own, resident]
