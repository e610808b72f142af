"""The paper's setting in miniature: params.paper.yaml with other sizes, counts, addresses and runtime. Each of the four
networks is trained once and goes from the first download to the tables; one student is trained by all nine losses."""

import copy
import shutil

import pytest
import yaml

from tests import contents, read_rows
from tests.download.local_server import DATA, serving
from tests.pipeline.conftest import ROOT, committed, ran, shrink_budgets
from tests.pipeline.upstream import COUNTS, NUM_DISTRACTORS, write_library_weights, write_upstream

pytestmark = pytest.mark.pipeline

PAPER = yaml.safe_load((ROOT / "params.paper.yaml").read_text())
CELLS = ["mobilenet_v2-vgg16-reg-0", "efficientnet_b3-resnet101-reg-0"]
FILES = {
    "sfm120k": ["ims.tar.gz", "retrieval-SfM-120k.pkl", "retrieval-SfM-120k-whiten.pkl"],
    "roxford5k": ["oxbuild_images-v1.tgz", "gnd_roxford5k.pkl"],
    "rparis6k": ["paris_1-v1.tgz", "paris_2-v1.tgz", "gnd_rparis6k.pkl"],
    "r1m": ["revisitop1m.txt", "revisitop1m.1.tar.gz"],
}

NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise OSError("no network after download and weights")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


def miniature(values: dict, url: str, weights: dict[str, str]) -> dict:
    """The paper's parameters with little of everything, from the server at `url`."""
    values["runtime"] |= {"device": "cpu", "num_workers": 0, "num_downloads": 2}
    values["grid"] |= {"trained_teachers": values["grid"]["teachers"], "published_teachers": []}
    for dataset in values["datasets"].values():
        for source in dataset["sources"]:
            source["places"] = [f"{url}/{place.split('/', 3)[3]}" for place in source["places"]]
    values["datasets"]["sfm120k"]["expected"] = {"train_images": 14, "val_images": 14}
    for name in values["grid"]["test_sets"]:
        values["datasets"][name]["expected"] = dict(COUNTS)
    values["datasets"]["r1m"] |= {"archives_in_all": 2, "archives": 1, "expected": NUM_DISTRACTORS}
    values["weights"] = {name: [f"{url}/weights/{file}"] for name, file in weights.items()}
    # one step of a whole batch; 12 of 14 images are of six clusters at least: an anchor's own, its five negatives'
    shrink_budgets(values, images_per_epoch=5, pool_size=12)
    return values


@pytest.fixture(scope="module")
def finished_paper(tmp_path_factory):
    """The repository; what the run of download and weights printed; what the rest printed, without any network."""
    place = tmp_path_factory.mktemp("paper")
    values = copy.deepcopy(PAPER)
    write_upstream(place / "upstream", values)
    weights = write_library_weights(place / "upstream" / "weights", list(values["weights"]))
    with serving(place / "upstream") as server:
        repository = committed(place / "repository", miniature(values, server.url, weights))
        fetched = repository.dvc("repro", "download", "weights")
    (place / "sitecustomize.py").write_text(NO_NETWORK)
    alone = ["env", f"PYTHONPATH={place}"]
    refused = repository.run(*alone, "python", "-c", "import socket; socket.create_connection(('a', 1))", ok=False)
    assert "no network after download and weights" in refused
    stages = [f"graph/evaluate_distilled/dvc.yaml:evaluate_distilled@{cell}" for cell in CELLS]
    stages += [f"graph/distill/dvc.yaml:distill@mobilenet_v2-vgg16-{loss}-0" for loss in PAPER["grid"]["losses"]]
    computed = repository.run(*alone, "dvc", "repro", *stages)
    computed += repository.run(*alone, "dvc", "repro", "--single-item", "--force", "tables")
    yield repository, fetched, computed
    shutil.rmtree(place)  # gigabytes


def test_only_what_is_asked_for_is_fetched_and_noted(finished_paper):
    repository, fetched, _ = finished_paper
    assert set(ran(fetched)) == {"check", "code", "sources", "weights", *(f"download@{name}" for name in FILES)}
    for name, files in FILES.items():
        folder = repository.folder / "data" / "raw" / name
        noted = repository.json(f"data/digests/{name}.json")
        assert sorted(path.name for path in folder.iterdir()) == sorted(noted) == sorted(files)
        assert all(entry["source"].startswith("http://127.0.0.1:") for entry in noted.values())
    assert "data/digests/" in repository.changes()  # git keeps them


def test_the_rest_needs_no_network(finished_paper):
    repository, _, computed = finished_paper
    assert [name for name in ran(computed) if name.startswith(("download", "weights"))] == []
    for key, dimension in zip(CELLS, (512, 2048), strict=True):
        record = repository.json(f"reports/metrics/{key}.json")
        evaluation = record["evaluation"]
        assert record["network"]["dimension"] == dimension and set(record["asymmetric"]) == set(record["symmetric"])
        assert evaluation["num_excluded"] == evaluation["num_filled"] == dict.fromkeys(FILES, 0)
        for name in ("roxford5k", "rparis6k"):
            expected = {"num_queries": COUNTS["queries"], "num_database": COUNTS["database"]}
            expected["num_distractors"] = NUM_DISTRACTORS // 2  # in one of two archives
            assert expected.items() <= evaluation["sets"][name].items()
    for number in range(5, 11):
        rows = read_rows(repository.folder / f"reports/tables/table{number}.csv")
        full = [(row["student"], row["teacher"]) for row in rows if row["roxford5k_medium_mAP"]]
        assert {("MobileNetV2", "VGG16"), ("EfficientNet-B3", "ResNet101")} <= set(full)
    for loss in PAPER["grid"]["losses"]:  # trained on images of many sizes
        (epoch,) = repository.json(f"models/mobilenet_v2-vgg16-{loss}-0/model.json")["record"]
        assert 0 < epoch["train_loss"] < 100 and 0 < epoch["validation_loss"] < 100, loss


def test_an_interrupted_download_goes_on_in_the_next_run(tmp_path):
    values = copy.deepcopy(PAPER)
    values["runtime"]["num_downloads"] = 1
    with serving(data=DATA) as server:
        for source in values["datasets"]["roxford5k"]["sources"]:
            source["places"] = [server.url]
        repository = committed(tmp_path / "repository", values)
        server.plan = ["drops", 403, "fine"]  # at 90 % of the archive; the ground truth comes
        output = repository.dvc("repro", "download@roxford5k", ok=False)
        assert "1 of 2 files are not in data/raw/roxford5k:\noxbuild_images-v1.tgz could not be fetched" in output
        server.ranges.clear()
        repository.dvc("repro", "download@roxford5k")
        assert server.ranges == [f"bytes={int(len(DATA) * 0.9)}-"]
    files = contents(repository.folder / "data/raw/roxford5k")
    assert files["oxbuild_images-v1.tgz"] == DATA and len(files) == 2
