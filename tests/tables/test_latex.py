import re
import shutil
import subprocess

import pytest

from aml.params.reports import Loss, Named, Teacher
from aml.tables.build import build_tables
from aml.tables.csv_files import write_tables
from aml.tables.latex import document, escape, render
from tests.tables.paper_records import paper_settings, printed_records, with_seeds, write_comparison_of

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
HARD_LABELS = (Named("mobilenet_v2", '[M] 100% & _x_ #1 ~^$ {a}\\b <c|d> "e"\n f'), Named("b", "*B" * 20))


def test_special_characters_are_escaped_and_tables_of_a_document_keep_their_numbers():
    assert escape(r"a_b 5% & $x$ #1 {y}") == r"a\_b 5\% \& \$x\$ \#1 \{y\}"
    assert escape("\\ ~ ^") == r"\textbackslash{} \textasciitilde{} \textasciicircum{}"
    assert escape(" two\n\nlines ") == "two lines"
    assert escape("") == ""
    lines = [line for line in document([5, 6, 13]).splitlines() if line.startswith(("\\setcounter", "\\input"))]
    settings = [r"\setcounter{table}{4}", r"\input{table5}", r"\input{table6}"]
    assert lines == [*settings, r"\setcounter{table}{12}", r"\input{table13}"]


def test_rows_are_grouped_by_student_dimension_and_teacher_and_say_how_they_were_trained():
    ablation, _, all_losses, *_ = build_tables(paper_settings(), printed_records())
    latex = render(all_losses, "tab:7")
    assert latex.count(r"\multirow{14}{*}{MobileNetV2}") == latex.count(r"\multirow{14}{*}{EfficientNet-B3}") == 1
    assert latex.count(r"\multirow{7}{*}{512} & \multirow{7}{*}{VGG16}") == 2
    assert latex.count(r"\multirow{2}{*}{MobileNetV2} & {512} &  & \checkmark & Contr (4) & hard &  &") == 1
    assert latex.count(r"\midrule") == 3 and latex.count(r"\cmidrule(l){2-15}") == 2
    body = latex[latex.index(r"\midrule") :]
    assert {line.count("&") for line in body.splitlines() if line.endswith(r"\\")} == {14}
    assert r"\label{tab:7}" in latex and r"& Lab & Loss & Mining & Asym & mAP &" in latex
    assert latex.count(r" &  & Reg (7) & -- & \checkmark & ") == latex.count(r"&  & RKD (8) & random &  &") == 4
    latex = render(ablation, "tab:5")
    assert "& Lab & Loss & Self & Pos & Neg & mAP &" in latex
    assert latex.count(r" & \checkmark & Contr$^+$ (10) & \checkmark & \checkmark & \checkmark & ") == 4
    assert latex.count(r" & \checkmark & Contr (4) &  & \checkmark &  & ") == latex.count("Reg (7)") == 4
    further = Loss("plus", "A+B+", ("self",), "hard")  # without equation, only its label
    assert "& A+B$^+$ & hard &" in render(build_tables(paper_settings(losses=(further,)), {})[2], "x")


def compiled(folder, name: str) -> str:
    """What pdflatex prints about a document; nothing in it overflows its page."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    log = (folder / f"{name}.log").read_text(errors="replace")
    assert "Overfull" not in log and "Float too large" not in log  # LaTeX's words for a float that is too high
    return ran.stdout


@needs_latex
@pytest.mark.parametrize("paper", ["letterpaper", "a4paper"])
def test_documents_compile_and_fit_the_page(tmp_path, paper):
    records = printed_records()
    of_seeds = with_seeds(records, {0: 1.0, 1: 0.97, 7: 0.9})
    del records["mobilenet_v2-vgg16-reg"], of_seeds["mobilenet_v2-vgg16-reg-1"]
    write_tables(build_tables(paper_settings(), records), tmp_path / "printed")
    write_comparison_of(build_tables(paper_settings(), records), tmp_path / "printed")
    write_tables(build_tables(paper_settings(seeds=(0, 1, 7)), of_seeds), tmp_path / "seeds")
    hard = paper_settings(students=HARD_LABELS, note="5% of a_b: \\ & <#>")
    write_tables(build_tables(hard, {key: records[key] for key in ("vgg16", "resnet101")}), tmp_path / "hard")
    for folder in ("printed", "seeds", "hard"):
        document = (
            (tmp_path / folder / "tables.tex").read_text().replace(r"\documentclass{", rf"\documentclass[{paper}]{{")
        )
        assert len(re.findall(r"\\input{table", document)) == 6
        (tmp_path / folder / "page.tex").write_text(document)
        compiled(tmp_path / folder, "page")


@needs_latex
@pytest.mark.parametrize(("length", "turned"), [(10, False), (30, True), (150, True)])
def test_long_labels_never_make_it_smaller_than_6_pt(tmp_path, length, turned):
    """The log tells the natural width of a table and the one it was set in; 8 pt at first."""
    student = Named("mobilenet_v2", "m" * (length // 2) + " " + "x" * (length // 2))
    teacher = Teacher("vgg16", "T" * length, 512)
    settings = paper_settings(students=(student,), teachers=(teacher,), dimensions=(512,))
    write_tables(build_tables(settings, printed_records()), tmp_path)
    text = (tmp_path / "table10.tex").read_text()
    assert text.count("% shrinks") == text.count(r"  \resizebox") == 1
    text = text.replace("% shrinks", r"\typeout{natural \the\wd\tablebox}" + "\n% shrinks")
    text = text.replace(r"  \resizebox", r"  \sbox0{\resizebox").replace(
        r"{\usebox\tablebox}" + "\n\\end", r"{\usebox\tablebox}}\typeout{set \the\wd0}\usebox0" + "\n\\end"
    )
    (tmp_path / "table10.tex").write_text(text)
    printed = compiled(tmp_path, "tables")
    (natural,), (final,) = (re.findall(rf"^{word} ([\d.]+)pt", printed, re.MULTILINE) for word in ("natural", "set"))
    assert 8 * float(final) / float(natural) >= 6
    assert (float(natural) * 0.75 > 483) is turned
