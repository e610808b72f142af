"""Pictures of ranked lists: which queries are shown, which results are right, and how they are arranged."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aml.pages.contact_sheet import FONT_SIZE, FRAME, GAP, LABEL_WIDTH, SIDE, put_framed

NUM_RESULTS = 10
NUM_RANDOM = 3
TEXT = 20  # height of the line under a picture, pixels


@dataclass(frozen=True)
class RankedList:
    """The database images nearest to a query, in order."""

    label: str  # which networks rank; may have several lines
    pictures: list[tuple[str, str, Image.Image]]  # kind and text as in `judged`, and a thumbnail


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


def picture(query: Image.Image, lists: list[RankedList]) -> Image.Image:
    """Return a query's thumbnail, and beside it a row for each list: label, framed pictures, and a text under each."""
    across, down = SIDE + 2 * FRAME + GAP, SIDE + 2 * FRAME + TEXT + 2 * GAP
    num_pictures = max(len(ranked.pictures) for ranked in lists)
    sheet = Image.new("RGB", (GAP + across + LABEL_WIDTH + across * num_pictures, GAP + down * len(lists)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)

    def framed(kind: str, text: str, image: Image.Image, left: int, top: int) -> None:
        put_framed(sheet, kind, image, left, top)
        draw.text((left + SIDE / 2 + FRAME, top + SIDE + 2 * FRAME + TEXT / 2), text, "black", font, anchor="mm")

    framed("query", "query", query, GAP, (sheet.height - down) // 2)
    for number, ranked in enumerate(lists):
        top, left = GAP + down * number, GAP + across
        draw.multiline_text((left + GAP, top + SIDE / 2), ranked.label, "black", font, anchor="lm", spacing=4)
        for column, (kind, text, image) in enumerate(ranked.pictures):
            framed(kind, text, image, left + LABEL_WIDTH + across * column, top)
    return sheet
