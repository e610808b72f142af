"""Makes a PDF of the tables: `make pdf`. Not a stage, because it needs a TeX, which pip can't install.

Reads: <tables>/tables.tex and what it inputs. Writes: <pdf>.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from aml.files.atomic import replacing
from stages.runtime import run_command

ENGINES = {  # in order of preference; the folder of the PDF follows the last argument
    "tectonic": ("tectonic", "--outdir"),
    "pdflatex": ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-output-directory"),
}
DOCUMENT = "tables.tex"


def main(tables: Path, pdf: Path) -> None:
    if not (tables / DOCUMENT).exists():
        raise ValueError(f"no {tables / DOCUMENT}; `dvc repro tables` writes it")
    engine = next((name for name in ENGINES if shutil.which(name)), None)
    if engine is None:
        raise ValueError(f"needs {' or '.join(ENGINES)} in PATH; on Debian: apt install texlive-latex-extra")
    with tempfile.TemporaryDirectory() as folder:
        command = [*ENGINES[engine], folder, DOCUMENT]
        done = subprocess.run(command, cwd=tables, capture_output=True, text=True, errors="replace")
        if done.returncode:
            lines = (done.stdout + done.stderr).splitlines()
            reason = next((line for line in lines if line.startswith(("!", "error:"))), "without a reason")
            raise ValueError(f"{engine} can't set {tables / DOCUMENT}: {reason.lstrip('! ')}")
        with replacing(pdf) as temporary:
            shutil.copyfile(Path(folder, DOCUMENT).with_suffix(".pdf"), temporary)
    print(f"{pdf}, by {engine}")


if __name__ == "__main__":
    run_command(main)
