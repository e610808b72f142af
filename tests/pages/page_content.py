"""What the page shows, in the paper's names, with the printed values as ours."""

from pathlib import Path

from aml.pages.page import data_uri
from aml.pages.provenance import Family
from aml.run_log import StageRun
from aml.tables.build import build_tables
from aml.tables.claims import write_claims
from aml.tables.csv_files import read_tables
from aml.tables.notes import whitening_lines
from aml.tables.printed_values import PRINTED, compare, differences_from_printed
from tests import read_rows
from tests.tables.paper_records import LOSSES, paper_settings, printed_records

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="300"><circle cx="450" cy="150" r="99"/></svg>'


def content(folder: Path, **changes) -> dict:
    """What `render` takes; `folder` gets the files that it is made from."""
    records = printed_records()
    del records["mobilenet_v2-vgg16-reg"]
    records["vgg16"]["symmetric"]["roxford5k"]["medium"]["mAP"] = 62.1
    records["vgg16"]["evaluation"]["learned_whitening"]["symmetric"] = None  # it was published
    tables, printed = build_tables(paper_settings(note="A note, 5 < 6."), records), read_tables(PRINTED)
    write_claims(folder / "claims.csv", tables, printed, {}, confidence=95)
    (folder / "drawn.svg").write_text(SVG)
    drawn = {"uri": data_uri(folder / "drawn.svg"), "title": "Drawn", "caption": "A circle.", "part": ""}
    seconds = {"distill@a": 100.0, "distill@b": 20.0}
    runs = tuple(
        StageRun(name, "2026-01-02T03:04:05+00:00", s, "A GPU", {"torch": "2.0"}) for name, s in seconds.items()
    )
    values = {
        "note": "A note, 5 < 6.",
        "tables": tables,
        "losses": LOSSES,
        "claims": read_rows(folder / "claims.csv"),
        "making": {"when": "2026-01-03T04:05:06+00:00", "machine": "A processor, 2 cores"},
        "commit": {"name": "ab" * 20, "changed": ["aml/losses/reg.py"]},
        "installed": {"python": "3.11", "torch": "2.1"},
        "families": [Family("distill", "one student", ("distill@a", "distill@b", "distill@c"), runs)],
        "parameters": "seed: 0 # <here>\n",
        "intervals": {("mobilenet_v2-vgg16-contr_plus", "asymmetric", "roxford5k+r1m", "hard", "mAP"): "9.87 to 19.95"},
        "differences": list(differences_from_printed(tables, compare(tables, printed))),
        "cell": "mobilenet_v2-vgg16-contr_plus",
        "contact_sheet": drawn,
        "complexity": [{"network": "VGG16", "parameters": "14,714,688"}],
        "whitening": whitening_lines(records, paper_settings().networks()),
        "figures": [drawn, drawn],
        "ranked_lists": [drawn],
    }
    return values | changes
