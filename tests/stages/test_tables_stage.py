"""The stage `tables`: what it writes, when it compares, when it fails."""

from pathlib import Path

import pytest
import yaml

from aml.files.atomic import write_json
from stages import tables
from tests import ROOT, contents, read_rows
from tests.tables.paper_records import SETS, paper_parameters, printed_records, with_losses, write_queries


def paper(*, published: bool = True, synthetic: bool = False) -> dict:
    """The paper's parameters without training set, distractors and seeds, its teachers published or trained here;
    `synthetic` draws the first test set."""
    values = paper_parameters(datasets=[*SETS], train_set=None, distractors=None, seeds=None)
    if published:
        values["grid"] |= {"trained_teachers": [], "published_teachers": values["grid"]["teachers"]}
    if synthetic:
        drawn = yaml.safe_load((ROOT / "params.yaml").read_text())["datasets"]["rsynth_a"]
        values["datasets"]["roxford5k"] = drawn
    return values


def run(folder: Path, records: dict, values: dict) -> None:
    metrics = folder / "metrics"
    metrics.mkdir()
    for key, record in records.items():
        write_json(metrics / f"{key}.json", record)
    tables.main(metrics, folder / "queries", folder / "tables", folder / "claims.csv", values)


def off(records: dict) -> dict:
    records["vgg16"]["symmetric"]["roxford5k"]["medium"]["mAP"] = 61.4
    return records


def test_everything_is_written_where_published_teachers_score_as_printed(tmp_path, capsys):
    """All queries and seeds agree, so what claims say of the printed values is beyond noise, in the mean of columns."""
    records = printed_records()
    write_queries(tmp_path / "queries", records, records, shifts=[0.0] * 5)
    run(tmp_path, records, paper())
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    numbered = {f"table{number}.{ending}" for number in range(5, 11) for ending in ("csv", "tex")}
    others = {*("tables.tex", "tables.json", "comparison.csv", "comparison.tex", "intervals.csv", "differences.csv")}
    assert names == numbered | others
    assert {row["difference"] for row in read_rows(tmp_path / "tables/comparison.csv")} == {"0.0"}
    assert "8 of 8 mAP are within 0.2 points" in capsys.readouterr().err
    assert "8 of 8 mAP" in (tmp_path / "tables/table7.tex").read_text()
    claims = {row["claim"]: row for row in read_rows(tmp_path / "claims.csv")}
    assert len(claims) == 18 and "m" not in claims  # there are no losses beyond the paper
    for claim in ("c1", "c2", "h"):
        assert (claims[claim]["holds"].count(" by "), claims[claim]["cannot_be_told"]) == (4, "")
    assert claims["a1"]["fails"] == "MobileNetV2 by VGG16; EfficientNet-B3 by VGG16"


def test_claims_are_counted_on_ours_and_on_the_printed_tables(tmp_path):
    """A claim on losses beyond the paper counts nothing on the printed tables. There are no queries, so no draws."""
    records, values = printed_records(), paper()
    values["comparison"]["printed"] = False
    for level in records["mobilenet_v2-vgg16-reg"]["asymmetric"]["roxford5k"].values():
        level["mAP"] = 0.0
    del records["efficientnet_b3-vgg16-reg"]
    values["grid"]["losses"].append("csd")
    run(tmp_path, with_losses(records, {"csd": "reg"}), values)
    claims = {row["claim"]: [*row.values()] for row in read_rows(tmp_path / "claims.csv")}
    ours, untold = ["2", "3", "1", "MobileNetV2 by VGG16"], ["", "", ""]
    assert len(claims) == 19 and claims["c1"][2:] == [*ours, *untold, "4", "4", "0", ""]
    assert claims["m"][2:] == [*ours, *untold, "0", "0", "0", ""]
    assert (tmp_path / "tables/table12.csv").exists() and not list((tmp_path / "tables").glob("comparison*"))


def test_a_published_teacher_that_is_off_fails_when_all_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"off by more than 0\.2 points: VGG16, roxford5k_medium_mAP \+0\.5\. The tab"):
        run(tmp_path, off(printed_records()), paper())
    assert "7 of 8 mAP" in (tmp_path / "tables/table7.tex").read_text()
    assert (tmp_path / "tables/comparison.csv").exists() and (tmp_path / "claims.csv").exists()


@pytest.mark.parametrize("values", [paper(published=False), paper(synthetic=True)], ids=["trained here", "drawn here"])
def test_other_teachers_and_other_images_may_score_as_they_do(tmp_path, values):
    run(tmp_path, off(printed_records()), values)
    assert "Published teachers" not in (tmp_path / "tables/table7.tex").read_text()


def test_queries_must_be_those_of_the_record(tmp_path):
    records = printed_records()
    write_queries(tmp_path / "queries", records, ["vgg16"])
    run(tmp_path, records, paper())
    written = contents(tmp_path / "tables")
    (tmp_path / "metrics").rename(tmp_path / "before")
    with pytest.raises(ValueError, match=r"vgg16\.csv has AP of mean 60\.90 in symmetric\.roxford5k\.medium; accepted"):
        run(tmp_path, off(records), paper())
    assert contents(tmp_path / "tables") == written


def test_tables_that_share_no_cell_with_the_printed_ones_are_not_compared(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["comparison"]["printed"] = True
    with pytest.raises(
        ValueError, match=r"no score of the tables is in the supplement; accepted with comparison.printed"
    ):
        run(tmp_path, {}, values)
