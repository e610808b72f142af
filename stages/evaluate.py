"""Evaluate one network by both protocols (`aml.evaluation.protocol`).

Symmetric testing takes the network's own queries and database, asymmetric testing the queries of a distilled student
and its teacher's database.

Reads: <descriptors>/<key>, for a distilled student also <descriptors>/<teacher>; <processed> (lists, reports);
<ground_truth> (of each test set). Writes: <metrics>/<key>.json: the network, the numbers of images, and percentages
with two decimals of both protocols and of a random ranking (chance), with `expansion` also mAP after it;
<queries>/<key>.csv: the same measures for each query, except mAP after an expansion.
"""

from pathlib import Path

from aml.compute.device import keep_freed_memory
from aml.evaluation.expansion import constants
from aml.evaluation.per_query import write_per_query
from aml.evaluation.protocol import Lists
from aml.files.atomic import write_json
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import bad_image_counts, odd_counts, testing_sets
from aml.files.whitening import Whitening, database_whitening
from aml.params.expansion import ExpansionSettings
from aml.params.reading import setting
from stages.runtime import run_command


def main(
    descriptors: Path,
    processed: Path,
    ground_truth: Path,
    metrics: Path,
    queries: Path,
    values: dict,
    *,
    key: str,
    network: str,
    teacher: str | None = None,
    loss: str | None = None,
    seed: int | None = None,
) -> None:
    """Evaluate `network`, a name in params.yaml; `teacher` and `loss` are those of a distilled student, `seed` that
    of any student."""
    keep_freed_memory()  # an eighth of the time at 250,000 rows
    own = DescriptorFolder(descriptors / key)
    sides = {"symmetric": own}
    if teacher is not None:
        sides["asymmetric"] = DescriptorFolder(descriptors / teacher)
    sets = testing_sets(values)
    lists = Lists(processed, ground_truth, sets, sides.values())
    whitenings = {protocol: database_whitening(database) for protocol, database in sides.items()}
    expansion = setting(values, "expansion", ExpansionSettings)
    results = {
        protocol: lists.evaluate(own, database, whitenings[protocol], expansion) for protocol, database in sides.items()
    }
    results["chance"] = lists.chance()
    write_per_query(queries / f"{key}.csv", results, lists.queries_with_landmarks())
    write_json(
        metrics / f"{key}.json",
        {
            "network": {
                "key": key,
                "network": network,
                "teacher": teacher,
                "loss": loss or setting(values, "grid.loss_without_teacher", str),
                "seed": seed,
                "dimension": own.network["dimension"],
                "num_parameters": own.network["num_parameters"],
                "whitening": own.network.get("whitening"),
            },
            "evaluation": {
                **own.extraction,
                "whitening": "database",
                "learned_whitening": {protocol: learned(whitening) for protocol, whitening in whitenings.items()},
                "sets": lists.counts(),
                **bad_image_counts(processed, **sets),
                "odd": odd_counts(processed, ground_truth, sets["test_sets"]),
                **({"expansion": added} if (added := constants(expansion)) else {}),
            },
            **{
                protocol: {name: percentages(levels) for name, levels in of_sets.items()}
                for protocol, of_sets in results.items()
            },
        },
    )


def learned(whitening: Whitening) -> dict | None:
    """Return what was added to the diagonal of the whitening's scatter matrix, and the condition number of the sum;
    None for a whitening that came with its network."""
    if whitening.regularisation is None:
        return None
    return {
        "regularisation": whitening.regularisation,
        "condition_number": float(f"{whitening.condition_number:.2g}"),
    }


def percentages(levels: dict) -> dict:
    """Return the means of each level in percent, two decimals."""
    return {
        level: {name: round(100 * value, 2) for name, value in values.items() if name.startswith("m")}
        for level, values in levels.items()
    }


if __name__ == "__main__":
    run_command(main)
