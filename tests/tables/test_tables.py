import functools

import pytest

from aml.params.reports import Loss
from aml.tables.build import build_tables
from aml.tables.claims import check_claims
from aml.tables.csv_files import read_tables, write_tables
from aml.tables.printed_values import PRINTED
from aml.tables.records import read_records
from tests.tables.paper_records import LOSSES, SUCCESSORS, paper_settings, with_expansions, with_losses

REG = "mobilenet_v2-vgg16-reg"


def test_every_printed_cell_comes_back(records, tmp_path):
    records["old-vgg16-reg"] = {"symmetric": {"roxford5k": {"hard": {"mAP": float("nan")}}}}  # is not looked at
    tables = build_tables(paper_settings(), records)
    assert [len(table.rows) for table in tables] == [20, 20, 34, 34, 34, 34]
    write_tables(tables, tmp_path)
    written = [(tmp_path / f"table{number}.csv").read_text().splitlines() for number in range(5, 11)]
    printed = PRINTED.read_text().splitlines()
    assert all(lines[0] == printed[0] for lines in written)
    assert [line for lines in written for line in lines[1:]] == printed[1:]
    for table in tables:
        (again,) = read_tables(tmp_path / f"table{table.number}.csv")
        assert (again.number, again.protocol, again.distractors) == (table.number, table.protocol, table.distractors)
        assert [(r.identity, r.values) for r in again.rows] == [(r.identity, r.values) for r in table.rows]


def test_bold_is_the_best_map_of_each_pair_ties_as_printed_included(records):
    """tests/pages/test_page.py has all of them."""
    for value in (57.26, 57.34):  # contr_plus has 57.3
        records["mobilenet_v2-vgg16-contr"]["symmetric"]["roxford5k"]["medium"]["mAP"] = value
        tables = build_tables(paper_settings(), records)
        pair = [row.loss for row in tables[0].rows[:5] if "roxford5k_medium_mAP" in row.bold]
        assert pair == ["contr", "contr_plus"]
    assert all(column.endswith("_mAP") for table in tables for row in table.rows for column in row.bold)


def test_a_level_without_positives_is_a_dash(records):
    for record in records.values():
        for section in ("symmetric", "asymmetric"):
            record.get(section, {}).get("roxford5k", {}).pop("hard", None)
    table = build_tables(paper_settings(), records)[2]
    assert {row.values["roxford5k_hard_mAP"] for row in table.rows} == {None}
    assert None not in {row.values["rparis6k_hard_mAP"] for row in table.rows}
    assert "no query with a positive" in table.notes[0]


@pytest.mark.parametrize("named", [True, False])
def test_without_distractors_tables_9_and_10_are_dashes(records, named):
    settings = paper_settings()
    if named:
        for record in records.values():
            for counts in record["evaluation"]["sets"].values():
                counts["num_distractors"] = 0
    else:
        settings = paper_settings(distractors=None)
    tables = build_tables(settings, records)
    for table in tables[4:]:
        assert {value for row in table.rows for value in row.values.values()} == {None}
        assert "No distractors were evaluated" in table.caption and table.distractors == "" and table.notes == ()
    assert tables[2].rows[0].values["roxford5k_medium_mAP"] == 60.9


def test_losses_beyond_the_paper_are_in_tables_11_and_12_alone(records):
    own = (Loss("mse", "MSE", ("self",), "none"), *LOSSES)  # one's own follows in Tables 7 to 10
    without = build_tables(paper_settings(losses=own), records)
    losses = [row.loss for row in without[2].rows[6:14]]
    assert losses == ["contr_plus", "contr", "triplet", "ms", "reg", "rkd", "dr", "mse"] and len(without[0].rows) == 20
    records = with_losses(records, {"csd": "reg", "cc": "dr", "ssp": "contr"})
    tables = build_tables(paper_settings(losses=(*SUCCESSORS, *own)), records)
    assert tables[:6] == without and [table.number for table in without] == [*range(5, 11)]
    for table, twin, protocol in zip(tables[6:], without[2:4], ("symmetric", "asymmetric"), strict=True):
        assert (table.protocol, table.columns, table.rows[:6]) == (protocol, twin.columns, twin.rows[:6])
        pair = table.rows[6:11]
        assert [row.loss for row in table.rows[6:]] == 4 * ["contr_plus", "reg", "csd", "cc", "ssp"]
        assert [row.trained("Mining") for row in pair] == ["hard", "", "neighbours", "random", ""]
        assert all(row.trained("Asym") and not row.trained("Lab") for row in pair[1:])
        assert pair[1].values == pair[2].values and pair[1].bold == pair[2].bold
        for words in ("Losses beyond the paper", "Mining by neighbours:", "are not the paper's", "across the two"):
            assert words in table.caption
    *_, last = build_tables(paper_settings(losses=SUCCESSORS[1:2]), records)  # csd alone
    assert last.number == 12 and [row.loss for row in last.rows[6:]] == 4 * ["csd"]


