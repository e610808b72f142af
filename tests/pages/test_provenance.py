"""Commit, versions and stages of a page."""

import os
import subprocess
from datetime import UTC, datetime

import pytest

from aml.pages import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    return tmp_path


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_changes_of_results_are_none(repository, monkeypatch):
    assert provenance.commit() is None  # without a commit
    for name in ("aml/tables/a.py", "reports/tables/a.csv", "dvc.lock", "graph/train/dvc.lock", "published/reports/b"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("1")
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")
    head = git("rev-parse", "HEAD")
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
    assert before <= datetime.fromisoformat(made["when"]) <= datetime.now(UTC)
    assert made["machine"].endswith(f", {len(os.sched_getaffinity(0))} cores")


def test_versions_are_those_installed(monkeypatch):
    versions = provenance.installed()
    assert list(versions) == ["python", *provenance.MODULES] and versions["numpy"].count(".") == 2
    monkeypatch.setattr(provenance, "MODULES", ("no_such_module",))
    assert provenance.installed()["no_such_module"] == "not installed"
