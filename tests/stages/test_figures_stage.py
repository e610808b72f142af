"""The stage `figures` on a small grid: what it writes, of which records, in which letters."""

import json
import warnings
from pathlib import Path

import matplotlib
import pytest
from matplotlib import font_manager, get_data_path

from aml.complexity.costs import write_csv
from aml.evaluation.per_query import COLUMNS
from aml.files.atomic import write_json
from aml.pages.figures.style import use_style
from stages import figures
from tests.pages.test_figures import COSTS, RECORDS, write_curves
from tests.stages.test_tables_stage import paper
from tests.tables.paper_records import with_seeds


def test_the_stage_writes_all_figures_and_their_words(draw, tmp_path, capsys):
    test_sets = {"roxford5k": "ROxford5k", "rparis6k": "RParis6k"}

    def change(values):
        values["grid"]["seeds"] = [0, 3]

    listed = draw(3, change)
    names = ["map_cost", "losses", "per_query", "training_curves"]
    stems = {"": names} | {label: [f"{name}-{key}" for name in names[:2]] for key, label in test_sets.items()}
    assert [(e["part"], e["file"]) for e in listed] == [
        (p, f"{name}.svg") for p, of_p in stems.items() for name in of_p
    ]
    for entry in listed:
        assert entry["title"] and (not entry["part"] or f"Medium mAP on {entry['part']}, " in entry["caption"])
    files = {f"{name}.{ending}" for of_p in stems.values() for name in of_p for ending in ("svg", "png")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == files | {"figures.json"}
    assert all(path.stat().st_size < 150_000 for path in (tmp_path / "figures").iterdir())
    assert "MobileNetV2 by VGG16, Reg, seed 3" in listed[2]["caption"]

    (tmp_path / "metrics/mobilenet_v2-vgg16-reg-3.json").unlink()
    assert [entry["file"] for entry in draw(3, change) if not entry["part"]] == [f"{name}.svg" for name in names[:2]]
    assert "no metrics of mobilenet_v2-vgg16-reg-3" in capsys.readouterr().err


def test_letters_are_taken_from_a_font_that_has_them_or_named(monkeypatch, draw, capsys):
    """Where no font is installed but those that come with matplotlib."""
    own = [font for font in font_manager.fontManager.ttflist if Path(font.fname).is_relative_to(get_data_path())]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    assert use_style("Contr, é, β") == "" and matplotlib.rcParams["font.family"] == ["DejaVu Sans"]
    assert use_style("a\u2316\u4eac\u6771") == "\u4eac\u6771"  # a sign of STIX's; Tokyo
    first, other = matplotlib.rcParams["font.family"]
    assert first == "DejaVu Sans" and other.startswith("STIX")
    with warnings.catch_warnings(action="ignore"):  # matplotlib's own, at each glyph
        draw(0, lambda values: values["networks"]["mobilenet_v2"].update(label="\u6771\u4eac"))
    assert "figures: no installed font has \u4eac\u6771: boxes replace them" in capsys.readouterr().err
    use_style()


@pytest.fixture
def draw(tmp_path):
    """A function that runs the stage for a small grid and a cell of this seed, and gives what it lists."""

    def run(seed: int, change=lambda values: None) -> list[dict]:
        values = paper() | {"student": "mobilenet_v2", "teacher": "vgg16", "loss": "reg", "seed": seed}
        values["grid"] |= {"students": ["mobilenet_v2"], "teachers": ["vgg16"], "losses": ["reg"]}
        change(values)
        inputs = [tmp_path / name for name in ("metrics", "complexity.csv", "queries", "models")]
        figures.main(*inputs, tmp_path / "figures", values)
        return json.loads((tmp_path / "figures/figures.json").read_text())

    (tmp_path / "metrics").mkdir()
    (tmp_path / "queries").mkdir()
    for name, record in with_seeds(RECORDS, {0: 1.0, 3: 1.0}).items():
        write_json(tmp_path / f"metrics/{name}.json", record)
    for name in ("mobilenet_v2-vgg16-reg-0", "mobilenet_v2-vgg16-reg-3", "vgg16"):
        (tmp_path / f"queries/{name}.csv").write_text(
            f"{','.join(COLUMNS)}\nsymmetric,roxford5k,medium,q1,0,1,,,0\nasymmetric,roxford5k,medium,q1,0,2,,,0\n"
        )
        write_curves(tmp_path / f"models/{name}/curves")
    write_csv(tmp_path / "complexity.csv", COSTS)
    return run
