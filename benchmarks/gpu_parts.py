"""The parts of `gpu`: each yields rows, which are written as they come. Networks have random weights, those of
params.paper.yaml; images are noise that is on the device already.
"""

import copy
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from aml.complexity.measuring import multiply_adds
from aml.extraction.describe import describe_at_scales
from aml.files.atomic import read_json, write_json
from aml.losses import load
from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork
from aml.params.losses import loss_settings
from aml.params.reading import read_parameters, setting
from aml.params.training import TrainingSettings
from aml.training.loop import adam_start, adam_step
from aml.training.objective import FeatureSource, Objective
from benchmarks.extraction import PARAMETERS, device_name, torch_device
from benchmarks.measure import ROOT, require_equal
from benchmarks.paper_cost import BACKWARD
from benchmarks.pictures import random_network
from benchmarks.stubbed_graph import ProjectCopy

VALUES = read_parameters(PARAMETERS)
NAMES, SCALES = [*VALUES["grid"]["students"], *VALUES["grid"]["teachers"]], VALUES["extract"]["scales"]
Row = dict[str, str | float]
SIZES = {False: (768, 1024), True: (72, 96)}  # of images at testing, by `tiny`: height, width in pixels
TRAINING_SIZES = {False: (272, 362), True: (48, 64)}
TOLERANCE, ROUNDING = 1e-5, 4  # of a descriptor's component; or as many times what rounding does on a CPU
SMALL = {  # of the embedded default, in a tiny cell
    "num_train_landmarks": 7, "num_val_landmarks": 7, "num_whitening_landmarks": 4,
    "queries_per_whitening_landmark": 1, "num_landmarks": 2, "queries_per_landmark": 1, "views_per_landmark": 4,
    "num_other": 2, "num_images": 6, "epochs": 1, "batch_size": 10, "images_per_epoch": 20,
}  # fmt: skip


def main(name: str, device: str, tiny: str, path: str) -> None:
    """Run a part and write `path` after each of its rows: {"card", "rows"}. Raises what the part raises."""
    where, rows = torch_device(device), []
    for row in PARTS[name](where, bool(int(tiny))):
        rows.append(row)
        write_json(path, {"card": device_name(where), "rows": rows})


