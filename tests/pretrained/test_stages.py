"""From the authors' files on a web server to the tables, through the stages: both teachers, both layouts of timm.

MobileNetV2 goes through DVC in test_make_published.
"""

import json

import numpy as np
import pytest
import torch

from aml.evaluation.whitening import whiten
from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import read_images
from aml.files.whitening import read_whitening
from aml.images import ImageTensors
from aml.tables.printed_values import PRINTED
from stages import convert, download, evaluate, extract, preprocess, tables
from tests import read_rows
from tests.download.local_server import serving
from tests.pretrained import published_files as files
from tests.pretrained.miniature import keys, parameters, publish

TEACHERS, STUDENTS = ["vgg16", "resnet101"], ["efficientnet_b3"]
SETS = ["roxford5k", "rparis6k"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which every stage ran, its parameters, and the published networks by key."""
    folder = tmp_path_factory.mktemp("published")
    values = parameters(teachers=TEACHERS, students=STUDENTS, places=[])
    networks = publish(values, folder / "web")
    data, models, digests = folder / "data", folder / "models", folder / "digests"
    for name in SETS:
        download.main(name, data / "raw" / name, digests / f"{name}.json", values)
        preprocess.main(
            name, data / "raw" / name, data / "processed" / name, data / f"ground_truth/{name}.json", values
        )
    with serving(folder / "web") as server:
        values["checkpoints"]["places"] = ["/nowhere", server.url]
        for key in keys(values):
            convert.main(
                key.split("-")[0], key, data / "checkpoints" / key, digests / f"{key}.json", models / key, values
            )
            extract.main(models / key, data / "processed", data / "descriptors" / key, values)
    for key in keys(values):
        network, *others = key.split("-")
        teacher, loss = others if len(others) == 2 else (None, None)
        inputs = [data / name for name in ("descriptors", "processed", "ground_truth")]
        names = {"key": key, "network": network, "teacher": teacher, "loss": loss}
        evaluate.main(*inputs, folder / "metrics", data / "queries", values, **names)
    tables.main(folder / "metrics", data / "queries", folder / "tables", folder / "claims.csv", values)
    return folder, values, networks


def test_descriptors_are_the_published_networks_own(finished):
    folder, _, networks = finished
    layouts = {"features.7.weight" in network.state_dict() for key, network in networks.items() if "efficient" in key}
    assert layouts == {True, False}
    normalisation = {"mean": files.MEAN, "std": files.STD}
    images = ImageTensors(read_images(folder / "data/processed/rparis6k"), image_size=64, normalisation=normalisation)
    first = images.normalised(images[0][None], torch.device("cpu")).contiguous()
    for key, network in networks.items():
        described = DescriptorFolder(folder / "data/descriptors" / key)
        assert set(described.arrays) == {f"{name}.{part}" for name in SETS for part in ("queries", "database")}
        # random weights in a hundred layers make 1e-4 out of rounding; two tensors exchanged make at least 2e-3
        own = files.whitening(described.network["dimension"])
        raw = multi_scale(network, first).astype(np.float64)
        whitened = whiten(raw[None], own["m"][:, 0], own["P"])[0]
        shrunk = np.linalg.norm(own["m"])  # by so much whitening makes differences of a descriptor smaller
        np.testing.assert_allclose(described["rparis6k.database"][0], whitened, atol=5e-4 / shrunk)


def multi_scale(network: files.Network, image: torch.Tensor) -> np.ndarray:
    p, at_scales = network.pool.p.item(), []
    with torch.no_grad():
        for scale in (1, 2**-0.5, 0.5):
            scaled = torch.nn.functional.interpolate(image, scale_factor=scale, mode="bilinear")
            at_scales.append(network(scaled)[0].numpy() ** p)
    pooled = np.mean(at_scales, axis=0) ** (1 / p)
    return pooled / np.linalg.norm(pooled)


def test_every_network_keeps_its_published_whitening_and_its_files_digests_are_noted(finished):
    folder, values, _ = finished
    for key in keys(values):
        whitening = read_whitening(folder / "data/descriptors" / key)
        np.testing.assert_array_equal(whitening.projection, files.whitening(len(whitening.mean))["P"])
        record = json.loads((folder / "metrics" / f"{key}.json").read_text())
        assert record["network"]["whitening"] is not None and ("asymmetric" in record) is (key.count("-") == 2)
        noted = json.loads((folder / "digests" / f"{key}.json").read_text())
        assert set(noted) == {name for name in values["checkpoints"]["files"][key].values() if name}
        assert all(entry["source"].startswith("http://127.0.0.1") for entry in noted.values())


def test_tables_have_the_printed_rows_and_a_dash_for_what_is_not_published(finished):
    folder, _, _ = finished
    printed = {tuple(row[name] for name in ("table", "student", "d", "teacher", "loss")) for row in read_rows(PRINTED)}
    for number, dashes in ((5, 2), (6, 2), (7, 0), (8, 0)):
        table = read_rows(folder / f"tables/table{number}.csv")
        scores = [[value for name, value in row.items() if name.endswith(("mAP", "mP@10"))] for row in table]
        assert sum(not any(values) for values in scores) == dashes and len(scores[0]) == 8
        assert {tuple(row[name] for name in ("table", "student", "d", "teacher", "loss")) for row in table} <= printed
    assert "efficientnet_b3-vgg16-contr_pos" in (folder / "tables/table5.tex").read_text().replace(r"\_", "_")
    compared = read_rows(folder / "tables/comparison.csv")
    assert {row["loss"] for row in compared if not row["ours"]} >= {"contr_pos"}
    assert all(row["printed"] for row in compared) and len(compared) == 8 * (4 + 4 + 6 + 6)
