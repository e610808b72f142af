"""What one GPU does, in eight minutes at most: `make gpu`, or `python -m benchmarks.gpu [parts]`.

Each part (see `gpu_parts`) runs in a process of its own, which is stopped at its limit; what it has measured until then
counts. After each part reports/gpu.json and reports/gpu.md are written. A part that fails does not stop the others; the
exit status is then 1.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from aml.files.atomic import replacing, write_json
from benchmarks.machine import about

# the most important first, and the part of the time that each may take
SHARES = {"tests": 0.2, "against a CPU": 0.12, "extraction": 0.25, "training": 0.1, "new shapes": 0.06, "cell": 0.27}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(SHARES)}; none: all")
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: only to see that it runs")
    parser.add_argument("--minutes", type=float, default=8.0, help="limit of all parts together (default: 8)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of gpu.json and gpu.md")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in SHARES]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(SHARES)}")
    given.reports.mkdir(parents=True, exist_ok=True)
    found = {"card": None, "tiny": given.tiny, **about(), "parts": {}}
    for name in given.parts or SHARES:
        limit = 60 * given.minutes * SHARES[name]
        found["parts"][name] = part = run_part(name, given.device, given.tiny, limit)
        found["card"] = part.pop("card") or found["card"]
        write_json(given.reports / "gpu.json", found)
        with replacing(given.reports / "gpu.md") as path:
            path.write_text(markdown(found), encoding="utf-8")
        print(part_lines(name, part), flush=True)
    return int(any(part["status"] != "done" for part in found["parts"].values()))


def run_part(name: str, device: str, tiny: bool, limit: float) -> dict:
    """Run a part in a process of its own: its card, status, seconds and rows."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        measured, errors = Path(folder) / "part.json", Path(folder) / "errors"
        with open(errors, "w") as stderr:
            command = [sys.executable, "-m", "benchmarks.gpu_parts", name, device, str(int(tiny)), str(measured)]
            child = subprocess.Popen(command, stdout=sys.stderr, stderr=stderr, start_new_session=True)
            try:
                code = child.wait(limit)
                status = "done" if code == 0 else None
            except subprocess.TimeoutExpired:
                status = f"stopped after {limit:.0f} s"
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)  # with the processes that it has started
                    child.wait()
        if status is None:
            text = errors.read_text(errors="replace")
            print(text, file=sys.stderr)
            status = f"failed: {(text.strip().splitlines() or [f'status {code}'])[-1]}"
        found = json.loads(measured.read_text()) if measured.exists() else {"card": None, "rows": []}
    return {"status": status, "seconds": round(time.perf_counter() - start, 1)} | found


def markdown(found: dict) -> str:
    """Return all parts as tables."""
    title = f"# {found['card']}, {found['date']}, torch {found['versions']['torch']}"
    title += ", tiny sizes" if found["tiny"] else ""
    return "\n\n".join([title, *(part_lines(name, part) for name, part in found["parts"].items())]) + "\n"


def part_lines(name: str, part: dict) -> str:
    lines = [f"## {name}: {part['status']}, {part['seconds']:.0f} s"]
    if part["rows"]:
        lines += ["", tabulate(part["rows"], "keys", "github", floatfmt=".3g")]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
