"""Several DVC commands at a time in one repository."""

import subprocess
import sys
import time

import pytest

from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline


def test_a_second_run_says_who_is_before_it_and_readers_read_on(repository):
    stage = f"graph/distill/dvc.yaml:distill@{cells(repository)[3]}"
    expected, metrics = repository.outputs(stage), repository.dvc("metrics", "show", "--json")
    path = repository.folder / "aml/losses/reg.py"
    path.write_text(path.read_text() + "\nEDITED = 1\n")
    first = subprocess.Popen(
        ["dvc", "--wait-for-lock", "repro"],
        cwd=repository.folder,
        env=repository.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    printed = iter(first.stdout)
    assert any(f"Running stage '{stage}'" in line for line in printed)  # it trains
    second = repository.dvc("--wait-for-lock", "repro", ok=False)
    assert "is busy, it is being blocked by" in second and f"(PID {first.pid})" in second and ran(second) == []
    assert repository.dvc("metrics", "show", "--json") == metrics
    paths = "reports/metrics", "data/queries", "read/tables", "read/claims.csv"
    repository.run(sys.executable, "-m", "stages.tables", *paths)
    assert first.wait(900) == 0
    assert repository.outputs(stage) == expected
    read, written = (repository.folder / folder / "claims.csv" for folder in ("read", "reports"))
    assert read.read_bytes() == written.read_bytes()


@pytest.mark.long
def test_two_experiments_side_by_side_give_what_each_gives_alone(repository, tmp_path):
    cell = cells(repository)[2]
    margins, alone = ("0.5", "0.9"), repository.copy(tmp_path / "alone")
    expected = []
    for margin in margins:
        alone.dvc("exp", "run", "-S", f"losses.contr_plus.margin={margin}")
        expected.append(alone.json(f"reports/metrics/{cell}.json"))
    repository.dvc("exp", "run", "--queue", "-S", f"losses.contr_plus.margin={','.join(margins)}")
    repository.dvc("queue", "start", "-j", "2")
    deadline = time.monotonic() + 900
    try:
        while repository.dvc("queue", "status").count("Success") < 2:
            assert time.monotonic() < deadline, repository.dvc("queue", "status")
            time.sleep(1)
    finally:
        repository.dvc("queue", "stop", "--kill")
    found = []
    for row in repository.experiments():
        if row["Experiment"]:
            repository.dvc("exp", "apply", row["Experiment"])
            found.append(repository.json(f"reports/metrics/{cell}.json"))
    assert len(found) == 2 and all(record in expected for record in found) and found[0] != found[1]