def test_each_expansion_is_one_more_column_and_nothing_else_changes(records, tmp_path):
    plain, tables = (build_tables(paper_settings(), found) for found in (records, with_expansions(records)))
    write_tables(tables, tmp_path)
    for table, without in zip(tables, plain, strict=True):
        metrics = ["mAP", "mP@10", "mAP+QE", "mAP+DBA"]
        assert [column for column in table.columns if "+" not in column] == list(without.columns)
        assert [column.rsplit("_", 1)[1] for column in table.columns] == 4 * metrics
        for row, before in zip(table.rows, without.rows, strict=True):
            assert {column: row.values[column] for column in without.columns} == before.values
            assert row.bold == before.bold
            for column in (column for column in without.columns if column.endswith("_mAP")):
                assert row.values[f"{column}+QE"] - row.values[column] == pytest.approx(1)
                assert row.values[f"{column}+DBA"] - row.values[column] == pytest.approx(2)
        for words in (
            "its 50 nearest images, weighted by their similarity to the power of 3.",
            "its 20 nearest ones, weighted by rank.",
        ):
            assert words in table.caption and words not in without.caption
        assert r"\multicolumn{8}{c}{Medium}" in (tmp_path / f"table{table.number}.tex").read_text()
    assert check_claims(tables) == check_claims(plain)


def test_caption_says_what_was_measured_and_on_what(records):
    for record in records.values():
        record["evaluation"]["odd"] = {"rparis6k": {"queries without a positive": 3, "queries whose image": 1}}
    tables = build_tables(paper_settings(note="Not the paper's data: drawn."), records)
    for table in tables:
        assert table.caption.startswith("Not the paper's data: drawn. ")
        for words in (
            *("1024 px", "0.707", "70 queries of 12 landmarks, 4,993 database images", "Lab:", "Bold: the best mAP"),
            *("a random ranking gives Medium mAP ", "GeM pooling and learned whitening", "Trained on SfM-120k."),
            "; queries without a positive: 3; queries whose image: 1.",
        ):
            assert words in table.caption
        assert table.caption.count("without a positive") == 1
        assert ("Self, Pos, Neg:" in table.caption) is (table.number in (5, 6))
        assert ("Mining:" in table.caption) is ("Asym:" in table.caption) is (table.number > 6)
        assert "shrinkage" not in table.caption
    assert "R1M" in tables[4].title and "1,001,001 distractors" in tables[4].caption
    assert tables[5].set_labels == ("ROxf+R1M", "RPar+R1M")
    shrunk = build_tables(paper_settings(shrinkage=0.5), {})
    assert all("learned with shrinkage 0.5:" in table.caption for table in shrunk)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("evaluation/query_crop", ..., "lacks evaluation.query_crop"),
        ("evaluation/query_crop", False, "query_crop is False; accepted: True"),
        ("evaluation/whitening", "none", "whitening is 'none'; accepted: 'database'"),
        ("network/key", "x", "network.key is 'x'; accepted: 'mobilenet_v2-vgg16-reg'"),
        ("network/teacher", None, "network.teacher is None; accepted: 'vgg16'"),
        ("network/loss", "contr", "network.loss is 'contr'; accepted: 'reg'"),
        ("network/seed", 1, "network.seed is 1; accepted: None"),
        ("network/dimension", 2048, "network.dimension is 2048; accepted: 512"),
        ("evaluation/sets/roxford5k/digest", "ef", "as in record 'vgg16'"),
        ("evaluation/sets/rparis6k/num_queries", 69, "as in record 'vgg16'"),
        ("evaluation/image_size", 362, "evaluation.image_size is 362; accepted: 1024"),
        ("evaluation/num_filled", {"sfm": 9}, "evaluation.num_filled is .* one table compares one evaluation"),
        ("evaluation/odd", {"rparis6k": {}}, r"evaluation.odd is \{'rparis6k': \{\}\}; accepted: \{\}"),
        ("evaluation/sets/roxford5k", ..., "lacks evaluation.sets.roxford5k; it has: rparis6k"),
        ("asymmetric", ..., "lacks asymmetric"),
        ("symmetric/roxford5k+r1m", ..., r"lacks symmetric.roxford5k\+r1m"),
        ("symmetric/roxford5k/hard/mP@10", ..., "lacks symmetric.roxford5k.hard.mP@10"),
        ("evaluation", None, "lacks evaluation.query_crop"),
        ("chance/rparis6k/hard/mAP", 0.5, "chance is .* as in record 'vgg16'"),
        ("evaluation/expansion", {"mAP+QE": {}}, "record 'vgg16' lacks evaluation.expansion"),
    ],
)
def test_a_record_that_does_not_belong_is_refused(records, path, value, message):
    *path, last = path.split("/")
    node = functools.reduce(dict.__getitem__, path, records[REG])
    node |= {last: value}
    if value is ...:
        del node[last]
    with pytest.raises(ValueError, match=message) as error:
        build_tables(paper_settings(), records)
    assert "\n" not in str(error.value)


def test_files_of_another_layout_are_refused(tmp_path):
    (tmp_path / "vgg16.json").write_text('{"symmetric": {"test"')
    with pytest.raises(ValueError, match=r"vgg16\.json is damaged: it is not a JSON object"):
        read_records(tmp_path, paper_settings().networks())
    header, path = PRINTED.read_text().splitlines()[0], tmp_path / "x.csv"
    for text, message in (
        ("", "accepted: table, protocol"),
        ("a,b\n1,2\n", "starts with columns a, b"),
        (f"{header}\n5,symmetric\n", r"line 2 of .* has 2 fields; accepted: 21"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_tables(path)
