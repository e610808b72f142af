"""The sentences above each table: what it shows and how it was measured."""

from aml.params.reports import Named, TableSettings, Teacher
from aml.tables.model import LEVELS, METRICS, Kind, tenths

NO_DISTRACTORS = "No distractors were evaluated, so every score is a dash."
ROWS = {
    "ablation": "Ablation of the contrastive loss",
    "all losses": "All losses",
    "successors": "Losses beyond the paper",
}
COLUMNS = {  # what the headings of `Kind.training` mean
    "Lab": "Lab: training used labels, which say which images show the same building.",
    "Self": "Self, Pos, Neg: the loss compares the student's descriptor of an anchor with the teacher's of the anchor "
    "itself, of a positive, of negatives.",
    "Mining": "Mining: hard, the most similar images with other labels are the negatives; random, batches are drawn at "
    "random; a dash, only the anchor is used.",
    "Asym": "Asym: the loss compares the student's descriptors with the teacher's.",
}
ACROSS = (
    "Asym: the loss compares the student's descriptors with the teacher's, one by one or by relations across the two."
)
NEIGHBOURS = "Mining by neighbours: the images nearest to the anchor in the teacher's space are used too."
NOT_THE_PAPERS = "Losses without a number are not the paper's (METHOD.md, Sec. 10)."
EXPANSIONS = {
    "mAP+QE": "mAP+QE: the search is repeated with the query plus its {neighbours} nearest images, {weights}.",
    "mAP+DBA": "mAP+DBA: each database image is replaced by itself plus its {neighbours} nearest ones, {weights}.",
}
BOLD = "Bold: the best mAP of each teacher-student pair."
TESTING = {
    "symmetric": "The student describes queries and database.",
    "asymmetric": "The student describes the queries, its teacher the database.",
}


def title(kind: Kind, distractors: Named | None) -> str:
    """Return the first words of a caption, which a list of tables shows too."""
    ending = ""
    if kind.with_distractors:
        ending = f" with {distractors.label} distractors" if distractors else " with distractors"
    return f"{ROWS[kind.rows]}, {kind.protocol} testing{ending}"


def caption(
    kind: Kind, settings: TableSettings, distractors: Named | None, evaluation: dict | None, chance: dict
) -> str:
    """Return a table's caption.

    `distractors` are those that were evaluated, `evaluation` is that part of any of the table's records, None without
    records, `chance` what a random ranking scores by column.
    """
    sentences = [settings.note, f"{title(kind, distractors)}."]
    if kind.with_distractors and distractors is None:
        sentences.append(NO_DISTRACTORS)
    sentences.append(TESTING[kind.protocol])
    if kind.rows != "ablation":
        scores = "; their scores are the symmetric ones" if kind.protocol == "asymmetric" else ""
        sentences.append(f"The networks above the first pair were trained without a teacher{scores}.")
    trained = f" Trained on {settings.train_set.label}." if settings.train_set else ""
    sentences.append(
        f"All networks have GeM pooling and learned whitening; the database's side provides the whitening.{trained} "
        "mAP and mP@10 are in percent; queries are cropped."
    )
    sentences += _vectors([teacher for teacher in settings.teachers if teacher.vectors])
    if settings.shrinkage:
        sentences.append(
            f"Whitening is learned with shrinkage {settings.shrinkage:g}: this share of the mean of the scatter's "
            "diagonal is added to the diagonal."
        )
    if settings.several_seeds:
        sentences.append(f"Students: mean and standard deviation over seeds {', '.join(map(str, settings.seeds))}.")
    if evaluation is not None:
        sentences += [_expansion(*found) for found in evaluation.get("expansion", {}).items()]
        sentences += _measurement(kind.with_distractors, settings, evaluation, chance)
    columns = COLUMNS | ({"Asym": ACROSS} if kind.rows == "successors" else {})
    sentences += [columns[heading] for heading in kind.training if heading in columns]
    if any(loss.mining == "neighbours" for loss in kind.losses(settings.losses)):
        sentences.append(NEIGHBOURS)
    if any(loss.equation for loss in settings.losses):
        sentences.append("The number of a loss is that of its equation in the paper.")
    if kind.rows == "successors":
        sentences.append(NOT_THE_PAPERS)
    sentences.append(BOLD)
    return " ".join(filter(None, sentences))


def _expansion(name: str, constants: dict) -> str:
    alpha = constants["alpha"]
    weights = "weighted by rank" if alpha is None else f"weighted by their similarity to the power of {alpha:g}"
    return EXPANSIONS[name].format(neighbours=constants["neighbours"], weights=weights)


def _vectors(teachers: list[Teacher]) -> list[str]:
    """Return sentences on teachers that are known by their vectors alone: how their tests differ from the others."""
    if not teachers:
        return []
    words = f"Teachers that are known by their vectors alone: {', '.join(teacher.label for teacher in teachers)}"
    plain = ", ".join(teacher.label for teacher in teachers if teacher.vectors.whitening == "none")
    return [f"{words}; not whitened: {plain}." if plain else f"{words}."]


def _measurement(with_distractors: bool, settings: TableSettings, evaluation: dict, chance: dict) -> list[str]:
    """Return sentences on image size and scales, and on each test set with what is odd about its queries."""
    scales = ", ".join(f"{scale:.3g}" for scale in evaluation["scales"])
    sentences = [f"Longer side {evaluation['image_size']} px, scales {scales}."]
    for test_set in settings.test_sets:
        counts = evaluation["sets"][test_set.key]
        parts = [
            f"{test_set.label}: {counts['num_queries']:,} queries of {counts['num_landmarks']:,} landmarks",
            f"{counts['num_database']:,} database images",
            *([f"{counts['num_distractors']:,} distractors"] if with_distractors else []),
        ]
        odd = [f"{what}: {count:,}" for what, count in evaluation["odd"].get(test_set.key, {}).items()]
        random = [
            f"{level.capitalize()} {' and '.join(f'{metric} {tenths(value)}' for metric, value in found)}"
            for level in LEVELS
            if (found := [(m, v) for m in METRICS if (v := chance[f"{test_set.key}_{level}_{m}"]) is not None])
        ]
        chances = [f"a random ranking gives {', '.join(random)}"] if random else []
        sentences.append(f"{'; '.join([', '.join(parts), *chances, *odd])}.")
    return sentences
