"""`make published`: a DVC repository of its own inside the project's."""

import pytest
import yaml

from tests.download.local_server import serving
from tests.pipeline.conftest import Repository, initialised, ran
from tests.pretrained.miniature import keys, parameters, publish

pytestmark = [pytest.mark.pipeline, pytest.mark.long]
COPIED = ("published", "aml", "stages", "synthetic", "tools", "Makefile", ".gitignore")


@pytest.fixture
def project(tmp_path) -> Repository:
    repository = initialised(tmp_path / "project", *COPIED)
    repository.run("dvc", "init", "--quiet")
    return repository


def test_one_command_makes_the_tables_of_what_can_be_had_and_goes_on_later(project):
    values, web = parameters(teachers=["vgg16"], students=["mobilenet_v2"], places=[]), project.folder.parent / "web"
    publish(values, web)
    reports, lost = project.folder / "published/reports", web / "mobilenet_v2_gem_contr_512_whitening.pth"
    lost.rename(web / "lost")
    with serving(web) as server:
        values["checkpoints"]["places"] = [server.url]
        (project.folder / "published/params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        output = project.run("make", "published", ok=False)
        assert f"convert: {lost.name} could not be fetched" in output
        assert "dashes, for 2 networks: mobilenet_v2-vgg16-contr_pos, mobilenet_v2-512" in output
        assert sorted(path.stem for path in (reports / "metrics").iterdir()) == ["mobilenet_v2-vgg16-reg", "vgg16"]
        (web / "lost").rename(lost)
        output = project.run("make", "published")
    chain = [f"{stage}_student@mobilenet_v2-512" for stage in ("convert", "extract", "evaluate")]
    assert ran(output) == [*chain, "tables", "page"]
    assert sorted(path.stem for path in (reports / "metrics").iterdir()) == sorted(keys(values))
    assert (reports / "tables/comparison.tex").exists() and (reports / "claims.csv").exists()
    assert "Difference from the printed Table 8" in (reports / "index.html").read_text()
    output = project.run("make", "published")  # the server is gone
    assert ran(output) == [] and "Data and pipelines are up to date." in output
    assert "There are no data or pipelines tracked in this project yet." in project.dvc("status")  # not the outer one's
