"""Describe, with one network, every list that testing needs: multi-scale, database and distractors whitened.

Reads: <model>, <processed> (the sets of testing). Writes: <descriptors>, a descriptor folder with, for each test set,
`<set>.queries` (cropped to their boxes, raw: in asymmetric testing the teacher's whitening applies to them) and
`<set>.database`; `<distractors>.database`, in the type that params.yaml names; whitening.npz. The whitening is the
network's own, or learned from its descriptors of the whitening images, which are described first. An interrupted run
leaves its unfinished work beside <descriptors>, and the next one continues it.
"""

from pathlib import Path

from aml.compute.device import runtime
from aml.extraction.database_whitening import DatabaseWhitening
from aml.extraction.descriptor_folder import describe_lists
from aml.files.evaluated_lists import testing_lists, testing_sets, whitening_list
from aml.files.whitening import read_whitening
from aml.params.extraction import ExtractionSettings, WhiteningSettings
from aml.params.reading import setting
from stages.runtime import run_command


def main(model: Path, processed: Path, descriptors: Path, values: dict) -> None:
    settings, sets = setting(values, "extract", ExtractionSettings), testing_sets(values)
    lists, owned = testing_lists(processed, **sets), read_whitening(model)
    databases = [name for name in lists if name.endswith(".database")]
    if owned is not None:
        whitening = DatabaseWhitening(databases, owned=owned)
    elif sets["train_set"] is None:
        raise ValueError(f"{model} owns no whitening, and grid.train_set is empty: name the set that it is learned on")
    else:
        images, pairs = whitening_list(processed / sets["train_set"])
        learned_on = f"{sets['train_set']}.whitening"
        shrinkage = setting(values, "whitening", WhiteningSettings).shrinkage
        whitening = DatabaseWhitening(databases, learned_on=learned_on, pairs=pairs, shrinkage=shrinkage)
        lists = {learned_on: images} | lists
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
        where=runtime(values),
        whitening=whitening,
    )


if __name__ == "__main__":
    run_command(main, in_processes=True)
