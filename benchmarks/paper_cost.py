"""What the paper's setting costs: multiply-adds counted from params.paper.yaml, and hours at speeds that were measured.

`python -m benchmarks.paper_cost` prints what docs/paper.md says. The speeds are those of reports/gpu.json, which
`make gpu` writes; without that file, the one of EARLIER for all networks.
"""

import json
from collections import Counter
from pathlib import Path

from aml.complexity.measuring import multiply_adds
from aml.params.grid import Grid
from aml.params.losses import LossSettings, loss_settings, loss_without_teacher
from aml.params.networks import network_settings
from aml.params.reading import read_parameters, section, setting
from aml.params.training import TRAININGS, TrainingSettings
from benchmarks.measure import ROOT
from stages.complexity import networks

EARLIER = {"card": "NVIDIA H100", "date": "November 2026", "network": "resnet101", "images": 8,
           "height": 540, "width": 670, "seconds": 0.133}  # fmt: skip
PARTS = ("targets", "training", "extraction without distractors", "distractors")
BACKWARD = 2  # a backward pass costs two forward passes
Operations = dict[str, Counter]  # part -> network -> number


def main() -> None:
    values = read_parameters(ROOT / "params.paper.yaml")
    print(text(values, *paper_work(values), ROOT / "reports/gpu.json"))


def text(values: dict, passes: Operations, adds: Operations, measured: Path) -> str:
    """Return the table of multiply-adds and the sentences of hours, Markdown, from what `paper_work` gives."""
    lines = ["| part | images through a network | multiply-adds |", "|---|---|---|"]
    for part in PARTS:
        lines.append(f"| {part} | {passes[part].total() / 1e6:.1f} million | {power(adds[part].total())} |")
    total, found = sum(adds[part].total() for part in PARTS), read_speeds(measured)
    lines += ["", f"In total {power(total)} multiply-adds, or {power(2 * total)} operations."]
    for given, speeds in measured_speeds(found) if found else [earlier_speed(values, adds)]:
        needed, of_distractors = hours(adds, speeds)
        lines.append(f"{given}, that is {needed:.0f} hours, {of_distractors:.0%} of them for the distractors.")
    return "\n".join(lines)


