"""Commit, versions and stages of a page."""

import os
import subprocess
from datetime import UTC, datetime

from aml.pages import provenance


def test_changes_of_results_are_none(tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        return subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert provenance.commit() is None  # without git
    git("init", "--quiet")
    assert provenance.commit() is None  # without a commit
    for name in ("aml/tables/a.py", "reports/tables/a.csv", "dvc.lock", "graph/train/dvc.lock", "published/reports/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")
    head = git("rev-parse", "HEAD")
    for name in ("reports/tables/a.csv", "reports/new", "dvc.lock", "graph/train/dvc.lock", "published/reports/b"):
        (tmp_path / name).write_text("2")
    assert provenance.commit() == {"name": head, "changed": []}
    (tmp_path / "aml/tables/a.py").write_text("2")
    (tmp_path / "new.py").touch()
    monkeypatch.chdir(tmp_path / "published")
    assert provenance.commit() == {"name": head, "changed": ["aml/tables/a.py", "new.py"]}


def test_a_page_is_made_here_and_now_by_what_is_installed(monkeypatch):
    before = datetime.now(UTC).replace(microsecond=0)
    made = provenance.making()
    assert before <= datetime.fromisoformat(made["when"]) <= datetime.now(UTC)
    assert made["machine"].endswith(f", {len(os.sched_getaffinity(0))} cores")
    versions = provenance.installed()
    assert list(versions) == ["python", *provenance.MODULES] and versions["numpy"].count(".") == 2
    monkeypatch.setattr(provenance, "MODULES", ("no_such_module",))
    assert provenance.installed()["no_such_module"] == "not installed"
