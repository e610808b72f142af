import re
import shutil
import subprocess

import pytest
from paper_records import paper_settings, printed_records

from aml.reports.comparison import PRINTED, write_comparison
from aml.reports.files import read_tables, write_tables
from aml.reports.latex import escape, render
from aml.reports.settings import Named
from aml.reports.tables import build_tables

HARD_LABELS = (Named("mobilenet_v2", '[M] 100% & _x_ #1 ~^$ {a}\\b <c|d> "e"\n f'), Named("b", "*B" * 20))


def test_special_characters_are_escaped():
    assert escape(r"a_b 5% & $x$ #1 {y}") == r"a\_b 5\% \& \$x\$ \#1 \{y\}"
    assert escape("\\ ~ ^") == r"\textbackslash{} \textasciitilde{} \textasciicircum{}"
    assert escape(" two\n\nlines ") == "two lines"
    assert escape("") == ""


def test_rows_are_grouped_by_student_dimension_and_teacher():
    latex = render(build_tables(paper_settings(), printed_records())[2], "tab:7")
    assert latex.count(r"\multirow{14}{*}{MobileNetV2}") == latex.count(r"\multirow{14}{*}{EfficientNet-B3}") == 1
    assert latex.count(r"\multirow{7}{*}{512} & \multirow{7}{*}{VGG16}") == 2
    assert latex.count(r"\multirow{2}{*}{MobileNetV2} & {512} &  & \checkmark & Contr") == 1
    assert latex.count(r"\midrule") == 3 and latex.count(r"\cmidrule(l){2-18}") == 2
    body = latex[latex.index(r"\midrule") :]
    assert {line.count("&") for line in body.splitlines() if line.endswith(r"\\")} == {17}
    assert r"\label{tab:7}" in latex


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
@pytest.mark.parametrize("paper", ["letterpaper", "a4paper"])
def test_documents_compile_and_fit_the_page(tmp_path, paper):
    records = printed_records()
    del records["mobilenet_v2-vgg16-reg"]
    write_tables(build_tables(paper_settings(), records), tmp_path)
    write_comparison(build_tables(paper_settings(), records), read_tables(PRINTED), tmp_path)
    hard = paper_settings(students=HARD_LABELS, note="5% of a_b: \\ & <#>")
    write_tables(build_tables(hard, {key: records[key] for key in ("vgg16", "resnet101")}), tmp_path / "hard")
    for folder, inputs in ((tmp_path, 6), (tmp_path / "hard", 6)):
        document = (folder / "tables.tex").read_text().replace(r"\documentclass{", rf"\documentclass[{paper}]{{")
        assert len(re.findall(r"\\input{table", document)) == inputs
        (folder / "page.tex").write_text(document)
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert ran.returncode == 0, ran.stdout[-2000:]
        log = (folder / "page.log").read_text(errors="replace")
        # a float that is too tall warns "Float too large"
        assert "Overfull" not in log and "Float too large" not in log
