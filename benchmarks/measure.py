"""Measure for all benchmarks: trials in turn, medians, peak memory of a child process, equality, goals reached."""

import multiprocessing
import operator
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
SAMPLE_SECONDS = 0.004  # between two looks at a child's memory


@dataclass(frozen=True)
class Options:
    """Options of all benchmarks. quick: tiny sizes and one trial, as a test; device: auto, cpu or cuda; reports: folder
    for pictures; large: also sizes that take an hour."""

    quick: bool
    device: str
    reports: Path
    large: bool

    @property
    def trials(self) -> int:
        return 1 if self.quick else 3


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
    """Time against size. exponents: slope of each line in log-log, None for a single size."""

    what: str
    unit: str
    trials: int
    sizes: list[int]
    seconds: dict[str, list[float]]
    exponents: dict[str, float | None]


class CannotRunError(Exception):
    """A benchmark that cannot run here; the text says why."""


@dataclass(frozen=True)
class Trial:
    """A call: what it gave, its seconds, and those of the processors. In a process of its own also its largest memory,
    less that before the call: without mapped files, and with them, whose pages the system takes back when it needs
    them."""

    result: Any
    seconds: float
    cpu_seconds: float
    private_mb: float | None = None
    resident_mb: float | None = None


@dataclass(frozen=True)
class Timings:
    """The trials of each way to do the same work."""

    trials: dict[str, list[Trial]]

    def of_each(self, field: str, statistic: Callable = statistics.median) -> dict[str, float]:
        """Return the median, or another statistic, of a field of each way's trials."""
        return {way: statistic(getattr(trial, field) for trial in trials) for way, trials in self.trials.items()}

    @property
    def seconds(self) -> dict[str, float]:
        return self.of_each("seconds")

    @property
    def results(self) -> dict[str, Any]:
        """What each way gave at last."""
        return {way: trials[-1].result for way, trials in self.trials.items()}

    @property
    def of_case(self) -> dict[str, Any]:
        """What a `Case` says of them."""
        seconds, cpu_seconds = self.seconds, self.of_each("cpu_seconds")
        return {"trials": len(self.trials["ours"]), "seconds": seconds, "cpu_seconds": cpu_seconds}


def timed(function: Callable, *arguments) -> Trial:
    """Call a function in this process."""
    start, cpu_start = time.perf_counter(), _cpu_seconds()
    result = function(*arguments)
    return Trial(result, time.perf_counter() - start, _cpu_seconds() - cpu_start)


def alternate(ways: dict[str, Callable[[], Any]], trials: int, call: Callable[..., Trial] = timed) -> Timings:
    """Call all ways in each trial, forwards and backwards in turn; by `in_child`, each time in a fresh process.

    There is no warm-up: with three trials or more, the median leaves out the first.
    """
    found = {name: [] for name in ways}
    for trial in range(trials):
        for name in list(ways)[:: 1 if trial % 2 == 0 else -1]:
            found[name].append(call(ways[name]))
    return Timings(found)


def alternate_processes(ways: dict[str, Callable[[], Any]], trials: int) -> Timings:
    """Do as `alternate` with all calls of a way in one process of its own."""
    with ExitStack() as stack:
        calls = {name: partial(stack.enter_context(child()), way) for name, way in ways.items()}
        return alternate(calls, trials, operator.call)


@contextmanager
def child() -> Iterator[Callable[..., Trial]]:
    """Give a `call(function, *arguments)` of a module's functions in a fresh process, which ends with the block. Its
    seconds are those of the call, without start and imports. It raises what the function raises, and ValueError where
    the process ends."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_fork_from_now_on) as pool:

        def call(function: Callable, *arguments) -> Trial:
            process = pool.submit(_process, function, arguments).result()
            before = peaks = _memory(process)
            done = pool.submit(timed, function, *arguments)
            while not wait([done], SAMPLE_SECONDS).done:
                with suppress(psutil.NoSuchProcess):  # it has just ended
                    peaks = np.maximum(peaks, _memory(process))
            private_mb, resident_mb = (np.subtract(peaks, before) / 1e6).tolist()
            try:
                return replace(done.result(), private_mb=private_mb, resident_mb=resident_mb)
            except BrokenProcessPool:
                raise ValueError(f"{function}: its process ended without a result") from None

        yield call


def in_child(function: Callable, *arguments) -> Trial:
    """Call a module's function in a fresh process. Raises what the call raises."""
    with child() as call:
        return call(function, *arguments)


def require_equal(what: str, ours: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    """Return the largest difference. Raises ValueError if it is above the tolerance, and for unequal shapes."""
    ours, expected = np.asarray(ours, np.float64), np.asarray(expected, np.float64)
    if ours.shape != expected.shape or np.isnan(ours - expected).any():
        raise ValueError(f"{what}: shapes {ours.shape} and {expected.shape} cannot be compared, or nan is among them")
    difference = float(np.abs(ours - expected).max(initial=0))
    if difference > tolerance:
        raise ValueError(f"{what}: ours differs by {difference} from what is expected; accepted: up to {tolerance}")
    return difference


def exponents(sizes: Sequence[int], seconds: dict[str, list[float]]) -> dict[str, float | None]:
    """Return the slope of each line in log-log, by least squares; None for a single size."""
    if len(sizes) < 2:
        return dict.fromkeys(seconds)
    return {name: float(np.polyfit(np.log(sizes), np.log(values), 1)[0]) for name, values in seconds.items()}


def _fork_from_now_on() -> None:
    multiprocessing.set_start_method("fork", force=True)  # as in a stage; a spawned process would spawn all of its own


def _process(*_) -> int:
    """Return this process's number; the modules of the arguments have been imported by now."""
    return os.getpid()


def _cpu_seconds() -> float:
    """Return the seconds that this process, and those that it has started and seen end, have taken of the
    processors."""
    return time.process_time() + sum(os.times()[2:4])


def _memory(pid: int) -> list[int]:
    """Return the bytes of a process without mapped files, and all resident ones."""
    memory = psutil.Process(pid).memory_info()
    return [memory.rss - memory.shared, memory.rss]
