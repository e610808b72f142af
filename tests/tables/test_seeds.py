"""Students of several seeds: one row of means and standard deviations."""

import copy
from itertools import product

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
from aml.tables.uncertainty import find_intervals
from tests import read_rows
from tests.pages.page_content import content
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
    latex = (tmp_path / "table6.tex").read_text()
    dash = r"--\phantom{{\tiny$\pm$0.0}}"
    assert r"Reg (7) & \checkmark &  &  & " + " & ".join([dash] * 8) + r" \\" in latex
    assert r"Not evaluated: mobilenet\_v2-vgg16-reg-1." in latex
    assert tables[2].notes[0] == f"Not evaluated: {', '.join(missing[1:] + missing[:1])}."
    assert [row.loss for row in tables[1].rows[:5] if row.bold] == ["contr_plus"]  # the best of the rest
    for row in tables[2].rows:
        dashes = row.key in (REG, "efficientnet_b3-2048")
        assert (set(row.values.values()) == {None}) is dashes
        assert (set(row.deviations.values()) == {None}) is (dashes or row.student in TEACHERS)


def test_intervals_are_those_of_the_mean_over_seeds(records, tmp_path):
    """All queries of a seed agree, so the seeds alone make the width: its draws are 27 means of three."""
    bootstrap = BootstrapSettings(seed=0, draws=4000, confidence=90.0)
    for loss in ("reg", "contr_plus"):
        keys = [f"mobilenet_v2-vgg16-{loss}-{seed}" for seed in FACTORS]
        write_queries(tmp_path / "q", records, keys, shifts=np.zeros(5))
    (tmp_path / "q/mobilenet_v2-vgg16-contr_plus-7.csv").unlink()
    scores = read_scores(tmp_path / "q", records, SETTINGS)
    lines = find_intervals(draw(scores, bootstrap), records, SETTINGS, bootstrap)
    assert {line.key for line in lines} == {REG} and len(lines) == 2 * 8
    for line in lines:
        of_seeds = scores_of(REG, line.protocol, line.set, line.level, "mAP")
        # of the 27 means, one that several draws give: sampling doesn't move it
        ends = np.percentile([np.mean(three) for three in product(of_seeds, repeat=3)], [5, 95])
        assert line.mAP == pytest.approx(np.mean(of_seeds)) and (line.low, line.high) == pytest.approx(ends, abs=0.02)


def test_the_page_has_deviations(tmp_path):
    tables = build_tables(SETTINGS, RECORDS)
    page = render_page(**content(tmp_path, tables=tables, differences=[]))
    deviations = [d for table in tables for row in table.rows for d in row.deviations.values() if d is not None]
    assert page.count("<small>±") == len(deviations) and f"<small>±{tenths(deviations[0])}</small>" in page
    assert page.count('class="pointed"') == len(tables)
