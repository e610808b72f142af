"""published/params.yaml and published/dvc.yaml: which networks, and the same stages as the main graph's; published
teachers in the main graph."""

import re

import pytest
import yaml

from aml.params.pretrained import network_files
from aml.params.reading import read_parameters
from aml.tables.printed_values import PRINTED
from aml.tables.settings import network_settings, table_settings
from stages import check
from tests import ROOT, read_rows, set_at, stages_of_the_graph

VALUES = read_parameters(ROOT / "published/params.yaml")
FILES = VALUES["checkpoints"]["files"]
MAIN = stages_of_the_graph()
PUBLISHED = yaml.safe_load((ROOT / "published/dvc.yaml").read_text())["stages"]


def test_every_printed_row_has_a_file_but_contr_without_negatives():
    settings = table_settings(VALUES)
    keys = {network.key for network in settings.without_teacher()}
    keys |= {network.key for network in settings.of_pairs(settings.losses)}
    assert len(keys) == 42 and len(FILES) == 34
    assert {key.rpartition("-")[2] for key in keys - set(FILES)} == {"contr_pos", "contr_pos_self"}
    assert set(FILES) <= keys and len({key.rpartition("-")[2] for key in FILES if key.count("-") == 2}) == 7
    assert set(VALUES["checkpoints"]["losses"]) == set(VALUES["grid"]["losses"]) - {"contr_pos", "contr_pos_self"}
    labels = {row["student"] for row in read_rows(PRINTED)}
    assert {network_settings(VALUES, name).label for name in VALUES["networks"]} == labels


def test_files_are_named_as_their_authors_did():
    for key in FILES:
        names, places = network_files(VALUES, key)
        assert len(places) == 2
        network, *of = key.split("-")
        if not of:
            assert names.checkpoint.startswith(f"retrievalSfM120k-{network}-gem-") and names.whitening is None
            continue
        loss = of[1] if len(of) == 2 else "contr"
        stem = f"{network}_gem_{'dark' if loss == 'dr' else loss}_{of[0]}"
        ending = ".pthaa.tar" if key == "efficientnet_b3-vgg16-reg" else ".pth.tar"
        assert (names.checkpoint, names.whitening) == (f"{stem}{ending}", f"{stem}_whitening.pth")


@pytest.mark.parametrize("name", [name for name in PUBLISHED if not name.startswith(("convert", "page"))])
def test_shared_stages_are_the_main_graph_s(name):
    """But for the losses that are published, seeds, the check, the learning of a whitening, which published networks
    own, the folder that the main graph's file starts from, and words."""
    ours, theirs = ({k: v for k, v in graph[name].items() if k not in ("desc", "wdir")} for graph in (PUBLISHED, MAIN))
    theirs["deps"] = [dep for dep in theirs["deps"] if dep != "data/checked.json"]
    if name.startswith("extract"):
        theirs["params"] = [param for param in theirs["params"] if param != "whitening"]
    theirs["cmd"] = theirs["cmd"].removesuffix(" --seed ${item.seed}")
    if "matrix" in theirs:
        theirs["matrix"] = {axis: names for axis, names in theirs["matrix"].items() if axis != "seed"}
    if name.endswith("_distilled"):
        theirs["matrix"] = theirs["matrix"] | {"loss": "${checkpoints.losses}"}
    assert ours == theirs


def test_code_and_configuration_are_the_project_s():
    for name in ("aml", "stages"):
        assert (ROOT / "published" / name).resolve() == ROOT / name
    for name in (".dvc/config", ".dvcignore"):
        assert (ROOT / "published" / name).read_text() == (ROOT / name).read_text()
    assert {name for name, dataset in VALUES["datasets"].items() if dataset["synthetic"]} == set()  # real images


def test_shared_numbers_are_the_paper_s():
    paper = read_parameters(ROOT / "params.paper.yaml")
    for name in ("extract", "comparison", "bootstrap"):
        assert VALUES[name] == paper[name]
    for family in ("datasets", "networks", "losses"):  # the paper's has further ones
        assert VALUES[family].items() <= paper[family].items()
    for name in ("teachers", "students", "dimensions", "losses"):
        assert VALUES["grid"][name] == paper["grid"][name]


def test_each_further_teacher_can_be_named_in_the_paper_s_setting(tmp_path):
    values = read_parameters(ROOT / "params.paper.yaml")
    further = [name for name, network in values["networks"].items() if "whitening" in network]
    assert len(further) == 6
    for name in further:
        values["grid"] |= {"teachers": [name], "published_teachers": [name], "dimensions": [2048]}
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values | {"teacher": name})
        backbone, _, data = name.split("_")
        data = {"sfm": "rSfM120k", "gl18": "gl18"}[data]
        file = network_files(values, name)[0].checkpoint
        assert re.fullmatch(rf"{data}-tl-{backbone}-gem-w-[0-9a-f]{{7}}\.pth", file)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("checkpoints.files", {}, r"no 'vgg16' in params\.yaml: checkpoints\.files"),
        ("networks.vgg16.backbone", "lite1", r"unknown 'lite1' in .*networks\.vgg16\.backbone, which is published"),
    ],
)
def test_the_check_knows_what_can_be_published(tmp_path, name, value, message):
    values = read_parameters(ROOT / "params.paper.yaml")
    values["grid"]["dimensions"] = []
    values["networks"]["vgg16"]["stages"] = 5
    with pytest.raises(ValueError, match=message):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", set_at(values, name, value))
