"""A teacher that is vectors: the folders that the stage writes, against the vectors themselves, and bad files."""

import json
from pathlib import Path

import numpy as np
import pytest

from aml.evaluation.whitening import learn, whiten
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.image_sets import read_images, read_lists
from aml.files.whitening import read_whitening
from stages import evaluate, vectors
from tests.stages.packed_sets import NO_EXPANSION, VALUES, describe, labels_of, write_sets

COMPONENTS = 5
STEMS = ("train", "test", "test.queries", "crowd")
ARRAYS = {"test.queries": "test.queries", "test.database": "test", "crowd.database": "crowd"}
TEACHER = {"label": "Made up", "folder": "", "components": COMPONENTS, "negative": "split", "queries": True}


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("vectors") / "sets")


@pytest.fixture
def given(processed, tmp_path) -> dict[str, dict[str, np.ndarray]]:
    """Vectors of any length by set and name, in files of another order, with names that no set has."""
    random, found = np.random.default_rng(0), {}
    (tmp_path / "given").mkdir()
    lists = lists_of_testing(processed, test_sets=["test"], distractors="crowd")
    names = {"train": read_images(processed / "train").names}
    names |= {stem: lists[array].names for array, stem in ARRAYS.items()}
    for stem in STEMS:
        found[stem] = {name: random.normal(size=COMPONENTS) * 7 for name in [*names[stem], "of no set"]}
        save(tmp_path / "given", stem, {name: found[stem][name] for name in random.permutation(list(found[stem]))})
    return found


def save(folder: Path, stem: str, of_names: dict[str, np.ndarray]) -> None:
    np.save(folder / f"{stem}.npy", np.array(list(of_names.values()), np.float32))
    (folder / f"{stem}.txt").write_text("".join(f"{name}\n" for name in of_names), encoding="utf-8")


def run(processed, folder, **changed) -> tuple[DescriptorFolder, DescriptorFolder]:
    """The targets and the descriptors of the teacher `made`."""
    values = VALUES | {"whitening": {"shrinkage": 0.5}}
    values["vectors"] = {"made": TEACHER | {"whitening": "learned"} | changed}
    vectors.main("made", folder / "given", processed, folder / "targets", folder / "descriptors/made", values)
    return DescriptorFolder(folder / "targets"), DescriptorFolder(folder / "descriptors/made")


def parts(vector: np.ndarray) -> np.ndarray:
    """A unit-norm vector as twice as many numbers, none negative."""
    vector = vector / np.linalg.norm(vector)
    return np.array([max(x, 0) for x in vector] + [max(-x, 0) for x in vector])


def test_every_image_has_its_own_vector(processed, given, tmp_path):
    targets, described = run(processed, tmp_path)
    training = read_images(processed / "train")
    targets.require_list("images", training.digest, whitened=False)
    expected = np.array([parts(given["train"][name]) for name in training.names])
    np.testing.assert_allclose(targets["images"], expected, atol=1e-6)
    lists = read_lists(processed / "train")
    rows = np.array([given["train"][name] / np.linalg.norm(given["train"][name]) for name in training.names])
    pairs = [lists[f"whitening_{side}"] for side in ("queries", "positives")]
    used = np.union1d(*pairs)
    learned = learn(rows[used], *(np.searchsorted(used, side) for side in pairs), shrinkage=0.5)
    for name, images in lists_of_testing(processed, test_sets=["test"], distractors="crowd").items():
        is_query, own = name.endswith("queries"), given[ARRAYS[name]]
        described.require_list(name, images.digest, whitened=not is_query)
        units = np.array([own[image] / np.linalg.norm(own[image]) for image in images.names])
        if is_query:
            np.testing.assert_allclose(described[name], [parts(own[image]) for image in images.names], atol=1e-6)
            own_whitening = read_whitening(described.folder)
            found = whiten(described[name].astype(np.float64), own_whitening.mean, own_whitening.projection)
            np.testing.assert_allclose(found, whiten(units, learned.mean, learned.projection), atol=1e-6)
            assert own_whitening.condition_number == pytest.approx(learned.condition_number)
        else:
            expected = whiten(units, learned.mean, learned.projection)
            np.testing.assert_allclose(described[name], expected, atol=1e-6 if name == "test.database" else 3e-4)
    assert [described[name].dtype for name in ("test.database", "crowd.database")] == [np.float32, np.float16]


def test_without_whitening_similarities_are_the_vectors_own_cosines(processed, given, tmp_path):
    _, described = run(processed, tmp_path, whitening="none")
    whitening = read_whitening(described.folder)
    queries = whiten(described["test.queries"].astype(np.float64), whitening.mean, whitening.projection)
    database = [given["test"][name] for name in read_images(processed / "test").names]
    asked = list(given["test.queries"].values())[:2]
    cosines = [[q @ x / np.linalg.norm(q) / np.linalg.norm(x) for x in database] for q in asked]
    np.testing.assert_allclose(queries @ described["test.database"].T, cosines, atol=1e-5)
    assert whitening.regularisation is None


