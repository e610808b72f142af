"""Both protocols for one network: symmetric, its own queries and database; asymmetric, the queries of a distilled
student and its teacher's database. See `aml.evaluation.protocol`.

Reads: <descriptors>, <processed> (lists, whitening pairs), <ground_truth> (of each test set), <teacher> (descriptors,
for a distilled student).
Writes: <record>, JSON: who it is, what was measured on how much, and nested percentages with two decimals;
<queries>, CSV: the same measures query by query.
"""

import argparse
from pathlib import Path

from aml.evaluation.per_query import write_per_query
from aml.evaluation.protocol import Lists
from aml.evaluation.whitening import Whitening
from aml.files.atomic import write_json
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import bad_image_counts, odd_counts, testing_sets
from aml.params.reading import parameters, setting
from stages.runtime import run


def main(
    descriptors: Path,
    processed: Path,
    ground_truth: Path,
    record: Path,
    queries: Path,
    teacher: Path | None,
    loss: str | None,
    seed: int | None,
    values: dict,
) -> None:
    own = DescriptorFolder(descriptors)
    sides = {"symmetric": own}
    if teacher is not None:
        sides["asymmetric"] = DescriptorFolder(teacher)
    lists = Lists(processed, ground_truth, testing_sets(values))
    lists.require(*sides.values())
    whitenings = {protocol: lists.whitening(database) for protocol, database in sides.items()}
    results = {protocol: lists.evaluate(own, database, whitenings[protocol]) for protocol, database in sides.items()}
    write_per_query(queries, results, lists.query_names())
    write_json(
        record,
        {
            "network": {
                "key": descriptors.name,
                "network": descriptors.name.split("-")[0],
                "teacher": None if teacher is None else teacher.name,
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
                **bad_image_counts(processed, **lists.sets),
                "odd": odd_counts(processed, ground_truth, lists.sets["test_sets"]),
            },
            **{
                protocol: {name: percentages(levels) for name, levels in of_sets.items()}
                for protocol, of_sets in results.items()
            },
        },
    )


def learned(whitening: Whitening) -> dict | None:
    """What was added to the diagonal of the whitening's scatter matrix S, and the condition number of the matrix that
    was factored, S and what was added; None for a whitening that came with its network."""
    if whitening.regularisation is None:
        return None
    return {
        "regularisation": whitening.regularisation,
        "condition_number": float(f"{whitening.condition_number:.2g}"),
    }


def percentages(levels: dict) -> dict:
    """The means of each level in percent, two decimals."""
    return {
        level: {name: round(100 * value, 2) for name, value in values.items() if name.startswith("m")}
        for level, values in levels.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptors", type=Path)
    parser.add_argument("processed", type=Path)
    parser.add_argument("ground_truth", type=Path)
    parser.add_argument("record", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--teacher", type=Path, help="the teacher's descriptor folder, for a distilled student")
    parser.add_argument("--loss", help="by which it was distilled")
    parser.add_argument("--seed", type=int, help="by which a student was trained, of grid.seeds")
    a = parser.parse_args()
    places = (a.descriptors, a.processed, a.ground_truth, a.record, a.queries)
    run(main, *places, a.teacher, a.loss, a.seed, parameters)
