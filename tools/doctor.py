"""Checks what would stop a run on this machine: packages, GPU, git, DVC, permissions, disk.

Not a stage: `make repro`, `make paper` and `make published` call it first. It prints a line a check, and ends with exit
status 1 if one of them found an error. torch is tried in a process of its own, which a broken driver may abort.
"""

import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from aml.compute.device import runtime
from stages.runtime import run_command

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"  # published/tools is a link to tools
FOLDERS = ("data", "models", "reports")
LEAST_FREE = 200_000_000  # bytes; the embedded default writes 182 MB
SECONDS = 60  # that a child may take: a driver may hang

TORCH = """
import torch
for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
    torch.ones(64, 64, device=f"cuda:{number}").mm(torch.ones(64, 64, device=f"cuda:{number}")).sum().item()
    print(torch.cuda.get_device_name(number))
"""


def main(values: dict) -> None:
    where = runtime(values)
    checks = (check_packages, partial(check_gpus, where.device, where.processes), check_git, check_dvc)
    with ThreadPoolExecutor(len(checks)) as pool:  # most of them wait for a child
        lines = list(pool.map(result, checks))
    print(*lines, sep="\n", file=sys.stderr)
    errors = sum(line.startswith("error") for line in lines)
    if errors:
        raise ValueError(f"{errors} of {len(checks)} checks found what will stop the run; see above for what to do")


def result(check: Callable[[], str]) -> str:
    """Return the line for one check: what it returns, or the error that it raises."""
    try:
        return f"ok     {check()}"
    except ValueError as error:
        return f"error  {error}"


def check_packages(requirements: Path = REQUIREMENTS) -> str:
    """Raise ValueError if a package of requirements.txt is not installed; another version is no error."""
    required, others = pinned(requirements.read_text(encoding="utf-8")), []
    for name, wanted in required.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise ValueError(f"package {name} is not installed: rm .venv/ready and `make`") from None
        if found.partition("+")[0] != wanted:
            others.append(f"{name} {found} instead of {wanted}")
    said = f"Python {platform.python_version()}, {len(required)} packages"
    return said + (f"; in another version: {', '.join(others)}" if others else "")


def pinned(text: str) -> dict[str, str]:
    """Return versions by package name in lines like `name==version`."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def check_gpus(device: str, processes: int) -> str:
    """Raise ValueError if torch fails on a GPU, or finds fewer than section `runtime` of params.yaml asks for."""
    if device == "cpu":
        return "runtime.device is cpu: no GPU needed"
    names = output(sys.executable, "-c", TORCH, what="torch").splitlines()
    last = int(device.partition(":")[2] or processes - 1)
    if device == "auto" and not names:
        return "no GPU, the CPU computes"
    if last >= len(names):
        raise ValueError(
            f"runtime asks for GPU {last} (device {device}, processes {processes}), but torch finds {len(names)}: see "
            "what `nvidia-smi` says, or set runtime.device to auto or cpu"
        )
    return f"GPU {names[last]}"


def check_git() -> str:
    """Raise ValueError outside a git repository, where DVC refuses to work."""
    output("git", "rev-parse", "--git-dir", what="git")
    try:
        return f"commit {output('git', 'rev-parse', '--short', '--verify', 'HEAD', what='git').strip()}"
    except ValueError:
        return "no commit yet, so results can't name the code that made them"


def check_dvc() -> str:
    """Raise ValueError if DVC fails, a folder can't be written to, or the disk of its cache is full."""
    cache = existing(Path(output("dvc", "cache", "dir", what="dvc").splitlines()[-1]))
    for folder in (Path(), *map(Path, FOLDERS), cache):
        try:
            tempfile.TemporaryFile(dir=existing(folder)).close()
        except OSError:
            raise ValueError(f"no file can be made in {folder}: change its owner or mode") from None
    free = shutil.disk_usage(cache).free
    if free < LEAST_FREE:
        raise ValueError(f"{free / 1e6:.0f} MB free in {cache}: free {LEAST_FREE / 1e6:.0f} MB or more")
    return f"DVC; {free / 1e9:.1f} GB free in {cache}"


def output(*command: str, what: str) -> str:
    """Return what a command prints. Raises ValueError with its last words if it is missing, fails, aborts or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{what} fails: {error}") from None
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ValueError(f"{what} fails (exit status {done.returncode}): {words}")
    return done.stdout


def existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


if __name__ == "__main__":
    run_command(main)
