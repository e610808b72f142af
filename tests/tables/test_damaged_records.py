import pytest

from aml.files.digests import write_sealed
from aml.tables.records import read_records
from tests.tables.paper_records import paper_settings


def test_a_record_in_which_a_digit_changed_is_named(tmp_path):
    networks = paper_settings().networks()
    write_sealed(tmp_path / "vgg16.json", {"symmetric": {"test": {"medium": {"mAP": 36.71}}}})
    assert read_records(tmp_path, networks)["vgg16"]["symmetric"]["test"]["medium"]["mAP"] == 36.71
    (tmp_path / "vgg16.json").write_text((tmp_path / "vgg16.json").read_text().replace("36.71", "46.71"))
    with pytest.raises(ValueError, match=r"vgg16\.json is damaged: its contents have another sha256"):
        read_records(tmp_path, networks)
