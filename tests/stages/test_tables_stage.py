"""The stage `tables`: what it writes, when it compares, when it fails."""

import csv
from pathlib import Path

import pytest
import yaml

from aml.files.atomic import write_json
from aml.tables.claims import CLAIM_COLUMNS
from stages import tables
from tests import ROOT
from tests.tables.paper_records import LOSSES, printed_records, with_losses, write_queries

TEACHERS = {"vgg16": "VGG16", "resnet101": "ResNet101"}
STUDENTS = {"mobilenet_v2": "MobileNetV2", "efficientnet_b3": "EfficientNet-B3"}


def paper(*, source="published", printed=True, synthetic=False) -> dict:
    """The committed parameters in the paper's names; `synthetic` draws the first test set."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    test_set = next(dataset for dataset in values["datasets"].values() if dataset["layout"] == "revisited")
    archives = [{"file": "images.tgz", "places": ["/nowhere"]}]

    def real(name):
        truth = {"file": f"gnd_{name}.pkl", "places": ["/nowhere"]}
        return test_set | {"synthetic": None, "sources": [*archives, truth]}

    values["datasets"] = {
        "roxford5k": test_set if synthetic else real("roxford5k"),
        "rparis6k": real("rparis6k"),
    }
    values["grid"] |= {"datasets": ["roxford5k", "rparis6k"], "test_sets": ["roxford5k", "rparis6k"]}
    values["grid"] |= {"train_set": None, "distractors": None, "teachers": list(TEACHERS), "dimensions": [512, 2048]}
    values["grid"] |= {"students": list(STUDENTS), "losses": [loss.key for loss in LOSSES], "seeds": None}
    values["networks"] = yaml.safe_load((ROOT / "params.paper.yaml").read_text())["networks"]
    lists = {"train": [], "published": []} | {source: list(TEACHERS)}
    values["grid"] |= {"trained_teachers": lists["train"], "published_teachers": lists["published"]}
    values["comparison"] = {"printed": printed, "tolerance": 0.2}
    return values


def run(folder: Path, records: dict, values: dict) -> None:
    metrics = folder / "metrics"
    metrics.mkdir()
    for key, record in records.items():
        write_json(metrics / f"{key}.json", record)
    tables.main(metrics, folder / "queries", folder / "tables", folder / "claims.csv", values)


def rows(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def off(records: dict) -> dict:
    records["vgg16"]["symmetric"]["roxford5k"]["medium"]["mAP"] = 61.4
    return records


def test_everything_is_written_where_published_teachers_score_as_printed(tmp_path, capsys):
    run(tmp_path, printed_records(), paper())
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    numbered = {f"table{number}.{ending}" for number in range(5, 11) for ending in ("csv", "tex")}
    others = {*("tables.tex", "tables.json", "comparison.csv", "comparison.tex", "intervals.csv", "differences.csv")}
    assert names == numbered | others
    assert {row["difference"] for row in rows(tmp_path / "tables/comparison.csv")} == {"0.0"}
    assert "8 of 8 mAP are within 0.2 points" in capsys.readouterr().err
    assert "8 of 8 mAP" in (tmp_path / "tables/table7.tex").read_text()


def test_claims_are_counted_on_ours_and_on_the_printed_tables(tmp_path):
    records = printed_records()
    for level in records["mobilenet_v2-vgg16-reg"]["asymmetric"]["roxford5k"].values():
        level["mAP"] = 0.0
    del records["efficientnet_b3-vgg16-reg"]
    run(tmp_path, records, paper())
    claims = {row["claim"]: row for row in rows(tmp_path / "claims.csv")}
    assert len(claims) == 18 and tuple(claims["c1"]) == CLAIM_COLUMNS
    counts = {name: value for name, value in claims["c1"].items() if name not in ("claim", "sentence")}
    assert counts == {
        **{"ours_holding": "2", "ours_total": "3", "ours_left_out": "1", "ours_failing": "MobileNetV2 by VGG16"},
        **{"holds": "", "fails": "", "cannot_be_told": ""},  # no queries, no draws
        **{"printed_holding": "4", "printed_total": "4", "printed_left_out": "0", "printed_failing": ""},
    }


def test_a_claim_on_losses_beyond_the_paper_counts_nothing_on_the_printed_tables(tmp_path):
    values = paper()
    values["grid"]["losses"].append("csd")
    run(tmp_path, with_losses(printed_records(), {"csd": "reg"}), values)
    *_, claim = rows(tmp_path / "claims.csv")
    assert [claim[name] for name in ("claim", "ours_holding", "ours_total")] == ["m", "4", "4"]
    assert [claim[name] for name in CLAIM_COLUMNS if name.startswith("printed")] == ["0", "0", "0", ""]
    assert (tmp_path / "tables/table12.csv").exists()


def test_a_published_teacher_that_is_off_fails_when_all_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"off by more than 0\.2 points: VGG16, roxford5k_medium_mAP \+0\.5\. The tab"):
        run(tmp_path, off(printed_records()), paper())
    assert "7 of 8 mAP" in (tmp_path / "tables/table7.tex").read_text()
    assert (tmp_path / "tables/comparison.csv").exists() and (tmp_path / "claims.csv").exists()


@pytest.mark.parametrize("values", [paper(source="train"), paper(synthetic=True)], ids=["trained here", "drawn here"])
def test_other_teachers_and_other_images_may_score_as_they_do(tmp_path, values):
    run(tmp_path, off(printed_records()), values)
    assert "Published teachers" not in (tmp_path / "tables/table7.tex").read_text()


def test_queries_give_intervals_and_must_be_the_record_s(tmp_path):
    records = printed_records()
    write_queries(tmp_path / "queries", records, ["vgg16", "mobilenet_v2-vgg16-reg", "mobilenet_v2-vgg16-contr_plus"])
    run(tmp_path, records, paper())
    assert len(rows(tmp_path / "tables/intervals.csv")) == (1 + 2 * 2) * 4  # protocols and columns; no distractors
    assert len(rows(tmp_path / "tables/differences.csv")) == 2 * 4
    claims = {row["claim"]: row for row in rows(tmp_path / "claims.csv")}
    assert not claims["h"]["holds"] and claims["h"]["cannot_be_told"].count(" by ") == 4  # rkd has no queries
    assert "A dagger marks mAP within noise" in (tmp_path / "tables/table7.tex").read_text()
    written = {path: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    (tmp_path / "metrics").rename(tmp_path / "before")
    with pytest.raises(ValueError, match=r"vgg16\.csv has AP of mean 60\.90 in symmetric\.roxford5k\.medium; accepted"):
        run(tmp_path, off(records), paper())
    assert {path: path.read_bytes() for path in (tmp_path / "tables").iterdir()} == written


def test_claims_are_judged_beyond_noise_where_all_queries_are_there(tmp_path):
    """All queries and seeds agree, so what the printed values say is beyond noise, in the mean of columns."""
    records = printed_records()
    write_queries(tmp_path / "queries", records, records, shifts=[0.0] * 5)
    run(tmp_path, records, paper())
    claims = {row["claim"]: row for row in rows(tmp_path / "claims.csv")}
    for claim in ("c1", "c2", "h"):
        assert (claims[claim]["holds"].count(" by "), claims[claim]["cannot_be_told"]) == (4, "")
    assert claims["a1"]["fails"] == "MobileNetV2 by VGG16; EfficientNet-B3 by VGG16"


def test_the_comparison_is_written_on_demand_only(tmp_path):
    run(tmp_path, printed_records(), paper(printed=False))
    assert not list((tmp_path / "tables").glob("comparison*"))


def test_tables_that_share_no_cell_with_the_printed_ones_are_not_compared(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["comparison"]["printed"] = True
    with pytest.raises(
        ValueError, match=r"no score of the tables is in the supplement; accepted with comparison.printed"
    ):
        run(tmp_path, {}, values)
