"""Finds fonts for characters that matplotlib's own font lacks, Chinese or Japanese ones for example."""

import contextlib

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry

OWN = "DejaVu Sans"  # comes with matplotlib, so that figures of Latin, Greek and Cyrillic are the same everywhere


def fallbacks(text: str) -> tuple[list[str], str]:
    """Families of installed fonts, best first, that together have the characters of `text` which OWN lacks; and the
    characters that no installed font has."""
    missing = {character for character in text if character.isprintable() and not character.isspace()}
    missing -= _characters(font_manager.findfont(OWN), missing)
    families = []
    if missing:
        known = {entry.fname for entry in font_manager.fontManager.ttflist}
        for path in font_manager.findSystemFonts():  # matplotlib's own list may be older than a font
            if path not in known:
                with contextlib.suppress(OSError, RuntimeError):  # no font that matplotlib can read
                    font_manager.fontManager.addfont(path)
        # Last Resort, which comes with matplotlib, has a box for every character
        fonts = [font for font in font_manager.fontManager.ttflist if not font.name.startswith("Last Resort")]
        for font in sorted(fonts, key=_plainness):
            found = _characters(font.fname, missing)
            if found:
                families.append(font.name)
                missing -= found
            if not missing:
                break
    return families, "".join(sorted(missing))


def _characters(path: str, wanted: set[str]) -> set[str]:
    """The characters of `wanted` that the font in a file has."""
    characters = font_manager.get_font(path).get_charmap()
    return {character for character in wanted if ord(character) in characters}


def _plainness(font: FontEntry) -> tuple:
    """A key that sorts upright sans-serif fonts of normal weight first, equal ones by name."""
    is_normal = str(font.weight) in ("400", "normal", "regular")
    return font.style != "normal", not is_normal, "Sans" not in font.name, font.name
