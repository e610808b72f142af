"""Small pictures in labelled rows; the frame of each tells what it is to the row's query."""

from PIL import Image, ImageDraw, ImageFont

from aml.files.image_sets import ImageSet
from aml.images import read_pixels

SIDE = 96  # longer side of a picture, pixels
FRAME = 3
GAP = 4
LABEL_WIDTH = 170
FONT_SIZE = 16
TEXT = 20  # height of a line under a picture, pixels
# green and yellow of Okabe and Ito, and Tol's red, which colour-blind people can tell apart
FRAMES = {
    "query": "#000000",
    "easy": "#009e73",
    "hard": "#e69f00",
    "junk": "#999999",
    "wrong": "#cc3311",
    "": "#ffffff",
}


def thumbnail(images: ImageSet, row: int, *, has_box: bool = False) -> Image.Image:
    """Return image `row` with a longer side of at most SIDE pixels; with `has_box`, its box is drawn on it."""
    image = Image.fromarray(read_pixels(images, row))
    scale = max(1, max(image.size) / SIDE)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if has_box:
        x0, y0, x1, y1 = (value / scale for value in images.boxes[row])
        ImageDraw.Draw(image).rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline="#ff0000")
    return image


def contact_sheet(rows: list[tuple[str, list[tuple | None]]], *, under: int = 0) -> Image.Image:
    """Arrange rows of (label, pictures). A picture is (one of FRAMES, image) or has a text, too, for which there are
    `under` pixels under each row; None is a gap."""
    pitch = SIDE + 2 * FRAME + GAP
    width = LABEL_WIDTH + pitch * max(len(pictures) for _, pictures in rows)
    sheet = Image.new("RGB", (width + GAP, (pitch + under) * len(rows) + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    for number, (label, pictures) in enumerate(rows):
        top = GAP + (pitch + under) * number
        draw.multiline_text((GAP, top + SIDE / 2), label, "black", font, anchor="lm", spacing=4)
        for column, picture in enumerate(pictures):
            if picture is not None:
                put_framed(sheet, LABEL_WIDTH + pitch * column, top, *picture)
    return sheet


def put_framed(sheet: Image.Image, left: int, top: int, kind: str, image: Image.Image, text: str = "") -> None:
    """Paste a picture in the frame of its kind, centred in the square of SIDE + 2 FRAME pixels at (left, top), and
    write a text under it."""
    middle = left + SIDE / 2 + FRAME, top + SIDE + 2 * FRAME + TEXT / 2
    ImageDraw.Draw(sheet).text(middle, text, "black", ImageFont.load_default(FONT_SIZE), anchor="mm")
    left, top = left + (SIDE - image.width) // 2, top + (SIDE - image.height) // 2
    corners = (left, top, left + image.width + 2 * FRAME - 1, top + image.height + 2 * FRAME - 1)
    ImageDraw.Draw(sheet).rectangle(corners, fill=FRAMES[kind])
    sheet.paste(image, (left + FRAME, top + FRAME))
