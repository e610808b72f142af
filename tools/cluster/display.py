"""Prints the course of a run on standard error: a line when a stage starts and ends, and a summary at the end."""

import sys
import time

RESULTS = ("run", "restored", "unchanged", "failed", "stopped", "skipped")


class Display:
    """Prints the course of a run; stages are named by their addresses."""

    def __init__(self, num_stages: int):
        self.num_stages, self.num_done, self.begin = num_stages, 0, time.monotonic()

    def started(self, address: str, host: str) -> None:
        """Called again when a stage moves: to another node if its node is lost, or home with its results."""
        self.say(f"{address}: started on {host}")

    def finished(self, address: str, result: str, seconds: float, output: str) -> None:
        self.num_done += 1
        self.say(f"{address}: {result}, {seconds:.0f} s ({self.num_done} of {self.num_stages})")
        if output:
            self.say(output.rstrip())

    def summary(self, results: dict[str, str]) -> None:
        """Print how many stages had which of RESULTS, and the names of those that did not succeed."""
        names = {result: [address for address, found in results.items() if found == result] for result in RESULTS}
        counts = [f"{len(found)} {result}" for result, found in names.items() if found]
        self.say(f"cluster: {', '.join(counts) or 'nothing to do'}; {time.monotonic() - self.begin:.0f} s")
        for bad in ("failed", "stopped", "skipped"):
            if names[bad]:
                self.say(f"{bad}: {', '.join(names[bad])}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
