"""The model card of an exported student: the contents of model.json, for readers."""

from tabulate import tabulate

from aml.networks.backbones import weights_source

CARD = """\
# {key}

A network for image retrieval: it turns a photo into {dimension} numbers of unit norm, whose inner product with a
descriptor of {teacher[key]}'s database is the similarity. Only that database fits: the whitening of {teacher[key]} is
inside (network {teacher[sha256]:.12}, whitening {teacher[whitening]:.12}).

- **Network**: {student} ({backbone}, {parameters:,} parameters), distilled from {teacher[key]} by the loss {loss}, seed
  {seed}, as in "Asymmetric metric learning for knowledge transfer" (arXiv 2006.16331).
- **Trained on**: {trained_on}. {note}
- **Input**: `{input}`, uint8, (batch, 3, height, width), RGB from 0 to 255, sides of {smallest_side} pixels or more.
  Testing shrinks photos to a longer side of {image_size} pixels; normalisation is inside.
- **Output**: `{output}`, float32, (batch, {dimension}).
- **Licence**: MIT, as the project that made it. It started from the weights `{weights}` and learned from
  the images named above, which have licences of their own: see the project's docs/licences.md.

{table}

Columns of sets: Medium mAP in percent, by these files alone, on the database of {teacher[key]}. `multiscale` describes
the photo at the scales {scale_list} and takes their mean; `float16` stores weights in 16 bits; `int8` computes
convolutions in 8 bits.
"""


def card(about: dict) -> str:
    """Return the text of README.md of an exported student, from its model.json."""
    files = about["files"]
    sets = list(next(iter(files.values()))["mAP"])
    rows = [
        [name, f"{file['bytes']:,}", *(file["mAP"][of_set].get("medium") for of_set in sets), file["sha256"]]
        for name, file in files.items()
    ]
    table = tabulate(rows, ["file", "bytes", *sets, "sha256"], "github", disable_numparse=True)
    scales = ", ".join(f"{scale:.3g}" for scale in about["scales"])
    return CARD.format(**about, weights=weights_source(about["backbone"]), scale_list=scales, table=table)
