"""What is good, odd or fatal about a machine, from facts that someone else gathered; each finding says what to do."""

from typing import NamedTuple

GB = 10**9
FATAL, ODD, GOOD = "error", "warning", "ok"
PYTHON = (3, 11)  # for which requirements.txt pins its versions


class Finding(NamedTuple):
    """A sentence, and what to do about it ("" for what is good); FATAL is what makes the run fail."""

    level: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level:<7}  {self.what}" + (f": {self.remedy}" if self.remedy else "")


def python(version: tuple[int, int]) -> Finding:
    what = f"Python {version[0]}.{version[1]}"
    if version == PYTHON:
        return Finding(GOOD, what)
    remedy = "use Python 3.11 (`make PYTHON=python3.11 repro`, with .venv removed before)"
    return Finding(FATAL if version < PYTHON else ODD, what, remedy)


def packages(required: dict[str, str], installed: dict[str, str | None]) -> Finding:
    """Name -> version in requirements.txt, and here (None: not at all)."""
    again = "rm .venv/ready and `make`, or pip install --requirement requirements.txt"
    missing = [name for name in required if installed[name] is None]
    if missing:
        return Finding(FATAL, f"{len(missing)} packages are not installed, {missing[0]} among them", again)
    other = [name for name, version in required.items() if installed[name].partition("+")[0] != version]
    if other:
        first = f"{other[0]} {installed[other[0]]} for {required[other[0]]}"
        return Finding(ODD, f"{len(other)} packages have another version, {first} among them", again)
    return Finding(GOOD, f"{len(required)} packages as in requirements.txt")


def gpu(found: dict | str, *, device: str, processes: int, wants_gpu: bool) -> Finding:
    """found: what torch in a process of its own said of its GPUs, {"count", "names"}, or how that process failed.

    device, processes: of section `runtime`. wants_gpu: whether the run would take long without one.
    """
    if isinstance(found, str):
        return Finding(FATAL, f"torch fails ({found})", "reinstall it: rm -r .venv and `make`")
    count, last = found["count"], int(device.partition(":")[2] or processes - 1)
    if (device.startswith("cuda") or (device == "auto" and count)) and last >= count:
        what = f"runtime asks for GPU {last} (device {device}, processes {processes}), but torch finds {count}"
        return Finding(FATAL, what, "see what `nvidia-smi` says, or set runtime.device to auto or cpu")
    if device != "cpu" and count:
        return Finding(GOOD, f"GPU {found['names'][last]}")
    if wants_gpu:
        what = "no GPU, and large sets or backbones under grid, which take long on a CPU"
        return Finding(ODD, what, "a machine with one, or less under grid")
    return Finding(GOOD, "no GPU, and none needed")


def faiss(failure: str | None) -> Finding:
    """failure: how a tiny search in a process of its own ended, None where it found what it should."""
    if failure is None:
        return Finding(GOOD, "faiss searches")
    remedy = "ranked lists alone use it, and NumPy where it can't be imported; reinstall faiss-gpu"
    return Finding(ODD, f"faiss fails ({failure})", remedy)


def dvc(failure: str) -> Finding:
    return Finding(FATAL, f"dvc fails ({failure})", "run it in a clone of the project, with .venv/bin first in PATH")


def disk(*, free: int, used: int, needed: int, place: str) -> Finding:
    """Bytes; used: what earlier runs have put there already. needed: at least."""
    what = f"{free / GB:.1f} GB free in {place}, {used / GB:.1f} in use, at least {needed / GB:.1f} needed"
    if free + used >= needed:
        return Finding(GOOD, what)
    return Finding(FATAL, what, "another disk, or less: datasets.<distractors>.archives, names under grid")


def link(wanted: list[str], works: dict[str, bool]) -> Finding:
    """wanted: DVC's cache.type in its order; works: which kinds of link lead from the cache to the workspace."""
    first = next((kind for kind in wanted if kind == "copy" or works.get(kind)), "copy")
    if first == "copy":
        remedy = "every output is there twice; put cache and workspace on one disk (dvc cache dir)"
        return Finding(ODD, f"DVC's cache can't be linked from here ({', '.join(wanted)})", remedy)
    return Finding(GOOD, f"DVC links outputs to its cache ({first})")


def shared_memory(*, free: int, needed: int) -> Finding:
    """Bytes of /dev/shm, through which processes that decode hand over their batches."""
    what = f"{free / GB:.1f} GB of shared memory, up to {needed / GB:.1f} needed"
    if free >= needed:
        return Finding(GOOD, what)
    return Finding(ODD, what, "a larger /dev/shm (docker run --shm-size), or fewer runtime.num_workers; 0 needs none")


def writable(refused: list[str]) -> Finding:
    if refused:
        return Finding(FATAL, f"no file can be made in {', '.join(refused)}", "change their owner or mode")
    return Finding(GOOD, "files can be made where they belong")


def git(commit: str | None, changed: list[str] | None) -> Finding:
    """commit: of HEAD, None before the first; changed: paths that differ from it, None without a repository."""
    if changed is None:
        return Finding(FATAL, "no git repository", "DVC needs one: git clone, or git init")
    if commit is None:
        return Finding(ODD, "no commit yet", "git add and git commit, if results are to name the code that made them")
    if changed:
        what = f"{len(changed)} paths differ from commit {commit[:12]}, {changed[0]} among them"
        return Finding(ODD, what, "commit them, if results are to name the code that made them")
    return Finding(GOOD, f"commit {commit[:12]}, nothing changed")
