"""The figure of kinds of index: what recall and mAP cost in bytes an image and in milliseconds a query."""

from aml.pages.figures.style import REFERENCE_LINE, Picture, entry, legend_below, mark_style, panels, sentences

COSTS = {"bytes_a_row": "Bytes that an image adds", "milliseconds_a_query": "Milliseconds a query"}
CAPTION = (
    "float32 is exact and stores the descriptors as they are; float16, int8 and PQ (product quantisation, by bytes a "
    "code) compare each query with every image, too. The others look at a part of them, and can gain mAP by missing "
    "wrong images that rank high. The dashed line is float32."
)


def indexes_picture(record: dict, note: str) -> Picture:
    """Draw a column for bytes and one for time, a row for recall and one for mAP (the mean over test sets), and in
    each panel a mark for each kind of index in the record of the stage `index`."""
    kinds = record["kinds"]
    gains = {
        "Recall at 10": {name: kind["recall_at_10"] for name, kind in kinds.items()},
        "mAP (%)": {name: sum(kind["mAP"].values()) / len(kind["mAP"]) for name, kind in kinds.items()},
    }
    figure, axes = panels(2, 2, 2.2, sharex="col", sharey="row")
    for row, (gain, values) in zip(axes, gains.items(), strict=True):
        for panel, cost in zip(row, COSTS, strict=True):
            panel.axhline(values["float32"], **REFERENCE_LINE)
            for number, name in enumerate(kinds):
                panel.plot(kinds[name][cost], values[name], linestyle="none", **mark_style(number))
            panel.set_xlim(left=0)
        row[0].set_ylabel(gain)
    for panel, label in zip(axes[-1], COSTS.values(), strict=True):
        panel.set_xlabel(label)
    legend_below(figure, [entry(name, **mark_style(number)) for number, name in enumerate(kinds)], columns=5)
    first = (
        f"Kinds of index of {record['rows']:,} images by {record['teacher']['key']}, dimension {record['dimension']}; "
        f"{record['level'].capitalize()} mAP with distractors, of the teacher's own queries, the mean over test sets."
    )
    return Picture("indexes", "What an index costs", sentences(note, first, CAPTION), figure)
