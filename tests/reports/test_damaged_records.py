import pytest

from aml.reports.records import read_records
from aml.storage.seals import write_sealed


def test_a_record_in_which_a_digit_changed_is_named(tmp_path):
    write_sealed(tmp_path / "lite0.json", {"symmetric": {"test": {"medium": {"mAP": 36.71}}}})
    assert read_records(tmp_path)["lite0"]["symmetric"]["test"]["medium"]["mAP"] == 36.71
    (tmp_path / "lite0.json").write_text((tmp_path / "lite0.json").read_text().replace("36.71", "46.71"))
    with pytest.raises(ValueError, match=r"lite0\.json is damaged: its contents have another sha256"):
        read_records(tmp_path)
