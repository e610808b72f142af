"""One network's descriptors of every list that testing needs, multi-scale.

Reads: <model>, <processed> (the sets of testing). Writes: <descriptors>, a descriptor folder with, for each test set,
`<set>.queries` (cropped to their boxes) and `<set>.database`; `<training set>.whitening`, the images of the whitening
pairs, each once, by rising row; `<distractors>.database`, in the type that params.yaml names. A network that owns its
whitening hands it on as whitening.npz, and the whitening images are left out. An interrupted run leaves its unfinished
work beside <descriptors>, and the next one goes on with it.
"""

from pathlib import Path

from aml.compute.device import runtime
from aml.compute.feature_cache import FEATURE_CACHE
from aml.extraction.descriptor_folder import describe_lists
from aml.files.evaluated_lists import testing_lists, testing_sets
from aml.files.whitening import read_whitening
from aml.params.extraction import ExtractionSettings
from aml.params.reading import setting
from stages.runtime import run_command


def main(model: Path, processed: Path, descriptors: Path, values: dict) -> None:
    settings, where = setting(values, "extract", ExtractionSettings), runtime(values)
    sets = testing_sets(values)
    if read_whitening(model) is not None:
        sets["train_set"] = None
    lists, _ = testing_lists(processed, **sets)
    describe_lists(
        model,
        descriptors,
        lists,
        {
            "image_size": settings.image_size,
            "scales": settings.scales,
            "precision": settings.precision,
            "query_crop": True,
        },
        dtypes=dict.fromkeys(lists, "float32") | {f"{sets['distractors']}.database": settings.distractor_dtype},
        batch_size=settings.batch_size,
        device=where.torch_device(),
        num_workers=where.num_workers,
        cache=FEATURE_CACHE,
        compiled=where.compile,
    )


if __name__ == "__main__":
    run_command(main, in_processes=True)
