"""Miniature raw folders in the upstream layouts, for the tests beside this file."""

import io
import pickle
import tarfile

import numpy as np
from PIL import Image


def image(number, size=(40, 30), mode="RGB", file_format="JPEG", **options) -> bytes:
    """Encoded noise that depends on `number`."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize(size).convert(mode).save(file, file_format, **options)
    return file.getvalue()


def write_archive(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def write_pickle(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, 2))
