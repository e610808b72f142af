"""`make published`: a DVC repository of its own inside the project's."""

import hashlib
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.download.local_server import serving
from tests.pipeline.conftest import SMALL, Repository, initialised, ran
from tests.pretrained import published_files as files

pytestmark = [pytest.mark.pipeline, pytest.mark.long]
COPIED = ("published", "aml", "stages", "synthetic", "tools", "Makefile", ".gitignore")
KEYS = ["mobilenet_v2-512", "mobilenet_v2-vgg16-reg", "vgg16"]  # of the published networks


@pytest.fixture
def project(tmp_path) -> Repository:
    repository = initialised(tmp_path / "project", *COPIED)
    repository.run("dvc", "init", "--quiet")
    return repository


def parameters() -> dict:
    """published/params.yaml with VGG16, MobileNetV2 and Reg alone, and drawn test sets."""
    values = yaml.safe_load((ROOT / "published/params.yaml").read_text())
    drawn = yaml.safe_load((ROOT / "params.yaml").read_text())["datasets"]
    for dataset, name in zip(values["grid"]["test_sets"], ("rsynth_a", "rsynth_b"), strict=True):
        small = drawn[name]["synthetic"] | {"image_size": 64} | SMALL["revisited"]
        values["datasets"][dataset] |= {"sources": None, "expected": None, "synthetic": small}
    values["grid"] |= {"teachers": ["vgg16"], "published_teachers": ["vgg16"], "students": ["mobilenet_v2"]}
    values["grid"] |= {"dimensions": [512], "losses": ["contr_pos", "reg"]}
    values["runtime"] |= {"device": "cpu", "num_workers": 0}
    values["extract"] |= {"image_size": 64, "batch_size": 32}
    values["checkpoints"]["losses"] = ["reg"]
    return values


def publish(values: dict, folder: Path) -> None:
    """Write the networks' files into `folder`; the teacher's gets the digits of its digest, in `values` too."""
    folder.mkdir()
    for key in KEYS:
        named = values["checkpoints"]["files"][key]
        if key == "vgg16":
            files.save_teacher(folder / "x", files.network(key), architecture=key, dimension=512)
            digits = hashlib.sha256((folder / "x").read_bytes()).hexdigest()[:7]
            named["checkpoint"] = f"{key}-{digits}.pth"
            (folder / "x").rename(folder / named["checkpoint"])
        else:
            student = files.network("mobilenet_v2", dimension=512)
            files.save_student(folder / named["checkpoint"], student, architecture="mobilenet_v2")


def test_one_command_makes_the_tables_of_what_can_be_had_and_goes_on_later(project):
    values, web = parameters(), project.folder.parent / "web"
    publish(values, web)
    reports, lost = project.folder / "published/reports", web / "mobilenet_v2_gem_contr_512_whitening.pth"
    lost.rename(web / "lost")
    with serving(web) as server:
        values["checkpoints"]["places"] = [server.url]
        (project.folder / "published/params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        output = project.run("make", "published", ok=False)
        assert f"convert: {lost.name} could not be fetched" in output
        assert "dashes, for 2 networks: mobilenet_v2-512, mobilenet_v2-vgg16-contr_pos" in output
        assert sorted(path.stem for path in (reports / "metrics").iterdir()) == KEYS[1:]
        (web / "lost").rename(lost)
        output = project.run("make", "published")
    chain = [f"{stage}_student@mobilenet_v2-512" for stage in ("convert", "extract", "evaluate")]
    assert ran(output) == [*chain, "tables", "page"]
    assert sorted(path.stem for path in (reports / "metrics").iterdir()) == KEYS
    assert (reports / "tables/comparison.tex").exists() and (reports / "claims.csv").exists()
    assert "contr_pos" in (reports / "tables/table5.tex").read_text().replace(r"\_", "_")
    assert "Difference from the printed Table 8" in (reports / "index.html").read_text()
    output = project.run("make", "published")  # the server is gone
    assert ran(output) == [] and "Data and pipelines are up to date." in output
    assert "There are no data or pipelines tracked in this project yet." in project.dvc("status")  # not the outer one's
