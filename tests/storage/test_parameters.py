import dataclasses

import pytest

from aml.storage.parameters import of_type, read_parameters, section, typed


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float
    epochs: int
    label: str
    scales: list[float]
    limit: int | None

    def __post_init__(self):
        if self.epochs <= 0:
            raise ValueError(f"epochs is {self.epochs}; accepted: above 0")


GOOD = {"rate": 1, "epochs": 3, "label": "x", "scales": [1, 0.5], "limit": None}


def write(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text, value", [("5e-06", 5e-06), ("1e-6", 1e-6), ("1E3", 1000.0), (".5", 0.5), ("-2.", -2.0)])
def test_numbers_are_read_as_dvc_writes_them(tmp_path, text, value):
    found = read_parameters(write(tmp_path, f"rate: {text}\n"))["rate"]
    assert type(found) is float and found == value


def test_words_that_look_like_numbers_stay_words(tmp_path):
    assert read_parameters(write(tmp_path, "a: 1e\nb: e5\nc: 2026-01-01\n")) == {
        "a": "1e",
        "b": "e5",
        "c": "2026-01-01",
    }


def test_a_key_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="line 1: key 'a' stands twice"):
        read_parameters(write(tmp_path, "a: 1\na: 2\n"))


@pytest.mark.parametrize("text", ["- 1\n", "a: [1\n", "a: !!python/object/apply:os.system ['true']\n", ""])
def test_what_is_no_plain_mapping_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"params\.yaml"):
        read_parameters(write(tmp_path, text))


def test_typed_gives_the_dataclass():
    settings = typed(Settings, GOOD, "train")
    assert settings == Settings(1.0, 3, "x", [1.0, 0.5], None)
    assert type(settings.rate) is float


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epochs": "3"}, "train.epochs is '3' (str); int is expected"),
        ({"epochs": True}, "train.epochs is True (bool); int is expected"),
        ({"epochs": 3.0}, "train.epochs is 3.0 (float); int is expected"),
        ({"rate": "5e-06x"}, "train.rate is '5e-06x' (str); float is expected"),
        ({"rate": float("nan")}, "train.rate is nan; a finite number is expected"),
        ({"scales": 1.0}, "train.scales is 1.0; a list is expected"),
        ({"scales": [1, "a"]}, "train.scales[1] is 'a' (str); float is expected"),
        ({"epochs": 0}, "train: epochs is 0; accepted: above 0"),
        ({"epoch": 3}, "unknown 'epoch' in params.yaml: train; known: rate, epochs"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(ValueError) as error:
        typed(Settings, GOOD | change, "train")
    assert message in str(error.value)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="train lacks 'label'"):
        typed(Settings, {name: value for name, value in GOOD.items() if name != "label"}, "train")


def test_section_lists_what_exists():
    assert section({"a": {"b": 1}}, "a.b") == 1
    with pytest.raises(ValueError, match=r"no 'c' in params.yaml: a; known: b"):
        section({"a": {"b": 1}}, "a.c")


def test_optional_values():
    assert of_type(str | None, None, "x") is None
    assert of_type(str | None, "s", "x") == "s"
    with pytest.raises(ValueError, match="str is expected"):
        of_type(str | None, 1, "x")
