"""Draw ranked lists of the cell under study: pictures of queries and the database images nearest to them.

For each test set these are the queries with the best and the worst gain of the student over its teacher (Medium AP,
asymmetric minus the teacher's own), and three at random. A picture shows the results of the student on its own index,
of the student on its teacher's, and of the teacher.

Distractors are left out, because few database images would appear among a million of them. A teacher without
descriptors of queries has no lists.

Reads: <cell>, which names the cell; <descriptors>/<key> and <queries>/<key>.csv of the student and of its teacher;
<processed>; <ground_truth>. Writes: <folder>: a JPEG for each query, and ranked_lists.json, a list of {"file", "title",
"caption"}.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from aml.evaluation.neighbours import nearest
from aml.evaluation.per_query import read_average_precisions
from aml.evaluation.protocol import Lists, describes_queries
from aml.evaluation.whitening import whiten_queries
from aml.files.atomic import replacing_folder, write_json
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_sets
from aml.files.image_sets import ImageSet, read_images, read_queries
from aml.files.whitening import database_whitening
from aml.pages.contact_sheet import thumbnail
from aml.pages.ranked_lists import NUM_RESULTS, chosen, judged, picture
from stages.runtime import run_command

LEVEL = "medium"
VIEWS = (  # label, network of the query, network of the database, protocol
    ("symmetric: student\non its own index", "student", "student", "symmetric"),
    ("asymmetric: student\non teacher's index", "student", "teacher", "asymmetric"),
    ("the teacher\non its own index", "teacher", "teacher", "symmetric"),
)


def main(
    cell: Path, descriptors: Path, queries: Path, processed: Path, ground_truth: Path, folder: Path, values: dict
) -> None:
    who = json.loads(cell.read_text(encoding="utf-8"))
    keys = {"student": who["key"], "teacher": who["teacher"]}
    described = {role: DescriptorFolder(descriptors / key) for role, key in keys.items()}
    lists = Lists(processed, ground_truth, testing_sets(values) | {"distractors": None}, described.values())
    scores = {role: read_average_precisions(queries / f"{key}.csv") for role, key in keys.items()}
    pages, counts_of = [], lists.counts()
    if not describes_queries(described["teacher"]):
        print(f"ranked_lists: none, since {who['teacher']} has no vectors of queries to compare with", file=sys.stderr)
        counts_of = {}
    with replacing_folder(folder) as temporary:
        for name, counts in counts_of.items():
            of_views = [scores[asking].get((protocol, name, LEVEL), {}) for _, asking, _, protocol in VIEWS]
            _, asymmetric, teacher = of_views
            shown = chosen({query: found - teacher[query] for query, found in asymmetric.items()}, seed=who["seed"])
            rows = [lists.queries[name].index(query) for query in shown.values()]
            images = read_queries(processed / name), read_images(processed / name)
            ranked = rankings(name, rows, described)
            for (role, query), row, of_query in zip(shown.items(), rows, ranked, strict=True):
                found = [of_view[query] for of_view in of_views]
                file = f"{name}-{role.replace(' ', '-')}.jpg"
                drawn(*images, lists.ground_truth[name][row], row, of_query, found).save(
                    temporary / file, format="JPEG", quality=80
                )
                title = f"{name}, {role}: query {query}"
                pages.append({"file": file, "title": title, "caption": caption(keys, found, counts)})
        write_json(temporary / "ranked_lists.json", pages)


def rankings(name: str, rows: list[int], described: dict) -> np.ndarray:
    """Return the database rows nearest to these queries of a test set by each of VIEWS, (Q, len(VIEWS),
    NUM_RESULTS)."""
    found = []
    for _, asking, answering, _ in VIEWS:
        database = described[answering][f"{name}.database"]
        queries = whiten_queries(described[asking][f"{name}.queries"], database_whitening(described[answering]))
        found.append(nearest(queries[rows], database, min(NUM_RESULTS, len(database)))[0])
    return np.stack(found, axis=1)


def drawn(
    queries: ImageSet, images: ImageSet, labels: dict, query: int, ranked: np.ndarray, average_precisions: list[float]
) -> Image.Image:
    """Return the picture of one query with the results of each of VIEWS."""
    views = []
    for (label, *_), rows, found in zip(VIEWS, ranked.tolist(), average_precisions, strict=True):
        kinds = zip(rows, judged(rows, labels), strict=True)
        views.append(
            (f"{label}\nAP {found:.1f}", [(kind, thumbnail(images, row), text) for row, (kind, text) in kinds])
        )
    return picture(thumbnail(queries, query, has_box=True), views)


def caption(keys: dict[str, str], average_precisions: list[float], counts: dict) -> str:
    symmetric, asymmetric, teacher = (f"{value:.1f}" for value in average_precisions)
    return (
        f"AP at {LEVEL.capitalize()} in percent: {symmetric} by {keys['student']} on its own index, {asymmetric} by it "
        f"on the index of {keys['teacher']}, {teacher} by {keys['teacher']} on its own index. Each row: the nearest of "
        f"{counts['num_database']:,} database images, without distractors, whitened by the database's side. Easy "
        "(green) and hard (yellow) are right, wrong is red; junk (grey) counts neither way and has no rank."
    )


if __name__ == "__main__":
    run_command(main)
