"""The sentences under tables on whitening, damaged images and vectors."""

from dataclasses import replace

import pytest

from aml.params.vectors import VectorSettings
from aml.tables.build import build_tables
from tests.tables.paper_records import paper_settings, with_seeds

REG = "mobilenet_v2-vgg16-reg"
SINGULAR = {"regularisation": 1e-9, "condition_number": 5.4e7}
SINGULAR_SENTENCE = (
    "Whitening was learned from a singular matrix, with a constant added to its diagonal on which the scores depend: "
    "{} 1e-09 (condition number 5.4e+07)."
)


def notes(records: dict, beginning: str, settings=None) -> dict[int, str]:
    """The sentence with this beginning under each table that has one."""
    tables = build_tables(settings or paper_settings(), records)
    return {table.number: note for table in tables for note in table.notes if note.startswith(beginning)}


def test_a_network_s_constant_is_noted_where_it_describes_the_database(records):
    assert notes(records, "Whitening") == {}
    records[REG]["evaluation"]["learned_whitening"] = {"symmetric": SINGULAR, "asymmetric": None}
    assert notes(records, "Whitening") == dict.fromkeys((5, 7, 9), SINGULAR_SENTENCE.format(REG))
    of_seeds = notes(with_seeds(records, {0: 1.0, 3: 1.0}), "Whitening", paper_settings(seeds=(0, 3)))
    assert f"depend: {REG}-0 1e-09 (" in of_seeds[5] and f"{REG}-3 1e-09 (" in of_seeds[5]
    for key, record in records.items():
        protocol = "symmetric" if key == "vgg16" else "asymmetric" if "-vgg16-" in key else None
        if protocol:
            record["evaluation"]["learned_whitening"] = {"symmetric": None} | {protocol: SINGULAR}
    # Table 5 has neither the teacher nor its database
    assert notes(records, "Whitening") == dict.fromkeys((6, 7, 8, 9, 10), SINGULAR_SENTENCE.format("vgg16"))
    records["vgg16"]["evaluation"]["learned_whitening"] = {}
    with pytest.raises(ValueError, match=r"lacks evaluation\.learned_whitening\.symmetric; it has: "):
        build_tables(paper_settings(), records)


def test_tables_say_how_many_damaged_images_were_left_out_or_filled(records):
    def of_sets(excluded: dict, filled: dict) -> dict[int, str]:
        for record in records.values():
            record["evaluation"] |= {"num_excluded": excluded, "num_filled": filled}
        return notes(records, "Damaged")

    assert of_sets({"sfm": 0, "r1m": 0}, {"sfm": 0, "r1m": 0}) == {}
    training = "1,200 of sfm decoded as far as they go, the rest filled"
    distractors = "3 of r1m left out", "5 of r1m decoded as far as they go, the rest filled"
    assert of_sets({"sfm": 0, "r1m": 3}, {"sfm": 1200, "r1m": 5}) == {
        **dict.fromkeys((5, 6, 7, 8), f"Damaged images: {training}."),
        **dict.fromkeys((9, 10), f"Damaged images: {distractors[0]}; {training}; {distractors[1]}."),
    }


def test_tables_say_what_is_known_by_its_vectors_alone(records):
    """Without vectors of queries its row has dashes."""
    vgg16, resnet101 = paper_settings().teachers
    vectors = VectorSettings("VGG16", "/x", 512, negative="refuse", queries=False, whitening="none")
    settings = paper_settings(teachers=(replace(vgg16, vectors=vectors), resnet101))
    records["vgg16"]["symmetric"] = {name: {} for name in records["vgg16"]["symmetric"]}
    tables = build_tables(settings, records)
    sentence = "Teachers that are known by their vectors alone: VGG16; not whitened: VGG16."
    assert all(sentence in table.caption for table in tables)
    said = {table.number: table.notes for table in tables}
    dashes = ("Dashes of VGG16: there are no vectors of queries.",)
    assert said == {5: (), 6: ()} | dict.fromkeys((7, 8, 9, 10), dashes)
    assert set(tables[2].rows[0].values.values()) == {None} and None not in tables[2].rows[1].values.values()
