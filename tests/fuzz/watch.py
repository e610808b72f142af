"""Whether a reader does what no reader may: run code, start programs, open connections, write outside its folder."""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path

RUNS = (
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.kill", "subprocess.Popen",
    "socket.connect", "socket.getaddrinfo", "urllib.Request", "pickle.find_class", "ctypes.dlopen",
)  # fmt: skip
WRITES = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate",
    "shutil.rmtree",
)  # fmt: skip
EXTRA_MEMORY = 1 << 30
LONGEST_S = 60  # on a busy machine too; most inputs take a millisecond

_folder, _seen = None, []


def _note(event: str, arguments: tuple) -> None:
    if _folder is None:
        return
    writes = event in WRITES and not isinstance(arguments[0], int)  # a descriptor: its opening was seen
    if event == "open":
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and "__pycache__" not in str(arguments[0])
    if event in RUNS or (writes and not str(arguments[0]).startswith(_folder)):
        _seen.append((event, arguments))


sys.addaudithook(_note)  # for good: a hook cannot be taken back


def ends_well(read, folder: Path, *, accepted=(ValueError, OSError)):
    """What `read()` gives, or None for one of our errors. Any other exception passes on, MemoryError for want of much
    memory among them; whatever runs, writes outside `folder` or has no end is an AssertionError."""
    global _folder
    _folder = str(folder)
    _seen.clear()
    before = signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(LONGEST_S)
    try:
        with limited_memory():  # for each input: Hypothesis's own memory of ten thousand takes a gigabyte, too
            return read()
    except accepted as error:
        assert str(error)
        return None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _folder = None
        assert not _seen


def _too_late(*_) -> None:
    raise AssertionError(f"no end in sight after {LONGEST_S} s")


@contextlib.contextmanager
def limited_memory():
    """A process that may grow by a gigabyte: what asks for more ends in a MemoryError, which no reader may give."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + EXTRA_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
