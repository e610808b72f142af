import pytest

from aml.files.atomic import write_json
from aml.tables.records import read_records
from tests.tables.paper_records import paper_settings


def test_a_record_that_is_cut_off_is_named(tmp_path):
    networks = paper_settings().networks()
    write_json(tmp_path / "vgg16.json", {"symmetric": {"test": {"medium": {"mAP": 36.71}}}})
    assert read_records(tmp_path, networks)["vgg16"]["symmetric"]["test"]["medium"]["mAP"] == 36.71
    (tmp_path / "vgg16.json").write_text((tmp_path / "vgg16.json").read_text()[:-5])
    with pytest.raises(ValueError, match=r"vgg16\.json is damaged: it is not a JSON object"):
        read_records(tmp_path, networks)
