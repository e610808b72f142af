import pytest

from aml.params.datasets import archive_names, dataset_settings, source_files
from aml.params.reading import read_parameters
from tests import ROOT

PAPER = read_parameters(ROOT / "params.paper.yaml")


def files(name, **changed):
    values = {"datasets": {name: PAPER["datasets"][name] | changed}}
    return source_files(dataset_settings(values, name), name)


def test_the_files_of_the_real_sets():
    assert list(files("sfm120k")) == ["ims.tar.gz", "retrieval-SfM-120k.pkl", "retrieval-SfM-120k-whiten.pkl"]
    assert list(files("rparis6k")) == ["paris_1-v1.tgz", "paris_2-v1.tgz", "gnd_rparis6k.pkl"]
    assert archive_names(files("rparis6k")) == ["paris_1-v1.tgz", "paris_2-v1.tgz"]
    for name in ("sfm120k", "roxford5k", "rparis6k", "r1m"):
        for file, places in files(name).items():
            assert [place.rpartition("/")[2] for place in places] == [file]


@pytest.mark.parametrize("archives", [1, 7, 100])
def test_numbers_are_written_out(archives):
    found = files("r1m", archives=archives)
    assert len(found) == archives + 1
    assert found[f"revisitop1m.{archives}.tar.gz"][0].endswith(f"/jpg/revisitop1m.{archives}.tar.gz")
    assert files("r1m", archives=0) == {}
