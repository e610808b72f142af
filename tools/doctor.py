"""Whether this machine can do what params.yaml asks for: a finding a line, each with what to do about it.

Not a stage: `make repro`, `make paper` and `make published` call it first. Exit status 1 only for what will make the
run fail. What may abort a process (drivers, faiss) is tried in one of its own; all of them run side by side.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aml.compute.device import runtime
from stages.runtime import run_command
from tools import findings, needs

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"  # published/ has links to the code
FOLDERS = ("data", "models", "reports")
SECONDS = 60  # for a child: a driver may hang

TORCH = """
import json, torch
count = torch.cuda.device_count() if torch.cuda.is_available() else 0
for number in range(count):
    torch.ones(64, 64, device=f"cuda:{number}").mm(torch.ones(64, 64, device=f"cuda:{number}")).sum().item()
print(json.dumps({"count": count, "names": [torch.cuda.get_device_name(number) for number in range(count)]}))
"""
NO_TORCH = """print('{"count": 0, "names": []}')"""  # a GPU that nothing will use
FAISS = """
import faiss, numpy
index = faiss.IndexFlatIP(8)
index.add(numpy.eye(8, dtype=numpy.float32))
assert index.search(numpy.eye(8, dtype=numpy.float32)[3:4], 1)[1].item() == 3
"""


def main(values: dict) -> None:
    where = runtime(values)
    started = {
        "torch": start(sys.executable, "-c", TORCH if where.device != "cpu" else NO_TORCH),
        "faiss": start(sys.executable, "-c", FAISS),
        "cache": start("dvc", "cache", "dir"),
        "types": start("dvc", "config", "cache.type"),
        "commit": start("git", "rev-parse", "--verify", "HEAD"),
        "changed": start("git", "status", "--porcelain"),
    }
    required = requirements(REQUIREMENTS.read_text(encoding="utf-8"))
    found = [
        findings.python(sys.version_info[:2]),
        findings.packages(required, {name: version(name) for name in required}),
        findings.shared_memory(
            free=shutil.disk_usage("/dev/shm").free,
            needed=needs.shared_memory_bytes(values, where.num_workers * where.processes),
        ),
    ]
    ended = {name: end(child) for name, child in started.items()}
    found += of_dvc_and_disk(values, ended["cache"], ended["types"])
    found.append(of_git(ended["commit"], ended["changed"]))
    found.append(of_gpus(ended["torch"], values))
    found.append(findings.faiss(failure(*ended["faiss"]) if ended["faiss"][0] else None))
    print(*found, sep="\n", file=sys.stderr)
    fatal = sum(finding.level == findings.FATAL for finding in found)
    if fatal:
        raise ValueError(f"{fatal} of {len(found)} findings will make the run fail; see above for what to do")


def of_dvc_and_disk(values: dict, cache_dir: tuple[int, str], types: tuple[int, str]) -> list[findings.Finding]:
    """Of what `dvc cache dir` and `dvc config cache.type` said: permissions, room, links."""
    code, output = cache_dir
    if code:
        return [findings.dvc(failure(code, output))]
    cache, workspace = Path(output.splitlines()[-1]), [Path(), *map(Path, FOLDERS)]
    refused = [str(folder) for folder in (*workspace, cache, Path(tempfile.gettempdir())) if not can_write(folder)]
    kinds = types[1].strip().split(",") if types[0] == 0 else ["reflink", "copy"]  # DVC's own
    room = findings.disk(
        free=shutil.disk_usage(existing(cache)).free,
        used=size_of(cache),
        needed=needs.disk_bytes(values),
        place=str(cache),
    )
    return [
        findings.writable(refused),
        room,
        *([] if refused else [findings.link(kinds, links_that_work(cache, Path("data")))]),
    ]


def of_gpus(ended: tuple[int, str], values: dict) -> findings.Finding:
    """Of what `TORCH` printed."""
    code, output = ended
    found, where = failure(code, output) if code else json.loads(output.splitlines()[-1]), runtime(values)
    return findings.gpu(found, device=where.device, processes=where.processes, wants_gpu=needs.wants_gpu(values))


def of_git(head: tuple[int, str], status: tuple[int, str]) -> findings.Finding:
    """Of what `git rev-parse` and `git status` said."""
    paths = [line[3:] for line in status[1].splitlines()] if status[0] == 0 else None
    return findings.git(head[1].strip() if head[0] == 0 else None, paths)


def start(*command: str) -> subprocess.Popen | None:
    """A child, both streams in one; None where the program is not there."""
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return None


def end(child: subprocess.Popen | None) -> tuple[int, str]:
    """Exit status (negative: by which signal) and output of a child, which is ended if it hangs."""
    if child is None:
        return 127, "not found"
    try:
        output, _ = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait(), f"no answer in {SECONDS} s"
    return child.returncode, output


def failure(code: int, output: str) -> str:
    """How a child failed, in a few words."""
    last = (output.strip().splitlines() or ["no output"])[-1][:200]
    return f"signal {-code}: {last}" if code < 0 else last


def requirements(text: str) -> dict[str, str]:
    """Name -> version, of lines like `name==version`."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def existing(path: Path) -> Path:
    """The path, or the folder above it that is there."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            return True
    except OSError:
        return False


def links_that_work(cache: Path, workspace: Path) -> dict[str, bool]:
    """Which links can be made in the workspace to a file in the cache. Reflinks are left to DVC, which tries them."""
    works, beside = {}, {"dir": existing(workspace), "prefix": ".doctor-"}
    with tempfile.NamedTemporaryFile(dir=existing(cache)) as file, tempfile.TemporaryDirectory(**beside) as folder:
        for kind, make in (("hardlink", os.link), ("symlink", os.symlink)):
            try:
                make(file.name, Path(folder, kind))
                works[kind] = True
            except OSError:
                works[kind] = False
    return works


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    run_command(main)
