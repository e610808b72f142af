"""What `make` makes of the environment."""

import os
import shutil
import subprocess

from tests import ROOT


def test_its_python_is_found_where_path_lacks_it(tmp_path):
    """As `.venv/bin/dvc repro` starts a stage: in a shell of its own, `python` by name."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    environment = os.environ | {"PATH": os.defpath}
    options = {"cwd": tmp_path, "env": environment, "check": True, "text": True, "stdout": subprocess.PIPE}
    subprocess.run(["make", "PYTHON=python3", ".venv/ready"], **options)
    code = "import subprocess; print(subprocess.getoutput('command -v python'))"
    printed = subprocess.run([tmp_path / ".venv/bin/python", "-c", code], **options).stdout
    assert printed.strip() == str(tmp_path / ".venv/bin/python")
