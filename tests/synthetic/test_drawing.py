"""The embedded datasets: the same bytes from the same seed, the raw layouts, a ground truth that follows the views."""

import ast
import os
import pickle
import signal
import tarfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from aml.params.datasets import SyntheticDistractors, SyntheticTest, SyntheticTraining
from synthetic import draw_distractors, draw_test_set, draw_training_set
from synthetic.clusters import Job, covisibility, draw_cluster, grade, is_pair
from synthetic.frame import Camera, Frame, aim
from synthetic.landmarks import KINDS, draw_landmark
from synthetic.light import HOURS, Light
from synthetic.scenery import draw_landscape
from synthetic.views import draw_view
from tests import contents, python

KILLED_AT_WORK = """
import os, signal
from synthetic.processes import workers

with workers(2) as spread:
    list(spread(abs, range(4)))
    os.kill(os.getpid(), signal.SIGKILL)
"""

SIZE = 48
TRAINING = SyntheticTraining(
    seed=0,
    image_size=SIZE,
    num_train_landmarks=2,
    num_val_landmarks=1,
    num_whitening_landmarks=2,
    queries_per_whitening_landmark=2,
    views_per_landmark=3,
)
TEST = SyntheticTest(
    seed=0,
    image_size=SIZE,
    num_landmarks=2,
    queries_per_landmark=2,
    views_per_landmark=4,
    num_other=5,
    kinds=["tower", "palace"],
    palette=[0, 3],
)
DISTRACTORS = SyntheticDistractors(seed=0, image_size=SIZE, num_images=7)


def members(archive):
    """Name -> picture of each file of an archive."""
    with tarfile.open(archive) as tar:
        files = [(member.name, tar.extractfile(member).read()) for member in tar if member.isfile()]
    return {name: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for name, data in files}


def lists_of(path):
    """What a pickle holds, which is made of Python's own lists, dicts, strings and numbers."""
    found = pickle.loads(path.read_bytes())
    assert ast.literal_eval(repr(found)) == found
    return found


def draw_all(root, num_processes):
    draw_training_set(root / "synthsfm", TRAINING, num_processes=num_processes)
    draw_test_set(root / "rsynth_a", TEST, num_processes=num_processes)
    draw_distractors(root / "synth1k", DISTRACTORS, num_archives=2, num_processes=num_processes)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    draw_all(root, 1)
    return root


