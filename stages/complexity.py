"""Measure what every backbone and dimension of the grid costs: parameters, multiply-adds, time. Needs no weights.

Reads: params.yaml. Writes: <csv>, a line for each network and image size; <tex>, the same as a table.
Times are measured on the machine that runs this: no other number in reports/ changes with another run.
"""

from collections.abc import Iterator
from pathlib import Path

import torch

from aml.complexity.costs import Cost, latex, write_csv
from aml.complexity.measuring import device_name, latency, multiply_adds, num_parameters
from aml.compute.device import runtime
from aml.files.atomic import replacing
from aml.networks.network import RetrievalNetwork
from aml.params.grid import Grid, key_of
from aml.params.networks import network_settings
from aml.params.reading import setting
from aml.params.reports import ComplexitySettings
from aml.params.vectors import all_dimensions
from stages.runtime import run_command


def main(csv: Path, tex: Path, values: dict) -> None:
    settings = setting(values, "complexity", ComplexitySettings)
    device = runtime(values).torch_device()
    costs = [
        Cost(
            key=key,
            label=label,
            dimension=network.dimension,
            parameters=num_parameters(network),
            height=height,
            width=width,
            multiply_adds=multiply_adds(network, (height, width)),
            latency_ms=round(latency(network, (height, width), device, settings.repeats), 3),
            repeats=settings.repeats,
            device=device_name(device),
            threads=torch.get_num_threads(),
        )
        for key, label, network in networks(values)
        for height, width in settings.sizes
    ]
    with replacing(csv) as path:
        write_csv(path, costs)
    with replacing(tex) as path:
        path.write_text(latex(costs, setting(values, "note", str)), encoding="utf-8")


def networks(values: dict) -> Iterator[tuple[str, str, RetrievalNetwork]]:
    """Yield (key, label, network with random weights) of the teachers, but of those that are vectors, then of each
    student in each of the teachers' dimensions."""
    grid = setting(values, "grid", Grid)
    named = [(name, name, None) for name in grid.teachers if name not in grid.vector_teachers]
    dimensions = all_dimensions(values, grid.teachers)
    named += [(key_of(name, dimension), name, dimension) for name in grid.students for dimension in dimensions]
    for key, name, dimension in named:
        settings = network_settings(values, name)
        yield key, settings.label, RetrievalNetwork(**settings.architecture, projection=dimension)


if __name__ == "__main__":
    run_command(main)