def tests(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Run pytest -m gpu, in those files that have such tests: others import what a bare machine may lack."""
    import pytest

    counts = {"passed": 0, "failed": 0, "skipped": 0}

    class Counter:
        def pytest_runtest_logreport(self, report):
            if report.when == "call" or report.outcome != "passed":
                counts[report.outcome] += 1

    files = [str(path) for path in (ROOT / "tests").rglob("test_*.py") if "pytest.mark.gpu" in path.read_text()]
    status = pytest.main(["-m", "gpu", "-p", "no:cacheprovider", *files], plugins=[Counter()])
    yield counts
    if status or (device.type == "cuda" and counts["skipped"]):
        raise ValueError(f"pytest -m gpu: status {int(status)}, {counts}; accepted: all pass, on a GPU none is skipped")


def against_a_cpu(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Yield the largest differences of descriptors: from a CPU's in float32, and of both from float64 on the CPU."""
    cpu, off = torch.device("cpu"), []
    for name in NAMES:
        images = noise(2, SIZES[True] if tiny else (384, 512), cpu)
        network = random_network(VALUES, name, images)

        def described(where: torch.device, dtype: torch.dtype, network=network, images=images) -> np.ndarray:
            ready = prepare(folded(network).to(dtype), where, "float32")
            return describer(ready, images.to(where, dtype))().cpu().numpy()

        ours, theirs = (described(where, torch.float32) for where in (device, cpu))
        exact = described(cpu, torch.float64)
        row = {"network": name, "from the CPU's": largest(ours, theirs), "from float64": largest(ours, exact)}
        row["the CPU's from float64"] = largest(theirs, exact)
        yield row
        off += [name] * (row["from float64"] > max(TOLERANCE, ROUNDING * row["the CPU's from float64"]))
    if off:
        raise ValueError(f"descriptors by {', '.join(off)}: farther from float64 than {ROUNDING} times the CPU's")


def extraction(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Time descriptors of a batch at three scales, by each network in each precision."""
    peaks = {precision: peak(device, precision, 256 if tiny else 8192) for precision in precisions(device)}
    for precision, rate in peaks.items():
        yield {"network": "a matrix product", "precision": precision, "GFLOP/s": rate / 1e9}
    count, size = 2 if tiny else 8, SIZES[tiny]
    for name in NAMES:
        images = noise(count, size, device)
        network, exact = random_network(VALUES, name, images), None
        adds = sum(adds_of(network, tuple(int(side * scale) for side in size)) for scale in SCALES)
        network = folded(network)
        for precision, of_peak in peaks.items():
            describe = describer(prepare(network, device, precision), images)
            found = describe().cpu().numpy()  # the first pass plans the convolutions
            exact = found if exact is None else exact
            rate = count / timed(describe, device, 1 if tiny else 5)
            row = {"network": name, "precision": precision, "GFLOP/s": 2 * adds * rate / 1e9, "images/s": rate}
            yield row | {"of the product": 2 * adds * rate / of_peak, "largest difference": largest(found, exact)}


def training(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Time a step of distilling each student of the paper by Contr+: anchors of one shape, loss, gradient, Adam."""
    settings, loss = setting(VALUES, "distill", TrainingSettings), loss_settings(VALUES, "contr_plus")
    batch = np.arange(settings.batch_size * (2 + loss.num_negatives)).reshape(settings.batch_size, -1)
    images = noise(len(batch), TRAINING_SIZES[tiny], device)
    for name in VALUES["grid"]["students"]:
        start = random_network(VALUES, name, images)
        adds, targets = adds_of(start, TRAINING_SIZES[tiny]), np.eye(batch.size, start.dimension, dtype=np.float32)
        for precision in precisions(device):
            network = prepare(copy.deepcopy(start), device, precision).train()
            source = FeatureSource(network, None, [], num_workers=0)
            objective = Objective(source, targets, load("contr_plus"), loss.constants)
            averages, rates = adam_start(objective.trained), [settings.learning_rate, settings.weight_decay]

            def step(objective=objective, averages=averages, rates=rates) -> torch.Tensor:
                found = objective.gradient(batch, [(list(range(len(batch))), images)])
                adam_step(objective.trained, averages, learning_rate=rates[0], weight_decay=rates[1])
                return found

            first, seconds = step().item(), timed(step, device, 1 if tiny else 20)
            rate = 2 * (1 + BACKWARD) * adds * len(batch) / seconds
            row = {"network": name, "precision": precision, "GFLOP/s": rate / 1e9, "ms a step": 1000 * seconds}
            yield row | {"first loss": first}


def new_shapes(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Time MobileNetV2, whose depthwise convolutions cuDNN plans anew, on images of shapes that it has not seen, and
    again."""
    network = folded(random_network(VALUES, "mobilenet_v2", noise(2, SIZES[tiny], device)))
    for layout in ("ours", "channels last"):
        ready, first, again = prepare(network, device, "float32"), [], []
        if layout == "channels last":
            ready.layout = torch.channels_last
            ready.to(memory_format=ready.layout)
        for number in range(2 if tiny else 5):
            size = tuple(side - 9 * number for side in SIZES[tiny])
            describe = describer(ready, noise(2 if tiny else 8, size, device))
            for seconds in (first, again):
                seconds.append(1000 * timed(describe, device))
        yield {"layout": layout, "ms, new shape": float(np.median(first)), "ms, known": float(np.median(again))}


def one_cell(device: torch.device, tiny: bool) -> Iterator[Row]:
    """Run `dvc repro experiment` in a copy of the project, from nothing; then again with other precisions of
    extraction."""
    with tempfile.TemporaryDirectory() as folder:
        project = ProjectCopy(Path(folder) / "project")
        values = project.parameters()
        values["runtime"]["device"] = device.type
        if tiny:
            shrink(values)
        for precision in precisions(device):
            values["extract"]["precision"] = precision
            project.write_parameters(values)
            start = time.perf_counter()
            project.dvc("repro", "experiment")
            row = {"extract.precision": precision, "s": time.perf_counter() - start}
            for protocol, sets in read_json(project.folder / "reports/experiment.json").items():
                row |= {f"{name}, {protocol}": levels["medium"]["mAP"] for name, levels in sets.items()}
            yield row


PARTS: dict[str, Callable[[torch.device, bool], Iterator[Row]]] = {
    "tests": tests,
    "against a CPU": against_a_cpu,
    "extraction": extraction,
    "training": training,
    "new shapes": new_shapes,
    "cell": one_cell,
}


def precisions(device: torch.device) -> tuple[str, ...]:
    return ("float32", "tf32", "bfloat16") if device.type == "cuda" else ("float32", "bfloat16")


def noise(count: int, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Return smooth noise (count, 3, *size) in [-2, 2]: of white noise, deep networks see nothing but its mean."""
    coarse = torch.rand(count, 3, 12, 16, generator=torch.Generator().manual_seed(0)) * 4 - 2
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic").to(device)


def describer(network: RetrievalNetwork, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Return a function that gives the multi-scale descriptors of `images`."""

    def describe() -> torch.Tensor:
        with torch.inference_mode():
            return describe_at_scales(network, images, SCALES)

    return describe


def adds_of(network: RetrievalNetwork, size: tuple[int, int]) -> int:
    return multiply_adds(copy.deepcopy(network).cpu(), size)


def peak(device: torch.device, precision: str, side: int) -> float:
    """Return the operations a second of a product of two square matrices of this side."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.mm(a, b)
    rate = 2 * side**3 / timed(lambda: torch.mm(a, b), device, 10)
    torch.set_float32_matmul_precision("highest")
    return rate


def timed(call: Callable, device: torch.device, repeats: int = 1) -> float:
    """Return the seconds of one call, the mean of `repeats`, when the device has done all of them."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    start = now()
    for _ in range(repeats):
        call()
    return (now() - start) / repeats


def largest(found: np.ndarray, expected: np.ndarray) -> float:
    return require_equal("descriptors", found, expected, np.inf)


def shrink(values: dict) -> None:
    """Make all of the embedded default small, in place."""
    for key, value in values.items():
        if isinstance(value, dict):
            shrink(value)
        elif key in SMALL:
            values[key] = SMALL[key]


if __name__ == "__main__":
    main(*sys.argv[1:])