def test_processes_hash_seed_time_zone_and_older_files_change_nothing(drawn, tmp_path):
    (tmp_path / "synth1k").mkdir()
    for older in ("revisitop1m.3.tar.gz", "synth1k.txt"):
        (tmp_path / "synth1k" / older).write_text("of an earlier call")
    script = "import sys; from pathlib import Path; from tests.synthetic.test_drawing import draw_all\n"
    script += "draw_all(Path(sys.argv[1]), 2)"
    python("-c", script, tmp_path, check=True, env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"})
    for folder in drawn.iterdir():
        assert contents(tmp_path / folder.name) == contents(folder)


def test_another_seed_gives_other_pictures_and_an_interrupted_call_no_part(drawn, tmp_path, monkeypatch):
    draw_distractors(tmp_path / "synth1k", replace(DISTRACTORS, seed=1), num_archives=2, num_processes=1)
    first, second = (members(root / "synth1k" / "revisitop1m.1.tar.gz") for root in (drawn, tmp_path))
    assert not set(first) & set(second)
    assert not any(np.array_equal(a, b) for a in first.values() for b in second.values())
    monkeypatch.setattr("synthetic.sets.draw_other", lambda job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw_distractors(tmp_path / "set", DISTRACTORS, num_archives=2, num_processes=1)
    assert not list((tmp_path / "set").iterdir())


def test_training_layout(drawn):
    folder = drawn / "synthsfm"
    assert sorted(contents(folder)) == ["ims.tar.gz", "synthsfm-whiten.pkl", "synthsfm.pkl"]
    lists, whitening = lists_of(folder / "synthsfm.pkl"), lists_of(folder / "synthsfm-whiten.pkl")
    pictures = members(folder / "ims.tar.gz")
    assert sorted(whitening) == ["cids", "pidxs", "qidxs"]
    cids = lists["train"]["cids"] + lists["val"]["cids"] + whitening["cids"]
    assert [f"ims/{cid[-2:]}/{cid[-4:-2]}/{cid[-6:-4]}/{cid}" for cid in cids] == list(pictures)
    assert len(set(cids)) == len(cids) == (2 + 1) * 3 + 2 * (2 + 3)
    assert {max(picture.shape) for picture in pictures.values()} == {SIZE}
    for split, num_landmarks in (("train", 2), ("val", 1)):
        rows = lists[split]
        assert rows["cluster"] == [number for number in range(num_landmarks) for _ in range(3)]
        assert len(rows["qidxs"]) == len(rows["pidxs"]) >= num_landmarks
        for query, positive in zip(rows["qidxs"], rows["pidxs"], strict=True):
            assert query != positive and rows["cluster"][query] == rows["cluster"][positive]


def test_whitening_pairs_are_queries_and_their_easy_and_hard_views(drawn):
    """The first two of each landmark's 2 + 3 images are queries; no network trains on these landmarks."""
    whitening = lists_of(drawn / "synthsfm" / "synthsfm-whiten.pkl")
    pairs = list(zip(whitening["qidxs"], whitening["pidxs"], strict=True))
    assert {query for query, _ in pairs} == {0, 1, 5, 6}  # each query has a positive
    expected = []
    for number in range(2):
        grades = draw_cluster(Job(("sfm", 0, "whitening", number), SIZE, 3, 2)).grades
        query, view = np.nonzero(np.array(grades) != "junk")
        expected += zip(5 * number + query, 5 * number + 2 + view, strict=True)
    assert pairs == expected


def test_test_set_layout_and_ground_truth(drawn):
    folder = drawn / "rsynth_a"
    assert sorted(contents(folder)) == ["gnd_rsynth_a.pkl", "rsynth_a_images.tgz"]
    truth, pictures = lists_of(folder / "gnd_rsynth_a.pkl"), members(folder / "rsynth_a_images.tgz")
    names = truth["imlist"] + truth["qimlist"]
    assert len(set(names)) == len(names) == 2 * (2 + 4) + 5
    assert {f"jpg/{name}.jpg" for name in names} == set(pictures)
    for name, query in zip(truth["qimlist"], truth["gnd"], strict=True):
        height, width = pictures[f"jpg/{name}.jpg"].shape[:2]
        x0, y0, x1, y1 = query["bbx"]
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        graded = query["easy"] + query["hard"] + query["junk"]
        landmark = name.split("_query_")[0]
        assert {truth["imlist"][row] for row in graded} == {n for n in truth["imlist"] if n.startswith(f"{landmark}_")}
        assert len(graded) == 4
        assert query["easy"] or query["hard"]


def test_distractor_layout(drawn):
    folder = drawn / "synth1k"
    lines = (folder / "synth1k.txt").read_text().splitlines()
    archives = [members(folder / f"revisitop1m.{number}.tar.gz") for number in (1, 2)]
    assert [len(archive) for archive in archives] == [3, 4]
    assert [f"jpg/{line}" for line in lines] == [name for archive in archives for name in archive]
    assert len(list(folder.iterdir())) == 3


def test_a_view_is_graded_by_what_it_shows():
    """Easy to itself; hard by night, at a distance, in part; junk when hidden, tiny or turned."""
    landmark = draw_landmark((0, "postcard"), ("tower",))
    views = (draw_view(landmark, (number,), 0.1, SIZE) for number in range(50))
    postcard = next(view for view in views if view.coverage > 0.15 and view.unhidden > 0.8)  # free and whole
    visible = postcard.visible
    other_faces = {"visible": np.where(visible == 0, 10, 0)}
    hard = [{"is_dark": True}, {"scale": 3 * postcard.scale}, {"unhidden": 0.5}, {"coverage": 0.1}]
    junk = [{"unhidden": 0.2}, {"coverage": 0.02}, other_faces, {"visible": np.zeros_like(visible)}]
    for level, changes in {"easy": [{}], "hard": hard, "junk": junk}.items():
        assert {grade(postcard, replace(postcard, **change)) for change in changes} == {level}
    assert covisibility(postcard, postcard) == pytest.approx(1) and is_pair(postcard, postcard)
    assert covisibility(postcard, replace(postcard, **other_faces)) == 0


def test_faces_in_front_hide_those_behind_and_occluders_hide_both():
    """A tower seen from straight ahead shows its front and not its back; a wall before it hides all."""
    landmark = draw_landmark((1, "front"), ("block",))
    eye, target = np.array([0.0, -80.0, 2.0]), np.array([0.0, 0.0, 8.0])
    camera = Camera(eye, aim(eye, target, 0), 100, 96, 96)
    frame = Frame(np.zeros((96, 96, 3), np.float32))
    frame.draw(camera, landmark.solid, Light(HOURS[0], np.array([0.0, -1.0, 0.0]), 0), is_landmark=True)
    counts = np.bincount(frame.faces.ravel(), minlength=len(landmark.solid) + 1)[1:]
    looks_away = (landmark.solid.normals * (eye - landmark.solid.centres)).sum(1) < 0
    assert counts[0] == counts.max() > 0  # the first face of a box is its front
    assert counts[looks_away].sum() == 0
    frame.fill_box(0, 0, 96, 96, np.zeros(3))
    assert not frame.faces.any()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_shows_in_its_view(kind):
    landmark = draw_landmark((2, kind), (kind,))
    assert landmark.kind == kind
    assert len(landmark.solid) < 255  # numbers of faces are bytes
    assert draw_view(landmark, (0,), 0, SIZE).visible.sum() > 0


def test_a_landscape_of_the_smallest_accepted_size_may_have_any_horizon():
    for number in range(100):
        draw_landscape((number,), 32)


def test_processes_end_with_a_killed_stage():
    """They hold its output open as long as they live."""
    assert python("-c", KILLED_AT_WORK, timeout=10).returncode == -signal.SIGKILL
