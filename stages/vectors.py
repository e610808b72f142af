"""Write, from a user's vectors, what `targets` and `extract` write for a network.

Reads: <given>, the folder of vectors and names (see `aml.extraction.named_vectors`); <processed> (lists). Writes:
<targets>, a descriptor folder with the array `images`, and <descriptors>, one with the arrays of testing and
whitening.npz. Nothing is extracted here, so its `extraction` is that of the students that meet it. Without vectors of
queries it has no arrays `<set>.queries`, and the provenance says so.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aml.evaluation.whitening import learn
from aml.extraction.named_vectors import NamedVectors, of_outputs
from aml.files.atomic import replacing_folder
from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.evaluated_lists import testing_lists, testing_sets, whitening_list
from aml.files.image_sets import ImageSet, read_images
from aml.files.whitening import Whitening, whitening_digest, write_whitening
from aml.params.extraction import ExtractionSettings, WhiteningSettings
from aml.params.reading import setting
from aml.params.vectors import VectorSettings, vector_settings
from stages.runtime import run_command

DATABASE = ".database"  # ends an array's name


def main(teacher: str, given: Path, processed: Path, targets: Path, descriptors: Path, values: dict) -> None:
    settings, sets = vector_settings(values, teacher), testing_sets(values)
    extraction, train_set = setting(values, "extract", ExtractionSettings), sets["train_set"]

    def read(stem: str, images: ImageSet) -> NamedVectors:
        return NamedVectors(given, stem, images.names, components=settings.components, negative=settings.negative)

    training, tested = read_images(processed / train_set), testing_lists(processed, **sets)
    lists = {name: images for name, images in tested.items() if settings.queries or name.endswith(DATABASE)}
    vectors = {name: read(name.removesuffix(DATABASE), images) for name, images in lists.items()}
    of_training = read(train_set, training)
    whitening = Whitening(np.zeros(settings.components), np.eye(settings.components))
    if settings.whitening == "learned":
        images, pairs = whitening_list(processed / train_set)
        shrinkage = setting(values, "whitening", WhiteningSettings).shrinkage
        whitening = learn(read(train_set, images).unit(), *pairs, shrinkage=shrinkage)
    with replacing_folder(targets) as folder:
        entry = write(folder, "images", training, of_training, settings)
        who = identity(settings, [of_training])  # of these alone: a change of others must not train again
        write_provenance(folder, network=who, extraction={}, whitening=None, arrays={"images": entry})
    dtypes = {f"{sets['distractors']}{DATABASE}": extraction.distractor_dtype}
    with replacing_folder(descriptors) as folder:
        arrays = {}
        for name, images in lists.items():
            by = whitening if name.endswith(DATABASE) else None
            arrays[name] = write(folder, name, images, vectors[name], settings, by, dtypes.get(name, "float32"))
        write_whitening(folder, of_outputs(whitening) if settings.negative == "split" else whitening)
        students = {name: getattr(extraction, name) for name in ("image_size", "scales", "precision")}
        students["query_crop"], digest = True, whitening_digest(folder)
        who = identity(settings, vectors.values()) | {"queries": settings.queries}
        write_provenance(folder, network=who, extraction=students, whitening=digest, arrays=arrays)


def identity(settings: VectorSettings, vectors: Iterable[NamedVectors]) -> dict:
    """Return what provenance.json says in place of a network; `sha256` is of the files of these vectors."""
    digests = [of_list.sha256() for of_list in vectors]
    return {
        "source": "vectors",
        "sha256": hashlib.sha256(repr(digests).encode()).hexdigest(),
        "dimension": settings.dimension,
        "num_parameters": None,
        "whitening": None,
    }


def write(
    folder: Path,
    name: str,
    images: ImageSet,
    vectors: NamedVectors,
    settings: VectorSettings,
    whitening: Whitening | None = None,
    dtype: str = "float32",
) -> dict:
    """Write the array of a list, whitened, or raw as its students describe it, and return its entry in the
    provenance."""
    return write_descriptors(
        folder,
        name,
        vectors.outputs() if whitening is None else vectors.whitened(whitening),
        shape=(len(images), settings.dimension if whitening is None else settings.components),
        digest=images.digest,
        dtype=dtype,
        whitened=whitening is not None,
    )


if __name__ == "__main__":
    run_command(main)
