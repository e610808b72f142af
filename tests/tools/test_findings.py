"""What a doctor says of facts that are given to it, what it needs, and of this machine."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tools import doctor, findings, needs
from tools.findings import FATAL, GOOD, ODD

ROOT = Path(__file__).parents[2]
GB = 10**9


@pytest.fixture(scope="module")
def values() -> dict:
    return {
        name: yaml.safe_load((ROOT / name).read_text())
        for name in ("params.yaml", "params.paper.yaml", "published/params.yaml")
    }


def gpu(found, *, device="auto", processes=1, wants_gpu=False):
    facts = found if isinstance(found, str) else {"count": found, "names": [f"H{number}" for number in range(found)]}
    return findings.gpu(facts, device=device, processes=processes, wants_gpu=wants_gpu)


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (findings.python((3, 11)), GOOD, "Python 3.11"),
        (findings.python((3, 10)), FATAL, "use Python 3.11"),
        (findings.python((3, 12)), ODD, "use Python 3.11"),
        (findings.packages({"a": "1", "b": "2"}, {"a": "1", "b": "2+cpu"}), GOOD, "2 packages as in requirements.txt"),
        (
            findings.packages({"a": "1", "b": "2"}, {"a": "1", "b": "3"}),
            ODD,
            "1 packages have another version, b 3 for 2",
        ),
        (findings.packages({"a": "1", "b": "2"}, {"a": "1", "b": None}), FATAL, "1 packages are not installed, b"),
        (gpu(0), GOOD, "none needed"),
        (gpu(0, wants_gpu=True), ODD, "take long on a CPU: a machine with one"),
        (gpu(0, device="cuda"), FATAL, "runtime asks for GPU 0 (device cuda, processes 1), but torch finds 0: see"),
        (gpu(1, device="cuda:1"), FATAL, "runtime asks for GPU 1 (device cuda:1"),
        (gpu(1, processes=2), FATAL, "runtime asks for GPU 1 (device auto, processes 2), but torch finds 1"),
        (gpu(0, processes=2), GOOD, "none needed"),
        (gpu(2, device="cuda:1", wants_gpu=True), GOOD, "GPU H1"),
        (gpu(2, processes=2, wants_gpu=True), GOOD, "GPU H1"),
        (gpu(1, device="cpu", wants_gpu=True), ODD, "no GPU, and large sets"),
        (gpu("signal 6: aborted"), FATAL, "torch fails (signal 6: aborted)"),
        (findings.faiss(None), GOOD, "faiss searches"),
        (
            findings.faiss("signal 11: no output"),
            ODD,
            "(signal 11: no output): ranked lists alone use it, and NumPy where",
        ),
        (findings.disk(free=GB, used=GB, needed=2 * GB, place="x"), GOOD, "1.0 GB free in x, 1.0 in use, at least 2.0"),
        (findings.disk(free=GB, used=GB, needed=3 * GB, place="x"), FATAL, "another disk, or less: datasets."),
        (findings.dvc("not found"), FATAL, "dvc fails (not found)"),
        (findings.link(["hardlink", "symlink", "copy"], {"hardlink": True}), GOOD, "(hardlink)"),
        (findings.link(["hardlink", "symlink", "copy"], {"hardlink": False, "symlink": True}), GOOD, "(symlink)"),
        (findings.link(["hardlink", "symlink", "copy"], {}), ODD, "every output is there twice"),
        (findings.link(["copy", "hardlink"], {"hardlink": True}), ODD, "every output is there twice"),
        (findings.shared_memory(free=GB, needed=GB), GOOD, "1.0 GB of shared memory"),
        (findings.shared_memory(free=GB, needed=2 * GB), ODD, "--shm-size"),
        (findings.writable([]), GOOD, "files can be made"),
        (findings.writable(["data", "models"]), FATAL, "no file can be made in data, models: change their owner"),
        (findings.git(None, None), FATAL, "no git repository: DVC needs one"),
        (findings.git(None, ["a"]), ODD, "no commit yet: git add"),
        (findings.git("a" * 40, []), GOOD, "commit aaaaaaaaaaaa, nothing changed"),
        (
            findings.git("a" * 40, ["params.yaml"]),
            ODD,
            "1 paths differ from commit aaaaaaaaaaaa, params.yaml among them",
        ),
    ],
)
def test_each_finding_has_its_weight_and_says_what_to_do(finding, level, words):
    assert finding.level == level and words in str(finding) and str(finding).startswith(level)
    assert bool(finding.remedy) is (level != GOOD)


def test_needs_grow_with_what_is_asked_for(values):
    embedded, paper, published = values.values()
    assert needs.disk_bytes(embedded) == needs.LEAST_BYTES and not needs.wants_gpu(embedded)
    distractors = 1_001_001 * 21 * (512 + 2048) * 2  # README: 21 networks a teacher, 108 GB
    least = needs.LEAST_BYTES + needs.SFM_BYTES
    assert needs.disk_bytes(paper) == least + distractors and needs.wants_gpu(paper)
    assert needs.disk_bytes(published) == needs.LEAST_BYTES  # no training set, no distractors
    assert needs.wants_gpu(published)
    few = yaml.safe_load(yaml.safe_dump(paper))
    few["grid"]["seeds"] = [0, 1, 2]
    assert needs.disk_bytes(few) == least + 1_001_001 * (1 + 3 * 20) * (512 + 2048) * 2
    few["grid"]["seeds"] = [0]
    few["datasets"]["r1m"]["archives"] = 1
    assert needs.disk_bytes(few) == pytest.approx(least + distractors / 100, rel=1e-3)
    assert needs.shared_memory_bytes(paper, 8) == 8 * 2 * 8 * 3 * 1024**2
    assert needs.shared_memory_bytes(published, 0) == 0


def test_embedded_networks_test_a_set_of_one_s_own_on_a_cpu(values):
    embedded, paper, _ = values.values()
    own = yaml.safe_load(yaml.safe_dump(embedded))
    own["datasets"]["rsynth_a"] |= {"synthetic": None, "sources": paper["datasets"]["roxford5k"]["sources"]}
    own["datasets"]["rsynth_a"]["sources"][1]["file"] = "gnd_rsynth_a.pkl"
    assert needs.disk_bytes(own) == needs.LEAST_BYTES and not needs.wants_gpu(own)
    own["datasets"]["synthsfm"] |= {"synthetic": None, "sources": paper["datasets"]["sfm120k"]["sources"]}
    own["datasets"]["synthsfm"]["lists"] = paper["datasets"]["sfm120k"]["lists"]
    assert needs.wants_gpu(own)


def test_a_narrower_grid_needs_less(values):
    paper = yaml.safe_load(yaml.safe_dump(values["params.paper.yaml"]))
    paper["grid"] |= {"teachers": ["vgg16"], "dimensions": [], "losses": ["reg"]}
    least = needs.LEAST_BYTES + needs.SFM_BYTES
    assert needs.disk_bytes(paper) == least + 1_001_001 * (1 + 2) * 512 * 2  # the teacher, two students


def test_requirements_are_lines_of_name_and_version():
    found = doctor.requirements((ROOT / "requirements.txt").read_text())
    assert found["torch"] and found["PyYAML"] and len(found) > 100
    assert doctor.requirements("# a\na==1 \\\n    --hash=sha256:00\nb-c==2.0.post1\n") == {"a": "1", "b-c": "2.0.post1"}


def test_the_lock_holds_what_is_required_and_a_hash_of_every_file():
    text = (ROOT / "requirements.lock").read_text()
    locked = doctor.requirements(text)
    required = doctor.requirements((ROOT / "requirements.txt").read_text())
    assert {canonical(name): version for name, version in required.items()}.items() <= locked.items()
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:])
    assert "://" not in text


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_children_that_fail_abort_or_hang(monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    abort = doctor.start(sys.executable, "-c", "import os; os.abort()")
    hangs = doctor.start("sleep", "60")
    assert doctor.end(hangs)[1] == "no answer in 0.2 s"
    monkeypatch.setattr(doctor, "SECONDS", 60)
    assert doctor.failure(*doctor.end(abort)).startswith("signal 6: ")
    assert doctor.end(doctor.start("no-such-program-here")) == (127, "not found")
    assert doctor.failure(1, "Traceback\nImportError: libcudart\n") == "ImportError: libcudart"


def test_links_and_permissions_are_tried(tmp_path):
    (tmp_path / "cache").mkdir()
    assert doctor.links_that_work(tmp_path / "cache", tmp_path / "data") == {"hardlink": True, "symlink": True}
    assert doctor.can_write(tmp_path / "not/yet/there") and sorted(os.listdir(tmp_path)) == ["cache"]
    assert not doctor.can_write(Path("/proc"))
    assert doctor.size_of(tmp_path) == 0


def test_this_machine(monkeypatch):
    monkeypatch.chdir(ROOT)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "tools.doctor"], capture_output=True, text=True, env=environment)
    print(f"{time.monotonic() - started:.1f} s", done.stderr)
    assert done.returncode == 0 and done.stdout == ""
    for words in ("Python 3.11", "packages", "shared memory", "GB free in", "DVC", "commit ", "GPU", "faiss"):
        assert words in done.stderr
