"""What descriptors do on a disk that is too small for them: a file system of 64 KiB, in a namespace of its own."""

import subprocess
import sys

import pytest

from tests import ROOT

MOUNTED = (
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=64k tmpfs "$0"; exec "$@"',
)
ARRAY = """
import numpy as np
from aml.files.descriptors import write_descriptors
from aml.files.atomic import replacing_folder
with replacing_folder("{disk}/x") as folder:
    rows = np.eye(64, 512, dtype=np.float32)
    write_descriptors(folder, "a", [(range(64), rows)], shape=(64, 512), digest="", dtype="float32", whitened=False)
"""


def test_a_full_disk_is_an_error_that_says_what_is_needed(tmp_path):
    if subprocess.run([*MOUNTED, str(tmp_path), "true"], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    command = [*MOUNTED, str(tmp_path), sys.executable, "-c", ARRAY.format(disk=tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    last = done.stderr.rstrip().rpartition("\n")[2]
    assert f"OSError: [Errno 28] No space left on device: {131072 + 128:,} bytes needed" in last
    assert done.returncode == 1 and last.endswith(f"free: '{tmp_path}/.x.tmp'")
