"""Commit, versions and stages of a page."""

import os
import subprocess
from datetime import UTC, datetime

import pytest
import yaml

from aml.pages import provenance
from aml.run_log import StageRun


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"user.name": "A", "user.email": "a@example.org"}
    subprocess.run(["git", "init", "--quiet"], check=True)
    for name, value in names.items():
        subprocess.run(["git", "config", name, value], check=True)
    return tmp_path


def commit(folder):
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "--message", "x"], cwd=folder, check=True)


def test_changes_of_results_are_none(repository, monkeypatch):
    assert provenance.commit() is None  # without a commit
    for name in ("aml/tables/a.py", "reports/tables/a.csv", "dvc.lock", "graph/train/dvc.lock", "published/reports/b"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("1")
    commit(repository)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    for name in ("reports/tables/a.csv", "reports/new", "dvc.lock", "graph/train/dvc.lock", "published/reports/b"):
        (repository / name).write_text("2")
    assert provenance.commit() == provenance.Commit(head, ())
    (repository / "aml/tables/a.py").write_text("2")
    (repository / "new.py").touch()
    monkeypatch.chdir(repository / "published")
    assert provenance.commit() == provenance.Commit(head, ("aml/tables/a.py", "new.py"))


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert provenance.commit() is None


def test_a_page_is_made_here_and_now():
    before = datetime.now(UTC).replace(microsecond=0)
    made = provenance.making()
    assert before <= datetime.fromisoformat(made.when) <= datetime.now(UTC)
    assert made.machine.endswith(f", {len(os.sched_getaffinity(0))} cores")


def test_versions_are_those_installed(monkeypatch):
    versions = provenance.installed()
    assert list(versions) == ["python", *provenance.MODULES] and versions["numpy"].count(".") == 2
    monkeypatch.setattr(provenance, "MODULES", ("no_such_module",))
    assert provenance.installed()["no_such_module"] == "not installed"


def test_stages_are_named_as_dvc_names_them(tmp_path):
    stages = {
        "weights": {"desc": "first"},
        "distill": {"desc": "second", "matrix": {"student": "${grid.students}", "loss": "${grid.losses}"}},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    values = {"grid": {"students": ["a", "b"], "losses": ["c"]}}
    runs = {name: StageRun(name, "", s, "A GPU", {"torch": "2"}) for name, s in (("distill@b-c", 2.0), ("old", 9.0))}
    weights, distill = provenance.families([tmp_path / "dvc.yaml"], values, runs)
    assert weights.cells == ("weights",) and weights.runs == () and weights.median is None and weights.seconds == 0
    assert distill.cells == ("distill@a-c", "distill@b-c") and distill.runs == (runs["distill@b-c"],)
    assert (distill.seconds, distill.median, distill.devices) == (2.0, 2.0, ["A GPU"])
    assert provenance.noted([weights, distill], "torch") == "2" and provenance.noted([distill], "dvc") == ""
