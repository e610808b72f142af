"""Ranked lists to look at: which queries, what is right and wrong in a list, and a picture of several. Torch-free."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aml.pages.contact_sheet import FONT_SIZE, FRAME, GAP, LABEL_WIDTH, SIDE, put_framed

NUM_PLACES = 10
NUM_RANDOM = 3
TEXT = 20  # height of the line under a picture, pixels


@dataclass(frozen=True)
class RankedList:
    """The nearest database images of a query, in order."""

    label: str  # who ranks; several lines
    pictures: list[tuple[str, str, Image.Image]]  # kind and text, as `judged` gives them, and a thumbnail


def chosen(gains: dict[str, float], *, seed: int) -> dict[str, str]:
    """Which queries to show, by role: the "best gain", the "worst gain", and three of the others, "random 1", ...

    gains: by query. No query is chosen twice; of few, fewer roles are filled. Equal gains: the first.
    """
    left, roles = list(gains), {}
    for role, extreme in (("best gain", max), ("worst gain", min)):
        if left:
            roles[role] = extreme(left, key=gains.get)
            left.remove(roles[role])
    drawn = np.random.default_rng(seed).permutation(len(left))[:NUM_RANDOM]
    return roles | {f"random {i}": left[place] for i, place in enumerate(drawn, start=1)}


def judged(rows: Iterable[int], labels: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    """Of each database row of a ranking, best first: easy, hard, junk or wrong, and a text that says so with its place.

    Junk has no place: it is shown where it was found and counts neither way.
    """
    kind_of = {row: kind for kind, of_kind in labels.items() for row in of_kind.tolist()}
    found, place = [], 0
    for row in rows:
        kind = kind_of.get(row, "wrong")
        place += kind != "junk"
        found.append((kind, kind if kind == "junk" else f"{place} {kind}"))
    return found


def picture(query: Image.Image, lists: list[RankedList]) -> Image.Image:
    """A query's thumbnail, and beside it a row a list: label, and the framed pictures with their texts."""
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
        for place, (kind, text, image) in enumerate(ranked.pictures):
            framed(kind, text, image, left + LABEL_WIDTH + across * place, top)
    return sheet
