"""The model card of an exported student: the contents of model.json, for readers."""

from aml.networks.backbones import weights_source

CARD = """\
# {key}

A network for image retrieval: it turns a photo into {dimension} numbers of unit norm, whose inner product with a
descriptor of {teacher}'s database is the similarity. Only that database fits: the whitening of {teacher} is inside
(network {network_digest}, whitening {whitening_digest}).

- **Network**: {student} ({backbone}, {parameters:,} parameters), distilled from {teacher} by the loss {loss}, seed
  {seed}, as in "Asymmetric metric learning for knowledge transfer" (arXiv 2006.16331).
- **Trained on**: {trained_on}. {note}
- **Input**: `{input}`, uint8, (batch, 3, height, width), RGB from 0 to 255, sides of {smallest_side} pixels or more.
  Testing shrinks photos to a longer side of {image_size} pixels; normalisation is inside.
- **Output**: `{output}`, float32, (batch, {dimension}).
- **Licence**: MIT, as the project that made it. It started from the weights `{weights}` and learned from
  the images named above, which have licences of their own: see the project's docs/licences.md.

| file | bytes | {sets} | sha256 |
|---|---|{rulers}---|
{rows}

Columns of sets: Medium mAP in percent, by these files alone, on the database of {teacher}. `multiscale` describes the
photo at the scales {scales} and takes their mean; `float16` stores weights in 16 bits; `int8` computes convolutions in
8 bits.
"""


def card(about: dict) -> str:
    """Return the text of README.md of an exported student, from its model.json."""
    files = about["files"]
    sets = list(next(iter(files.values()))["mAP"])
    rows = [
        f"| {name} | {file['bytes']:,} | "
        + " | ".join(f"{file['mAP'][of_set].get('medium', '')}" for of_set in sets)
        + f" | {file['sha256']} |"
        for name, file in files.items()
    ]
    words = {
        "teacher": about["teacher"]["key"],
        "network_digest": about["teacher"]["sha256"][:12],
        "whitening_digest": about["teacher"]["whitening"][:12],
        "weights": weights_source(about["backbone"]),
        "scales": ", ".join(f"{scale:.3g}" for scale in about["scales"]),
        "sets": " | ".join(sets),
        "rulers": "---|" * len(sets),
        "rows": "\n".join(rows),
    }
    return CARD.format(**about | words)
