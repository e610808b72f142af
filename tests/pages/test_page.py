"""The page without a browser: a parser finds in its text what the tables hold."""

import json
from collections import defaultdict
from html.parser import HTMLParser

import pytest

from aml.pages.page import duration, listed, render
from aml.tables.build import build_tables
from aml.tables.json_file import read_json_tables, write_json_tables
from aml.tables.model import by_pair, shown, tenths
from tests.pages.page_content import SVG, content
from tests.tables.paper_records import paper_settings, printed_records, with_expansions

VOID = {"meta", "br", "link", "img", "input", "rect", "path"}


class Parsed(HTMLParser):
    """`elements`: (tag, attributes) of all; `cells`: [text, classes] of each score, `intervals`: (score, text) of each
    interval, both by the id of their table's figure."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.words, self.open, self.figure = [], [], [], ""
        self.cells, self.intervals = defaultdict(list), defaultdict(list)
        self.feed(text)
        self.close()
        assert self.open == []  # every element ends, in its order

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = attributes.get("class", "").split()
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append((tag, classes))
        if tag == "figure":
            self.figure = attributes.get("id", "")
        if tag == "td" and "score" in classes:
            self.cells[self.figure].append(["", classes])

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop()[0] == tag

    def handle_data(self, data):
        self.words.append(data)
        around = {name for _, classes in self.open for name in classes}
        if "interval" in around:
            self.intervals[self.figure].append((self.cells[self.figure][-1][0], data))
        elif any(tag == "td" and "score" in classes for tag, classes in self.open):
            self.cells[self.figure][-1][0] += data.strip()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    shown_content = content(tmp_path_factory.mktemp("page"))
    return shown_content, Parsed(render(**shown_content))


def values(parsed: Parsed, tag: str, name: str) -> list[str]:
    return [attributes[name] for element, attributes in parsed.elements if element == tag and name in attributes]


def test_ids_are_unique_and_links_lead_to_them(page):
    _, parsed = page
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 20
    assert {link.removeprefix("#") for link in values(parsed, "a", "href")} <= set(ids)
    assert set(values(parsed, "label", "for")) | set(values(parsed, "div", "aria-labelledby")) <= set(ids)


def test_it_needs_no_other_file_and_every_picture_says_what_it_is(page):
    _, parsed = page
    sources = [value for _, a in parsed.elements for name, value in a.items() if name in ("src", "href")]
    assert sources and all(source.startswith(("data:", "#")) for source in sources)
    assert not {"script", "iframe", "object"} & {tag for tag, _ in parsed.elements}
    assert "url(" not in render(**page[0]) and "@import" not in render(**page[0])
    pictures = [attributes for tag, attributes in parsed.elements if tag == "img"]
    assert len(pictures) == 4 and all(attributes["alt"] for attributes in pictures)


def test_every_score_is_the_tables(page):
    """The best of each pair is bold in every column, and an interval stands at its own score."""
    shown_content, parsed = page
    for table in shown_content["tables"]:
        pairs, found = by_pair(table.rows), iter(parsed.cells[f"table-{table.number}"])
        for row in table.rows:
            for column in table.columns:
                scores = [other.values[column] for other in pairs.get(row.pair, [])]
                best = max((tenths(score) for score in scores if score is not None), default=None)
                mine, (text, classes) = row.values[column], next(found)
                assert text == shown(mine, "–") and ("map" in classes) is column.endswith("_mAP")
                assert ("best" in classes) is (best is not None and mine is not None and tenths(mine) == best)
        assert next(found, None) is None
    for table in shown_content["differences"]:
        expected = [row.values[column] for row in table.rows for column in table.columns]
        found = [text.removesuffix("†").replace("−", "-") for text, _ in parsed.cells[f"difference-{table.number}"]]
        assert found == ["–" if value is None else f"{value:+}" for value in expected]
        daggers = sum(text.endswith("†") for text, _ in parsed.cells[f"difference-{table.number}"])
        assert daggers == sum(len(row.marked) for row in table.rows)
    (table,) = (table for table in shown_content["tables"] if table.number == 10)
    row = next(row for row in table.rows if row.key == "mobilenet_v2-vgg16-contr_plus")
    assert parsed.intervals == {"table-10": [(str(row.values["roxford5k_hard_mAP"]), "9.87 to 19.95")]}


def test_expansions_are_shown_beside_both_metrics_and_said(page, tmp_path):
    tables = build_tables(paper_settings(), with_expansions(printed_records()))
    parsed = Parsed(render(**content(tmp_path, tables=tables, differences=[])))
    for table in tables:
        classes = [classes for _, classes in parsed.cells[f"table-{table.number}"]]
        assert ["both" in found for found in classes] == [False, False, True, True] * 4 * len(table.rows)
    assert parsed.text.count("mAP+QE") == 1 + (4 + 1) * len(tables)  # headings, captions
    assert "mAP+QE" not in page[1].text
    assert {a.get("colspan") for tag, a in parsed.elements if tag == "th" and a.get("class") == "both"} == {"4", "8"}


@pytest.mark.parametrize(
    "words",
    [
        "A note, 5 < 6.",
        "seed: 0 # <here>",
        "ab" * 20,
        "with changes: aml/losses/reg.py .",
        "distill one student 3 2 1 2 min 0 s 1 min 0 s A GPU",
        "distill@b 2026-01-02 03:04:05 20 s",
        "noted by the stages below – 2.0",
        "page made 2026-01-03 04:05 UTC on A processor, 2 cores, commit abababa with changes.",
        "ran there from 2026-01-02 03:04 UTC to 2026-01-02 03:04 UTC.",
        "condition number vgg16 resnet101 0 2.5e+04 mobilenet_v2-512 0",  # and blanks
        "Contr⁺ comes second there.",
        "Contr⁺ (10) contr_plus",
        "✓ 4 of 4",
        "✗ 0 of 1",
        "Not here: EfficientNet-B3 by ResNet101.",
        "1 lack a cell",
    ],
)
def test_it_says_what_ran_where_when_and_how_long_and_which_claims_hold(page, words):
    assert words in page[1].text


def test_what_is_not_given_has_no_place(tmp_path):
    absent = dict.fromkeys(("contact_sheet", "complexity", "commit", "cell")) | {"intervals": {}, "note": ""}
    absent |= {name: [] for name in ("figures", "ranked_lists", "differences", "families", "tables", "whitening")}
    parsed = Parsed(render(**content(tmp_path, **absent)))
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    assert not ids & {"data", "complexity", "whitening", "figures", "ranked", "printed"} and "run" in ids
    assert "No run of a stage was noted there" in parsed.text and "Without a git repository or" in parsed.text
    assert "2 cores, without a commit." in parsed.text and "Read this first" not in parsed.text


def test_a_list_of_pictures_is_complete_and_durations_are_short(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    index = tmp_path / "figures.json"
    index.write_text(json.dumps([{"file": "a.svg", "title": "T", "caption": "C"}]))
    (picture,) = listed(index)
    assert picture["uri"].startswith("data:image/svg+xml;base64,") and (picture["title"], picture["caption"]) == (
        "T",
        "C",
    )
    durations = {0: "0.0 s", 1.54: "1.5 s", 9.99: "10.0 s", 12.4: "12 s", 125: "2 min 5 s", 3790: "1 h 3 min"}
    assert {seconds: duration(seconds) for seconds in durations} == durations


def test_tables_are_read_as_they_were_written(page, tmp_path):
    shown_content, _ = page
    write_json_tables(tmp_path, shown_content["tables"], shown_content["differences"], shown_content["whitening"])
    tables, differences, whitening = read_json_tables(tmp_path)
    assert tables == shown_content["tables"] and whitening == shown_content["whitening"]
    read = shown_content | {"tables": tables, "differences": differences}
    assert render(**read) == render(**shown_content) and any(row.marked for t in differences for row in t.rows)
