"""The note under a table on images that preprocessing left out or filled. Torch-free."""

from aml.params.reports import Named

WHAT = {"num_excluded": "left out", "num_filled": "decoded as far as they go, the rest filled"}


def bad_images_note(evaluation: dict | None, *, unused: Named | None) -> tuple[str, ...]:
    """A sentence with the numbers of damaged images in each dataset but `unused`, from that part of a record; () if
    there are none."""
    counts = [
        f"{count:,} of {name} {what}"
        for field, what in WHAT.items()
        for name, count in (evaluation[field].items() if evaluation else ())
        if count and not (unused and name == unused.key)
    ]
    return (f"Damaged images: {'; '.join(counts)}.",) if counts else ()
