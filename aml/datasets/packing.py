"""Pack the listed images of archives into images.tar: each is decoded once, and stored with its own bytes."""

import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from aml.datasets import archives
from aml.datasets.image_set_writer import PackWriter
from aml.datasets.upstream_lists import first_of, one_form
from aml.images import Checked, check, in_order

MAX_IMAGE_BYTES = 256 << 20
_AHEAD = 4  # images a worker may have waiting: bounds the memory


@dataclass
class Packed:
    """The result of packing, by the names of report.json.

    excluded: name -> problem, of listed images that cannot be decoded and are not packed; filled: the same for damaged
    images that are packed and that readers fill.
    """

    archives: dict[str, int] = field(default_factory=dict)  # file name -> listed images in it
    modes: Counter = field(default_factory=Counter)  # Pillow mode -> images
    exif_rotated: int = 0
    unlisted_files: int = 0
    repeated_files: int = 0
    excluded: dict[str, str] = field(default_factory=dict)
    filled: dict[str, str] = field(default_factory=dict)
    num_images: int = 0  # files with an image's extension, listed or not
    converted: int = 0

    def report(self) -> dict:
        """Return the entries that report.json has for each layout."""
        return {name: value for name, value in vars(self).items() if name not in ("num_images", "converted")}


def pack_listed(
    paths: list[Path],
    names: list[str],
    pack: PackWriter,
    *,
    name_of: Callable[[str], str | None],
    on_bad_image: str,
    num_workers: int,
    is_whole: bool = True,
    hint: str = "",
    prepare: Callable[[bytes], tuple[bytes, Checked]] = lambda data: (data, check(data)),
) -> Packed:
    """Pack the images called `names` in the order of the archives.

    name_of: path in an archive (in Unicode's form NFC) -> name of the image. hint: a sentence that an error about
    missing images adds. is_whole: all names must be in these archives; otherwise they are the first of several.
    prepare: an image's bytes -> the bytes that are packed, and what they are. num_workers: threads that decode.
    on_bad_image: "error"; "exclude", to leave out images that cannot be decoded; or "fill", to keep the readable part
    of a damaged one [code].

    Raises ValueError if a listed image is missing or comes twice with different bytes, if one cannot be decoded (unless
    it is to be excluded), and if the header of one that is to be filled can't be read.
    """
    packed, seen = Packed(), {}
    jobs = _jobs(paths, set(names), lambda member: name_of(one_form(member)), seen, packed)
    with warnings.catch_warnings(), ThreadPoolExecutor(num_workers) as pool:
        warnings.simplefilter("ignore")  # Pillow's, about metadata and palettes; what matters becomes a problem
        prepared = in_order(pool, lambda job: (*job, *prepare(job[1])), jobs, num_workers * _AHEAD)
        for name, data, stored, checked in tqdm(prepared, total=len(names), desc="images", unit="image", disable=None):
            packed.converted += stored is not data
            _add(name, stored, checked, pack, packed, on_bad_image)
    _check_complete(names if is_whole else list(seen), seen, packed, on_bad_image, paths, hint)
    return packed


def _jobs(paths, wanted, name_of, seen, packed):
    """Yield name and bytes of each wanted image the first time that it comes."""
    for path in paths:
        packed.archives[path.name] = 0
        files = archives.files(path, is_wanted=lambda member: name_of(member) in wanted, max_bytes=MAX_IMAGE_BYTES)
        for member, data in files:
            name = name_of(member)
            packed.num_images += name is not None
            if data is None:
                packed.unlisted_files += 1
                continue
            contents = hash(data)  # 64 bits of each image are kept, not its bytes
            packed.archives[path.name] += 1
            if name not in seen:
                seen[name] = contents
                yield name, data
            elif seen[name] == contents:
                packed.repeated_files += 1
            else:
                raise ValueError(f"archive {path}, {member!r}: image {name!r} came before with other bytes")


def _add(name, data, checked, pack, packed, on_bad_image):
    is_filled = on_bad_image == "fill" and checked.can_be_filled
    if is_filled:
        packed.filled[name] = checked.problem
    elif checked.problem:
        packed.excluded[name] = checked.problem
        return
    pack.add(name, data, checked.width, checked.height, filled=is_filled)
    packed.modes[checked.mode] += 1
    packed.exif_rotated += checked.is_rotated


def _check_complete(names, seen, packed, on_bad_image, paths, hint):
    where = ", ".join(str(path) for path in paths)
    missing = [name for name in names if name not in seen]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(names)} listed images are not in {where}: {first_of(missing)}; "
            f"the archives are incomplete or belong to another list{hint}"
        )
    if packed.excluded and on_bad_image != "exclude":
        name, problem = next(iter(packed.excluded.items()))
        remedy = ", not even filled; on_bad_image: exclude leaves them out" if on_bad_image == "fill" else ""
        raise ValueError(
            f"{len(packed.excluded)} of {len(names)} images in {where} cannot be used: {first_of(packed.excluded)}; "
            f"{name!r}: {problem}{remedy}"
        )
