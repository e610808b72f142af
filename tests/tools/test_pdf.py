"""`make pdf`: a file, or a sentence."""

import shutil

import pytest

from aml.tables.build import build_tables
from aml.tables.csv_files import write_tables
from tests.tables.paper_records import paper_settings, printed_records, write_comparison_of
from tools import pdf


@pytest.fixture
def tables(tmp_path):
    built = build_tables(paper_settings(), printed_records())
    write_tables(built, tmp_path / "tables")
    write_comparison_of(built, tmp_path / "tables")
    return tmp_path / "tables"


def test_without_tex_or_tables_a_sentence_says_so(tables, monkeypatch):
    with pytest.raises(ValueError, match=r"no .*tables.tex; `dvc repro tables` writes it"):
        pdf.main(tables.parent, tables / "x.pdf")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match=r"^needs tectonic or pdflatex in PATH; on Debian:"):
        pdf.main(tables, tables / "x.pdf")


@pytest.mark.skipif(not any(map(shutil.which, pdf.ENGINES)), reason="no TeX")
def test_all_tables_and_their_comparison_are_set_or_what_tex_refuses_is_said(tables):
    made = tables.parent / "tables.pdf"
    pdf.main(tables, made)
    assert made.read_bytes().startswith(b"%PDF")
    assert sorted(path.suffix for path in tables.iterdir()).count(".csv") == 7  # and no traces of TeX
    assert {path.suffix for path in tables.iterdir()} == {".csv", ".tex"}
    made.unlink()
    (tables / "table5.tex").write_text(r"\nosuchcommand")
    with pytest.raises(ValueError, match=r"can't set .*tables.tex: .*[Uu]ndefined control sequence"):
        pdf.main(tables, made)
    assert not made.exists()
