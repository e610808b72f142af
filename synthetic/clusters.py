"""Draw all views of one landmark, again and again until its ground truth is usable: one job of a process."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthetic.kinds import KINDS
from synthetic.landmarks import PALETTE, Landmark, draw_landmark
from synthetic.scenery import draw_landscape
from synthetic.streams import stream
from synthetic.views import View, draw_view

QUERY_DIFFICULTY = 0.2
VIEW_DIFFICULTIES = (0.05, 0.5)
OTHER_DIFFICULTIES = (0.1, 0.9)
POSITIVES_PER_VIEW = 3  # at most
LANDSCAPE_SHARE = 0.25  # of the images that show none of a set's landmarks
MAX_ATTEMPTS = 200


@dataclass(frozen=True)
class Job:
    """A landmark, the number of its views and of its queries, and its possible kinds and stones."""

    key: tuple
    image_size: int
    num_views: int = 1
    num_queries: int = 0
    kinds: Sequence[str] = KINDS
    palette: Sequence[int] = PALETTE


@dataclass(frozen=True)
class Cluster:
    """JPEGs of one landmark, queries first, and (query, positive) pairs of their numbers; for each query its box and
    the grade of each other view."""

    jpegs: list[bytes]
    pairs: list[tuple[int, int]]
    boxes: list[list[float]]
    grades: list[list[str]]


def draw_cluster(job: Job) -> Cluster:
    """Draw a landmark of which each query has an easy or a hard view; the pairs are all of these. Without queries, some
    of its views make pairs."""
    landmark = draw_landmark(job.key, job.kinds, job.palette)
    queries = [_draw_query(landmark, number, job.image_size) for number in range(job.num_queries)]
    for attempt in range(MAX_ATTEMPTS):
        views = _draw_views(landmark, job, attempt)
        grades = [[grade(query, view) for view in views] for query in queries]
        if queries:
            pairs = np.add(np.argwhere(np.array(grades) != "junk"), (0, len(queries))).tolist()
        else:
            pairs = _pairs(job.key, views)
        if pairs and all({"easy", "hard"} & set(row) for row in grades):
            return Cluster([view.jpeg for view in queries + views], pairs, [query.box for query in queries], grades)
    raise RuntimeError(f"landmark {job.key}: no positive among {job.num_views} views, {MAX_ATTEMPTS} times")


def draw_other(job: Job) -> bytes:
    """Return the JPEG of a landmark that is seen only once, or of none."""
    random = stream("other", *job.key)
    if random.random() < LANDSCAPE_SHARE:
        return draw_landscape(job.key, job.image_size)
    landmark = draw_landmark(job.key, job.kinds, job.palette)
    return draw_view(landmark, ("view", 0), random.uniform(*OTHER_DIFFICULTIES), job.image_size).jpeg


def _draw_views(landmark: Landmark, job: Job, attempt: int) -> list[View]:
    views = []
    for number in range(job.num_views):
        difficulty = stream("difficulty", *job.key, number, attempt).uniform(*VIEW_DIFFICULTIES)
        views.append(draw_view(landmark, ("view", number, attempt), difficulty, job.image_size))
    return views


def _draw_query(landmark: Landmark, number: int, image_size: int) -> View:
    for attempt in range(MAX_ATTEMPTS):
        view = draw_view(landmark, ("query", number, attempt), QUERY_DIFFICULTY, image_size)
        if view.coverage > 0.05 and view.unhidden > 0.5:  # the landmark is large and free enough
            return view
    raise RuntimeError(f"landmark {landmark.key}: no clear view for query {number} in {MAX_ATTEMPTS} attempts")


def _pairs(key: tuple, views: list[View]) -> list[tuple[int, int]]:
    """Return up to POSITIVES_PER_VIEW positives of each view, in random order."""
    pairs = []
    for query, view in enumerate(views):
        others = [number for number, other in enumerate(views) if number != query and is_pair(view, other)]
        chosen = stream("pairs", *key, query).permutation(len(others))[:POSITIVES_PER_VIEW]
        pairs += [(query, others[number]) for number in chosen]
    return pairs


def covisibility(first: View, second: View) -> float:
    """Return the visible surface that two views share, 0 to 1. Each face counts by its share of a view's landmark
    pixels."""
    shares = [view.visible / max(1, view.visible.sum()) for view in (first, second)]
    return float(np.minimum(*shares).sum())


def grade(query: View, view: View) -> str:
    """Return the label, "easy", "hard" or "junk", of a database view of the query's landmark."""
    shared = covisibility(query, view)
    if view.coverage < 0.03 or view.unhidden < 0.25 or shared < 0.08:
        return "junk"
    is_alike = query.is_dark == view.is_dark and abs(np.log(query.scale / view.scale)) < 0.8
    is_clear = view.unhidden > 0.7 and view.coverage > 0.12
    return "easy" if shared > 0.5 and is_alike and is_clear else "hard"


def is_pair(first: View, second: View) -> bool:
    """Return whether one can be the other's positive in training."""
    smallest, freest = min(first.coverage, second.coverage), min(first.unhidden, second.unhidden)
    return smallest > 0.05 and freest > 0.3 and covisibility(first, second) > 0.3
