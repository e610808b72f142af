"""Shows a run: in a terminal a live line for each running stage, elsewhere plain lines, and a summary at the end."""

import time

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

RESULTS = ("run", "restored", "unchanged", "failed", "stopped", "skipped")


class Display:
    """Lines on standard error, shown while its `with` block runs. Stages are named by their addresses."""

    def __init__(self, num_stages: int):
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        self.progress = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.num_stages, self.num_done = num_stages, 0
        self.lines, self.begin = {}, time.monotonic()

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(self, *error) -> None:
        self.progress.stop()

    def started(self, address: str, host: str) -> None:
        """Called again when a stage moves: to another node if its node is lost, or home with its results."""
        self._end_line(address)
        self.lines[address] = self.progress.add_task(f"{address}  on {host}", total=None)
        if self.progress.disable:
            self.say(f"{address}: started on {host}")

    def finished(self, address: str, result: str, seconds: float, output: str) -> None:
        self._end_line(address)
        self.num_done += 1
        self.say(f"{address}: {result}, {seconds:.0f} s ({self.num_done} of {self.num_stages})")
        if output:
            self.say(output.rstrip())

    def _end_line(self, address: str) -> None:
        if address in self.lines:
            self.progress.remove_task(self.lines.pop(address))

    def summary(self, results: dict[str, str]) -> None:
        """Print how many stages had which of RESULTS, and the names of those that did not succeed."""
        counts = [
            f"{list(results.values()).count(result)} {result}" for result in RESULTS if result in results.values()
        ]
        self.say(f"cluster: {', '.join(counts) or 'nothing to do'}; {time.monotonic() - self.begin:.0f} s")
        for bad in ("failed", "stopped", "skipped"):
            if names := [address for address, result in results.items() if result == bad]:
                self.say(f"{bad}: {', '.join(names)}")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)
