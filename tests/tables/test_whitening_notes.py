"""What tables and page say of how whitening was learned."""

import pytest

from aml.pages.page import Sheet, render
from aml.tables.build import build_tables
from aml.tables.notes import COLUMNS, whitening_lines
from tests.pages.page_content import content
from tests.tables.paper_records import paper_settings, printed_records, with_seeds

NETWORKS = paper_settings().networks()
REG = "mobilenet_v2-vgg16-reg"
SINGULAR = {"regularisation": 1e-9, "condition_number": 5.4e7}


def notes(records: dict, settings=None) -> dict[int, list[str]]:
    """The sentences on whitening under each table that has one."""
    found = {}
    for table in build_tables(settings or paper_settings(), records):
        of_table = [note for note in table.notes if note.startswith("Whitening")]
        found |= {table.number: of_table} if of_table else {}
    return found


@pytest.fixture
def records():
    return printed_records()


def test_without_a_constant_no_table_has_a_note(records):
    assert notes(records) == {}


def test_a_student_s_constant_is_noted_where_it_is_the_database(records):
    records[REG]["evaluation"]["learned_whitening"] = {"symmetric": SINGULAR, "asymmetric": None}
    sentence = (
        "Whitening was learned from a singular matrix, with a constant added to its diagonal on which the scores "
        f"depend: {REG} 1e-09 (condition number 5.4e+07)."
    )
    assert notes(records) == {number: [sentence] for number in (5, 7, 9)}


def test_a_teacher_s_constant_is_noted_once_wherever_it_is_the_database(records):
    for key, record in records.items():
        protocol = "symmetric" if key == "vgg16" else "asymmetric" if "-vgg16-" in key else None
        if protocol:
            record["evaluation"]["learned_whitening"] |= {protocol: SINGULAR}
    found = notes(records)
    assert set(found) == {6, 7, 8, 9, 10}  # Table 5 has neither the teacher nor its database
    for (sentence,) in found.values():
        assert sentence.endswith("depend: vgg16 1e-09 (condition number 5.4e+07).")


def test_a_seed_is_named(records):
    records = with_seeds(records, {0: 1.0, 3: 1.0})
    records[f"{REG}-3"]["evaluation"]["learned_whitening"]["symmetric"] = SINGULAR
    (sentence,) = notes(records, paper_settings(seeds=(0, 3)))[5]
    assert f"depend: {REG}-3 1e-09 (" in sentence


@pytest.mark.parametrize(
    ("learned", "message"),
    [
        ({}, "lacks evaluation.learned_whitening.symmetric; it has: "),
        ({"symmetric": {"regularisation": 0.0}}, "lacks evaluation.learned_whitening.symmetric.condition_number"),
        ({"symmetric": SINGULAR | {"regularisation": -1e-9}}, r"regularisation is -1e-09; accepted: finite, >= 0"),
        ({"symmetric": SINGULAR | {"condition_number": 0.5}}, r"condition_number is 0\.5; accepted: finite, >= 1"),
        ({"symmetric": SINGULAR | {"condition_number": "9"}}, r"condition_number is '9'; accepted: finite"),
    ],
)
def test_a_record_that_does_not_say_it_is_refused(records, learned, message):
    records["vgg16"]["evaluation"]["learned_whitening"] = learned
    with pytest.raises(ValueError, match=message):
        build_tables(paper_settings(), records)


def test_the_page_has_a_line_for_every_network(records, tmp_path):
    records[REG]["evaluation"]["learned_whitening"]["symmetric"] = SINGULAR
    records["vgg16"]["evaluation"]["learned_whitening"]["symmetric"] = None
    del records["resnet101"]
    lines = whitening_lines(records, NETWORKS)
    assert [line[0] for line in lines] == [network.key for network in NETWORKS if network.key != "resnet101"]
    assert {line[0]: line[1:] for line in lines if line[0] in (REG, "vgg16", "mobilenet_v2-512")} == {
        REG: ["1e-09", "5.4e+07"],
        "vgg16": ["", ""],
        "mobilenet_v2-512": ["0", "2.5e+04"],
    }
    page = render(content(tmp_path, whitening=Sheet(list(COLUMNS), lines)))
    assert f'<td class="number">{REG}</td><td class="number">1e-09</td><td class="number">5.4e+07</td>' in page
    assert 'id="whitening"' in page and 'href="#whitening"' in page
    page = render(content(tmp_path, whitening=Sheet(list(COLUMNS), [])))
    assert 'id="whitening"' not in page and 'href="#whitening"' not in page
