"""What the doctor finds on this machine, and on machines that lack something."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT, python
from tools import doctor


def test_this_machine():
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = python("-m", "tools.doctor", env=environment)
    assert done.returncode == 0 and done.stdout == ""
    for words in ("Python 3.* packages", "GPU", "commit ", "GB free in"):
        assert re.search(f"^ok .*{words}", done.stderr, re.MULTILINE), done.stderr


def test_every_error_is_printed_and_ends_the_doctor(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    values = {"device": "cpu", "processes": 1, "num_threads": 1, "num_workers": 0, "num_downloads": 1, "compile": False}
    with pytest.raises(ValueError, match="2 of 4 checks found what will stop the run"):
        doctor.main({"runtime": values})
    said = capsys.readouterr().err
    assert "error  git fails: " in said and "error  dvc fails: " in said and "ok     Python 3" in said


@pytest.mark.parametrize(
    ("device", "processes", "names", "found"),
    [
        ("auto", 2, [], "no GPU, the CPU computes"),
        ("cpu", 1, ["A"], "no GPU needed"),
        ("cuda:1", 1, ["A", "B"], "GPU B"),
        ("auto", 2, ["A", "B"], "GPU B"),
        ("cuda", 1, [], "GPU 0 (device cuda, processes 1), but torch finds 0"),
        ("cuda:1", 1, ["A"], "GPU 1 (device cuda:1, processes 1), but torch finds 1"),
        ("auto", 2, ["A"], "GPU 1 (device auto, processes 2), but torch finds 1"),
    ],
)
def test_as_many_gpus_as_runtime_asks_for(monkeypatch, device, processes, names, found):
    monkeypatch.setattr(doctor, "TORCH", "".join(f"print({name!r})\n" for name in names))
    line = doctor.result(lambda: doctor.check_gpus(device, processes))
    assert found in line and line.startswith("error" if "but" in found else "ok")


def test_a_library_that_aborts_or_a_driver_that_hangs(monkeypatch):
    monkeypatch.setattr(doctor, "TORCH", "import os; os.abort()")
    with pytest.raises(ValueError, match=r"torch fails \(exit status -6\): no output"):
        doctor.check_gpus("auto", 1)
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    with pytest.raises(ValueError, match=r"torch fails: .* timed out"):
        doctor.output("sleep", "60", what="torch")


def test_packages(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("PyYAML==0.1\n")
    assert re.search("1 packages; in another version: PyYAML .* instead of 0.1", doctor.check_packages(file))
    file.write_text("no-such-package==1\n")
    with pytest.raises(ValueError, match="package no-such-package is not installed"):
        doctor.check_packages(file)


def test_git_folders_and_disk(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"git fails .*not a git repository"):
        doctor.check_git()
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert "no commit yet" in doctor.check_git()
    monkeypatch.setattr(doctor, "output", lambda *command, what: f"{tmp_path / 'not/yet/there'}\n")
    assert "GB free in" in doctor.check_dvc() and os.listdir(tmp_path) == [".git"]
    monkeypatch.setattr(doctor, "FOLDERS", ("/proc",))
    with pytest.raises(ValueError, match="no file can be made in /proc: change"):
        doctor.check_dvc()
    monkeypatch.setattr(doctor, "FOLDERS", ())
    monkeypatch.setattr(doctor, "LEAST_FREE", 10**18)
    with pytest.raises(ValueError, match=r"MB free in .*: free 1000000000000 MB or more"):
        doctor.check_dvc()


def test_the_lock_holds_what_is_required_and_a_hash_of_every_file():
    text = (ROOT / "requirements.lock").read_text()
    required = doctor.pinned((ROOT / "requirements.txt").read_text())
    canonical = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in required.items()}
    assert canonical.items() <= doctor.pinned(text).items()
    assert required["torch"] and len(required) > 100
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:])
    assert "://" not in text