@pytest.mark.parametrize(("negative", "form"), [("refuse", np.abs), ("keep", np.positive)])
def test_vectors_that_students_can_have_keep_their_size(processed, given, tmp_path, negative, form):
    for stem in STEMS:
        save(tmp_path / "given", stem, {name: form(vector) for name, vector in given[stem].items()})
    targets, described = run(processed, tmp_path, negative=negative, whitening="none")
    name = read_images(processed / "train").names[3]
    expected = form(given["train"][name]) / np.linalg.norm(given["train"][name])
    np.testing.assert_allclose(targets["images"][3], expected, atol=1e-6)
    assert described["test.queries"].shape[1] == described.network["dimension"] == COMPONENTS


def scores(processed, folder: Path, key: str, **names) -> dict:
    inputs = folder / "descriptors", processed, labels_of(processed), folder / "metrics", folder / "queries"
    evaluate.main(*inputs, VALUES | {"expansion": NO_EXPANSION}, key=key, **names)
    return json.loads((folder / f"metrics/{key}.json").read_text())


@pytest.mark.parametrize("whitening", ["learned", "none"])
def test_a_student_that_copies_the_vectors_gets_their_result(processed, given, tmp_path, whitening):
    _, described = run(processed, tmp_path, whitening=whitening)
    own = scores(processed, tmp_path, "made", network="made")
    form = {"queries": np.array(described["test.queries"]), "extraction": described.extraction}
    describe(tmp_path / "descriptors/copy", processed, seed=1, **form)
    copy = scores(processed, tmp_path, "copy", network="small", teacher="made", loss="reg", seed=0)
    assert own["symmetric"] == copy["asymmetric"] and own["symmetric"]["test"]["medium"]["mAP"] > 0
    learned = copy["evaluation"]["learned_whitening"]["asymmetric"]
    assert (learned is None) == (whitening == "none")


def renamed(name):
    """A change of test4's name."""
    return lambda rows, names: (rows, [name if old == "test4" else old for old in names])


def with_components(value, columns=2):
    """A change of a component of test4's vector, or of several."""

    def change(rows, names):
        rows[names.index("test4"), columns] = value
        return rows, names

    return change


def with_array(array):
    return lambda rows, names: (array, names)


BAD_CONTENT = [
    (
        lambda rows, names: (rows, names[:-1]),
        r"test.txt has 9 names, fewer than the 10 vectors of test.npy; accepted: a name for each row",
    ),
    (
        lambda rows, names: (rows, [*names, "one more"]),
        r"test.txt has 11 names, more than the 10 vectors of test.npy",
    ),
    (renamed("test3"), r"test.txt: 'test3' stands 2 times, first in lines \d and \d; accepted: once"),
    (renamed("test4.jpg"), r"no vector of 'test4' \(1 of 9 images lack theirs\), which has names"),
    (
        with_components(np.nan),
        r"test.npy: the vector of 'test4' is not finite \(1 such rows here\); describe the image",
    ),
    (with_components(0, slice(None)), r"the vector of 'test4' is zero"),
    (with_array(np.ones((10, 4))), r"test.npy: vectors of 4 components; accepted: 5, as params.yaml says"),
    (with_array(np.ones(10)), r"test.npy holds float64 of shape \(10,\); accepted: one array of real numb"),
    (with_array(np.array([[None] * 5] * 10)), r"test.npy can't be read \(.*\); write it by numpy.save"),
]


@pytest.mark.parametrize(("change", "message"), BAD_CONTENT)
def test_bad_vectors_and_names_are_refused(processed, given, tmp_path, change, message):
    vectors, names = tmp_path / "given/test.npy", tmp_path / "given/test.txt"
    rows, lines = change(np.load(vectors), names.read_text().splitlines())
    np.save(vectors, rows, allow_pickle=True)
    names.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(ValueError, match=message):
        run(processed, tmp_path)
    assert not (tmp_path / "descriptors/made").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("test.queries.npy", None, r"no test.queries.npy in .*given: put the vectors there"),
        ("test.npy", None, r"no test.npy in .*given: put the vectors there, and test.txt with their names"),
        ("test.npy", b"", r"test.npy can't be read"),
        ("test.txt", None, r"no test.txt in .*given: write the images' names there, one a line"),
        ("test.txt", b"\xff\n" * 10, r"test.txt: not UTF-8 text"),
    ],
)
def test_files_that_cannot_be_read_are_refused(processed, given, tmp_path, file, content, message):
    path = tmp_path / "given" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        run(processed, tmp_path)


def test_negative_components_must_be_expected(processed, given, tmp_path):
    with pytest.raises(ValueError, match=r"has components below 0 .*set `negative: split` for this teacher"):
        run(processed, tmp_path, negative="refuse")


def test_names_are_found_in_whatever_way_a_system_writes_them(processed, given, tmp_path):
    """With a mark at the start of the file, and ends of lines as Windows has them."""
    expected = run(processed, tmp_path)[1]["test.database"].copy()
    path = tmp_path / "given/test.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_text().replace("\n", "\r\n").encode())
    np.testing.assert_array_equal(run(processed, tmp_path)[1]["test.database"], expected)
