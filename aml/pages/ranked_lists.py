"""Pictures of ranked lists: which queries are shown, which results are right, and how they are arranged."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from aml.pages.contact_sheet import FRAME, GAP, SIDE, TEXT, contact_sheet, put_framed

NUM_RESULTS = 10
NUM_RANDOM = 3


def chosen(gains: dict[str, float], *, seed: int) -> dict[str, str]:
    """Return the queries to show, by role: "best gain", "worst gain", and three of the others, "random 1", ...

    gains: by query. No query is chosen twice, so a small set fills fewer roles. Of equal gains the first is chosen.
    """
    left, roles = list(gains), {}
    for role, extreme in (("best gain", max), ("worst gain", min)):
        if left:
            roles[role] = extreme(left, key=gains.get)
            left.remove(roles[role])
    drawn = np.random.default_rng(seed).permutation(len(left))[:NUM_RANDOM]
    return roles | {f"random {i}": left[index] for i, index in enumerate(drawn, start=1)}


def judged(rows: Iterable[int], labels: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    """Judge each database row of a ranking, best first: easy, hard, junk or wrong, and a text with its rank.

    Junk has no rank: it is shown where it was found and counts neither way.
    """
    kind_of = {row: kind for kind, of_kind in labels.items() for row in of_kind.tolist()}
    found, rank = [], 0
    for row in rows:
        kind = kind_of.get(row, "wrong")
        rank += kind != "junk"
        found.append((kind, kind if kind == "junk" else f"{rank} {kind}"))
    return found


def picture(query: Image.Image, lists: list[tuple[str, list[tuple[str, Image.Image, str]]]]) -> Image.Image:
    """Return a query's thumbnail, and beside it a row for each list: a label, and pictures of kind, thumbnail and text,
    which `judged` gives."""
    rows = contact_sheet(lists, under=TEXT + GAP)
    left = GAP + SIDE + 2 * FRAME + GAP
    sheet = Image.new("RGB", (left + rows.width - GAP, rows.height), "white")
    sheet.paste(rows, (left, 0))
    put_framed(sheet, GAP, (sheet.height - left - TEXT) // 2, "query", query, "query")
    return sheet