def read_speeds(path: Path) -> dict | None:
    """Return the contents of reports/gpu.json, if it has the speeds of a GPU at full size."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"parts": {}}
    done = [found["parts"].get(name, {}).get("status") == "done" for name in ("extraction", "training")]
    return found if all(done) and not found["tiny"] and found["card"] != "cpu" else None


def earlier_speed(values: dict, adds: Operations) -> tuple[str, Operations]:
    """Return what EARLIER says, and its operations a second by part and network: the same for all."""
    (network,) = (network for name, _, network in networks(values) if name == EARLIER["network"])
    one = multiply_adds(network, (EARLIER["height"], EARLIER["width"]))
    rate = 2 * one * EARLIER["images"] / EARLIER["seconds"]
    given = (
        f"At the {rate / 1e12:.1f} TFLOP/s that an {EARLIER['card']} reached with ResNet101 in float32 "
        f"({EARLIER['images']} images of {EARLIER['height']} x {EARLIER['width']} in "
        f"{1000 * EARLIER['seconds']:.0f} ms, {EARLIER['date']})"
    )
    return given, {part: dict.fromkeys(adds[part], rate) for part in PARTS}


def measured_speeds(found: dict) -> list[tuple[str, Operations]]:
    """Return the same for each precision of `found`, the contents of reports/gpu.json."""
    precisions = dict.fromkeys(row["precision"] for row in found["parts"]["extraction"]["rows"])
    opening = f"At the speeds of one {found['card']}"
    return [(f"{opening} in {each} ({found['date']})", rates(found, each)) for each in precisions]


def rates(found: dict, precision: str) -> Operations:
    """Return operations a second by part and network, from the contents of reports/gpu.json: training as it was
    timed, all else as extraction was."""
    extraction, training = (
        {row["network"]: 1e9 * row["GFLOP/s"] for row in found["parts"][part]["rows"] if row["precision"] == precision}
        for part in ("extraction", "training")
    )
    return {part: training if part == "training" else extraction for part in PARTS}


def hours(adds: Operations, speeds: Operations) -> tuple[float, float]:
    """Return hours of all parts, by multiply-adds and operations a second of each network; and the distractors'
    share."""
    needed = {
        part: sum(2 * number / speeds[part][network] for network, number in adds[part].items()) / 3600 for part in adds
    }
    total = sum(needed.values())
    return total, needed["distractors"] / total


def paper_work(values: dict) -> tuple[Operations, Operations]:
    """Return images through a network (a backward pass counts as two), and multiply-adds, by part and network.

    Images are taken as 4:3, and the whitening images, whose number upstream's list says, as all of the training set.
    """
    grid, extract = setting(values, "grid", Grid), section(values, "extract")
    of_set = values["datasets"][grid.train_set]["expected"]
    all_images = of_set["train_images"] + of_set["val_images"]
    tests = [values["datasets"][name]["expected"] for name in grid.test_sets]
    tested = sum(counts["queries"] + counts["database"] for counts in tests)
    distractors = values["datasets"][grid.distractors]["expected"]
    runs = trainings(values, grid, of_set)
    passes, adds = ({part: Counter() for part in PARTS} for _ in range(2))
    for key, _, network in networks(values):
        name = key if key in grid.teachers else key.rpartition("-")[0]
        is_student, own = name in grid.students, Counter()
        count = len(runs.get(key, ())) or 1
        own["training"] = sum(runs.get(key, ()))
        own["targets"] = 0 if is_student else all_images
        own["extraction without distractors"] = count * (tested + (all_images if key in runs else 0))
        own["distractors"] = count * distractors
        once = multiply_adds(network, at_scale(section(values, "distill")["image_size"], 1))
        tested_once = sum(multiply_adds(network, at_scale(extract["image_size"], s)) for s in extract["scales"])
        for part, number in own.items():
            if number:
                passes[part][name] += number
                adds[part][name] += number * (once if part in ("targets", "training") else tested_once)
    return passes, adds


def trainings(values: dict, grid: Grid, of_set: dict[str, int]) -> dict[str, list[int]]:
    """Return the images that pass through the network in each training, by the network's key in `networks`."""

    def passes(training: str, loss: LossSettings) -> int:
        settings = setting(values, training, TRAININGS[training])
        return training_passes(settings, loss, of_set, is_distilled=training == "distill")

    found, seeds = {}, len(grid.seeds)
    for name in grid.trained_teachers:
        found[name] = [passes("train_teacher", loss_without_teacher(values, "train_teacher"))]
    distilled = [passes("distill", loss_settings(values, name)) for name in grid.losses]
    alone = passes("train_student", loss_without_teacher(values, "train_student"))
    of_teachers = Counter(network_settings(values, name).dimension for name in grid.teachers)
    for student in grid.students:
        for dimension, num_teachers in of_teachers.items():
            without = [alone] * (dimension in grid.dimensions)
            found[f"{student}-{dimension}"] = (distilled * num_teachers + without) * seeds
    return found


def training_passes(
    settings: TrainingSettings, loss: LossSettings, of_set: dict[str, int], *, is_distilled: bool
) -> int:
    """Return the images that pass through the network in one training, if no anchor comes twice in an epoch."""
    labelled = loss.mining == "hard"
    members = 1 if is_distilled else 2 + loss.num_negatives  # of a tuple, that pass through the network

    def of_split(anchors: int, pool: int, passes: int) -> int:
        whole = anchors // settings.batch_size * settings.batch_size
        mined = anchors + (0 if is_distilled else pool) if labelled and loss.num_negatives else 0
        return mined + passes * whole * members

    pool = min(settings.pool_size, of_set["train_images"])
    train = of_split(loss.images_per_epoch, pool, 1 + BACKWARD)
    validation = of_split(of_set["val_pairs"] if labelled else of_set["val_images"], of_set["val_images"], 1)
    return settings.epochs * (train + validation + of_set["val_images"])  # the last for the recalls


def at_scale(longer_side: int, scale: float) -> tuple[int, int]:
    """Return height and width of a 4:3 image."""
    return int(0.75 * longer_side * scale), int(longer_side * scale)


def power(number: float) -> str:
    return f"{number:.1e}".replace("e+", "e")


if __name__ == "__main__":
    main()
