"""Label two views of one landmark by the faces that both show: the ground truth."""

import numpy as np

from synthetic.views import View


def covisibility(first: View, second: View) -> float:
    """The visible surface that two views share, 0 to 1. Each face counts by its share of a view's landmark pixels."""
    shares = [view.visible / max(1, view.visible.sum()) for view in (first, second)]
    return float(np.minimum(*shares).sum())


def grade(query: View, view: View) -> str:
    """The label, "easy", "hard" or "junk", of a database view of the query's landmark."""
    shared = covisibility(query, view)
    if view.coverage < 0.03 or view.unhidden < 0.25 or shared < 0.08:
        return "junk"
    is_alike = query.is_dark == view.is_dark and abs(np.log(query.scale / view.scale)) < 0.8
    is_clear = view.unhidden > 0.7 and view.coverage > 0.12
    return "easy" if shared > 0.5 and is_alike and is_clear else "hard"


def can_be_query(view: View) -> bool:
    """Whether the landmark is large and free enough for a query."""
    return view.coverage > 0.05 and view.unhidden > 0.5


def is_pair(first: View, second: View) -> bool:
    """Whether one can be the other's positive in training."""
    smallest, freest = min(first.coverage, second.coverage), min(first.unhidden, second.unhidden)
    return smallest > 0.05 and freest > 0.3 and covisibility(first, second) > 0.3
