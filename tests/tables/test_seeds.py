"""Students of several seeds: one row of means and standard deviations; and of one seed, what there was before."""

import copy
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from aml.pages.page import render as render_page
from aml.params.reports import BootstrapSettings
from aml.tables.bootstrap import draw, read_scores
from aml.tables.build import build_tables
from aml.tables.captions import BOLD
from aml.tables.csv_files import IDENTITY_COLUMNS, read_tables, write_tables
from aml.tables.latex import render
from aml.tables.model import tenths
from aml.tables.records import mean, over_seeds
from aml.tables.uncertainty import find_differences, find_intervals
from tests import read_rows
from tests.pages.page_content import content
from tests.stages.test_tables_stage import paper, run
from tests.tables.paper_records import paper_settings, printed_records, with_seeds, write_queries

FACTORS = {0: 1.0, 1: 0.97, 7: 0.9}
SETTINGS = paper_settings(seeds=tuple(FACTORS))
RECORDS = with_seeds(printed_records(), FACTORS)
REG = "mobilenet_v2-vgg16-reg"
TEACHERS = {"VGG16", "ResNet101"}


@pytest.fixture
def records():
    return copy.deepcopy(RECORDS)


def scores_of(key: str, protocol: str, name: str, level: str, metric: str) -> list[float]:
    return [RECORDS[f"{key}-{seed}"][protocol][name][level][metric] for seed in FACTORS]


def test_one_seed_gives_the_bytes_of_none(tmp_path):
    plain = printed_records()
    for name, records, seeds in (("none", plain, None), ("one", with_seeds(plain, {7: 1.0}), [7])):
        values = paper()
        values["grid"]["seeds"] = seeds
        (tmp_path / name).mkdir()
        queried = [key for key in records if {"reg", "contr_plus"} & set(key.split("-")) or key == "vgg16"]
        write_queries(tmp_path / name / "queries", records, queried)
        run(tmp_path / name, records, values)
    none, one = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in [*folder.glob("tables/*"), folder / "claims.csv"]
            if path.name != "tables.json"  # its lines on whitening name each seed
        }
        for folder in (tmp_path / "none", tmp_path / "one")
    )
    assert one == none and len(none) == 18 and b"pm" not in none[Path("tables/table7.tex")]
    assert none[Path("tables/differences.csv")].count(b"\n") == 1 + 4 * 2 * 4  # pairs, protocols, columns


def test_cells_are_numpy_s_mean_and_standard_deviation(records, tmp_path):
    tables = build_tables(SETTINGS, records)
    write_tables(tables, tmp_path)
    for table in tables:
        lines = read_rows(tmp_path / f"table{table.number}.csv")
        assert list(lines[0]) == [*IDENTITY_COLUMNS, *table.columns, *(f"{column}_sd" for column in table.columns)]
        for row, line in zip(table.rows, lines, strict=True):
            for column in table.columns:
                name, level, metric = column.rsplit("_", 2)
                name = f"{name}+r1m" if table.distractors else name
                protocol = table.protocol if row.teacher else "symmetric"
                value, deviation = row.values[column], row.deviations[column]
                if row.student in TEACHERS:
                    assert deviation is None and line[f"{column}_sd"] == ""
                    continue
                scores = scores_of(row.key, protocol, name, level, metric)
                assert (value, deviation) == pytest.approx((np.mean(scores), np.std(scores, ddof=1)))
                assert (line[column], line[f"{column}_sd"]) == (str(tenths(value)), str(tenths(deviation)))
        (again,) = read_tables(tmp_path / f"table{table.number}.csv")
        assert again.columns == table.columns
        assert "Students: mean and standard deviation over seeds 0, 1, 7." in table.caption
        assert table.caption.index("standard deviation") < table.caption.index(BOLD)
    assert not any("seed" in t.caption for t in build_tables(paper_settings(seeds=(7,)), {}))
    row = next(row for row in tables[3].rows if row.key == REG)
    value, deviation = (tenths(of_row["roxford5k_hard_mAP"]) for of_row in (row.values, row.deviations))
    assert rf"\textbf{{{value}}}{{\tiny$\pm${deviation}}} & " in render(tables[3], "tab:8")


def test_halves_of_means_go_up_and_bold_goes_by_the_means(records):
    """The mean of the first three is 26.849999999999998 in binary. Contr+ is best of its pair; by one seed, Reg is."""
    scores = [("symmetric", "reg", (14.94, 13.18, 52.43)), ("asymmetric", "reg", (90.0, 20.0, 20.0))]
    scores += [("asymmetric", "contr_plus", (50.0, 50.0, 50.0)), ("asymmetric", "contr", (1.0, 1.0, 1.0))]
    for protocol, loss, values in scores:
        for seed, value in zip(FACTORS, values, strict=True):
            records[f"mobilenet_v2-vgg16-{loss}-{seed}"][protocol]["roxford5k"]["medium"]["mAP"] = value
    tables, column = build_tables(SETTINGS, records), "roxford5k_medium_mAP"
    rounded = {26.85: "26.9", 57.25: "57.3", 0.15: "0.2", 0.05: "0.1", 0.04: "0.0", 99.95: "100.0", 3: "3.0"}
    assert {value: str(tenths(value)) for value in rounded} == rounded
    assert [row.values[column] for row in tables[2].rows if row.key == REG] == [26.85]
    rows = [row for row in tables[1].rows if row.pair == "MobileNetV2 by VGG16"]
    assert [row.loss for row in rows if column in row.bold] == ["contr_plus"]


def test_without_one_seed_s_record_a_row_is_dashes(records, tmp_path):
    missing = [f"{REG}-1", "efficientnet_b3-2048-0", "efficientnet_b3-2048-7"]
    for key in missing:
        del records[key]
    tables = build_tables(SETTINGS, records)
    write_tables(tables, tmp_path)
    line = (tmp_path / "table6.csv").read_text().splitlines()[5]
    assert line == "6,asymmetric,,MobileNetV2,512,VGG16,0,reg,1,0,0,,1" + "," * 16
    (again,) = read_tables(tmp_path / "table6.csv")
    assert set(again.rows[4].values.values()) == {None}
    dash = r"--\phantom{{\tiny$\pm$0.0}}"
    latex = (tmp_path / "table6.tex").read_text()
    assert r"Reg (7) & \checkmark &  &  & " + " & ".join([dash] * 8) + r" \\" in latex
    assert r"Not evaluated: mobilenet\_v2-vgg16-reg-1." in latex
    assert tables[2].notes[0] == f"Not evaluated: {', '.join(missing[1:] + missing[:1])}."
    assert [row.loss for row in tables[1].rows[:5] if row.bold] == ["contr_plus"]  # the best of the rest
    for row in tables[2].rows:
        dashes = row.key in (REG, "efficientnet_b3-2048")
        assert (set(row.values.values()) == {None}) is dashes
        assert (set(row.deviations.values()) == {None}) is (dashes or row.student in TEACHERS)


def test_a_record_of_another_seed_is_refused(records):
    records[f"{REG}-0"]["network"]["seed"] = 1
    with pytest.raises(ValueError, match=f"record '{REG}-0': network.seed is 1; accepted: 0"):
        build_tables(SETTINGS, records)
    records[f"{REG}-0"]["network"]["seed"] = 0
    del records[f"{REG}-0"]["asymmetric"]["rparis6k"]["hard"]
    with pytest.raises(ValueError, match=f"'{REG}-0' lacks asymmetric.rparis6k.hard; it has: medium"):
        build_tables(SETTINGS, records)


def test_intervals_are_over_seeds_too(records, tmp_path):
    """All queries of a seed agree, so the seeds alone make the width: its draws are 27 means of three."""
    bootstrap = BootstrapSettings(seed=0, draws=4000, confidence=90.0)
    for loss in ("reg", "contr_plus"):
        keys = [f"mobilenet_v2-vgg16-{loss}-{seed}" for seed in FACTORS]
        write_queries(tmp_path / "q", records, keys, shifts=np.zeros(5))
    scores, means = read_scores(tmp_path / "q", records, SETTINGS), over_seeds(records, SETTINGS.networks(), mean)
    draws = draw(scores, bootstrap)
    lines = find_intervals(draws, means, bootstrap)
    assert {line.key for line in lines} == {REG, "mobilenet_v2-vgg16-contr_plus"} and len(lines) == 2 * 2 * 8

    def interval(values: np.ndarray) -> list[float]:
        """5 % and 95 % of the 27 means are a mean that several draws give, so sampling doesn't move them."""
        return pytest.approx(np.percentile([np.mean(three) for three in product(values, repeat=3)], [5, 95]), abs=0.02)

    for line in lines:
        of_seeds = np.array(scores_of(line.key, line.protocol, line.set, line.level, "mAP"))
        assert line.mAP == pytest.approx(of_seeds.mean()) and [line.low, line.high] == interval(of_seeds)
    for line in find_differences(scores, draws, SETTINGS, bootstrap):
        place = line.protocol, line.set, line.level, "mAP"
        first, second = (np.array(scores_of(f"{line.pair}-{loss}", *place)) for loss in (line.first, line.second))
        assert [line.low, line.high] == interval(first - second)
    (tmp_path / f"q/{REG}-7.csv").unlink()
    scores = read_scores(tmp_path / "q", records, SETTINGS)
    assert {key for answers in scores.values() for key in answers.scores} == {"mobilenet_v2-vgg16-contr_plus", "chance"}


def test_the_page_has_deviations(tmp_path):
    tables = build_tables(SETTINGS, RECORDS)
    page = render_page(content(tmp_path, tables=tables, differences=[]))
    deviations = [d for table in tables for row in table.rows for d in row.deviations.values() if d is not None]
    assert page.count("<small>±") == len(deviations) and f"<small>±{tenths(deviations[0])}</small>" in page
    assert page.count('class="pointed"') == len(tables)
