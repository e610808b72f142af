"""`python -m tools.search` as a user calls it, and its server."""

import http.client
import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aml.search.student import Student
from tests import ROOT, python
from tests.pictures import encoded, pixels
from tests.search.conftest import KEY, by_torch, write_model
from tools.search.__main__ import arguments, main
from tools.search.finder import Finder
from tools.search.page import page
from tools.search.photo import query_pixels, upright
from tools.search.server import MAX_BYTES, server

INDEX_FILES = ("index.faiss", "images.csv", "whitening.npz")


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "a photo é.png"
    path.write_bytes(encoded(pixels(80, 60, 5)))
    return path


def command(tiny, *more) -> list[str]:
    folders = {"--model": f"exported/{KEY}", "--index": "index/big", "--images": "processed"}
    return [*(word for name, path in folders.items() for word in (name, str(tiny / path))), *map(str, more)]


def finder(tiny) -> Finder:
    return Finder(tiny / f"exported/{KEY}", tiny / "index/big", processed=tiny / "processed")


def test_it_answers_without_torch(tiny, photo):
    """With the page, too; and in the order of the similarities with the student's own descriptor."""
    code = (
        "import sys; from tools.search.__main__ import arguments, main; main(arguments(sys.argv[1:])); "
        "print([name for name in ('torch', 'onnx', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    words = command(tiny, photo, "--top", 4, "--page", photo.with_suffix(".html"))
    done = python("-c", code, *words, check=True)
    first, *lines, modules = done.stdout.splitlines()
    assert first.startswith(str(photo)) and modules == "[]" and len(lines) == 4
    student, found = Student(tiny / f"exported/{KEY}"), finder(tiny).index
    pixels = query_pixels(upright(photo.read_bytes()), None, 32)
    rows = found.faiss.reconstruct_n(0, 21) @ student.describe(pixels)
    expected = [
        f"{rank:4}  {rows[row]:.4f}  {found.images[row].set}/{found.images[row].name}"
        for rank, row in enumerate(np.argsort(-rows)[:4], start=1)
    ]
    assert lines == expected


def test_json_has_photos_boxes_and_results(tiny, photo, capsys):
    main(arguments(command(tiny, photo, photo, "--box", 1, 2, 30, 40, "--top", 3, "--json")))
    answers = json.loads(capsys.readouterr().out)
    assert [entry["photo"] for entry in answers["photos"]] == [str(photo)] * 2
    for entry in answers["photos"]:
        assert entry["box"] == [1, 2, 30, 40] and [found["rank"] for found in entry["results"]] == [1, 2, 3]
        assert {"set", "name", "similarity"} < set(entry["results"][0])
    whole, part = (finder(tiny).ask("x", photo.read_bytes(), box, 21).results for box in (None, [1, 2, 30, 40]))
    assert whole != part


def test_the_page_shows_the_pictures_and_needs_nothing_else(tiny, photo, tmp_path):
    """A database image that is not here has none."""
    found = finder(tiny)
    text = page(found, [found.ask("<b>.png", photo.read_bytes(), [0, 0, 9, 9], 5)])
    assert len(re.findall(r'<img src="data:image/jpeg;base64,', text)) == 6  # the photo's and five more
    assert "&lt;b&gt;.png" in text and "<b>" not in text and "http" not in text
    found = Finder(tiny / f"exported/{KEY}", tiny / "index/big", processed=tmp_path)
    text = page(found, [found.ask("x", photo.read_bytes(), None, 5)])
    assert text.count("<img") == 1 and text.count('class="none"') == 5


def test_the_teacher_answers_where_one_asks(tiny, photo, tmp_path, capsys):
    main(arguments(command(tiny, photo, "--teacher", "--models", tiny / "models", "--top", 21, "--json")))
    (answer,) = json.loads(capsys.readouterr().out)["photos"]
    pixels = query_pixels(upright(photo.read_bytes()), None, 32)
    expected = finder(tiny).index.search(by_torch(tiny, "big", pixels, [1.0, 0.7]).astype(np.float32), 21)
    assert [found["name"] for found in answer["teacher"]] == [result.name for result in expected]
    assert answer["teacher"] != answer["results"]
    write_model(tmp_path / "big", seed=7)  # did not make the index
    with pytest.raises(ValueError, match=r"big is not the network \w{8} that made .*index/big"):
        main(arguments(command(tiny, photo, "--teacher", "--models", tmp_path)))


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10), (10, 20_000)])
def test_photos_of_odd_shapes_are_answered(tiny, size):
    found = finder(tiny)
    answer = found.ask("x", encoded(np.full((*reversed(size), 3), 128, np.uint8)), None, 5)
    assert len(answer.results) == 5 and page(found, [answer]).count("<img") == 6


def test_a_photo_is_turned_as_its_exif_says():
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it by 90 degrees clockwise: the left side comes to the top
    turned = upright(encoded(pixels, "JPEG", exif=exif, quality=100))
    assert turned.shape == (30, 20, 3) and turned[:8].min() > 200 and turned[12:].max() < 50


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        ([], b"no image", r"bad.png: no image of a known format"),
        ([], b"", r"bad.png: an empty file"),
        (["--box", "0", "0", "90", "9"], None, r"box 0 0 90 9; accepted: whole pixels with .* x1 <= 80 and"),
        (["--box", "5", "5", "5", "9"], None, r"bad.png: box 5 5 5 9; accepted"),
        (["--box", "nan", "5", "5", "9"], None, r"bad.png: box nan 5 5 9; accepted"),
        (["--top", "0"], None, "--top is 0; accepted: 1 or more"),
        (["--serve", "70000"], None, "--serve is 70000; accepted: a port from 0 to 65535"),
        (["none.png"], None, "No such file or directory: 'none.png'"),
        ([str(ROOT)], None, "Is a directory"),
    ],
)
def test_mistakes_end_in_one_sentence(tiny, photo, tmp_path, words, content, message):
    path = tmp_path / "bad.png"
    path.write_bytes(photo.read_bytes() if content is None else content)
    with pytest.raises((ValueError, OSError), match=message):
        main(arguments(command(tiny, path, *words)))


@pytest.mark.parametrize(
    ("option", "file", "damaged", "missing"),
    [
        ("--model", "model.json", "it is not a JSON object", "exported student: no .*model.json; `make"),
        ("--model", "student.onnx", f"it is not the file of {KEY} that", "exported student: no .*.onnx"),
        ("--index", "index.json", "it is not a JSON object", "not an index: there is no index.json; `make search`"),
        *(("--index", file, "it is not the file that index.json names", f"{file} is damaged") for file in INDEX_FILES),
    ],
)
def test_damaged_folders_are_refused(tiny, photo, tmp_path, option, file, damaged, missing):
    """A file is cut, empty, or missing."""
    original = tiny / {"--model": f"exported/{KEY}", "--index": "index/big"}[option]
    folder = shutil.copytree(original, tmp_path / "folder")
    words, whole = arguments(command(tiny, photo, option, folder)), (folder / file).read_bytes()
    for content in (whole[: len(whole) // 2], b""):
        (folder / file).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{file} is damaged: {damaged}"):
            main(words)
    (folder / file).unlink()
    with pytest.raises(ValueError, match=missing):
        main(words)


def test_the_index_of_another_network_ends_the_command_in_one_sentence(tiny, photo, tmp_path):
    path = shutil.copytree(tiny / "index/big", tmp_path / "index") / "index.json"
    path.write_text(path.read_text().replace('"key": "big"', '"key": "huge"'))
    done = python("-m", "tools.search", *command(tiny, photo, "--index", path.parent))
    assert done.returncode == 1 and done.stdout == ""
    expected = r"search: .*index is the index of huge .*, but .*student.onnx belongs to big \(.*\n"
    assert re.fullmatch(expected, done.stderr)


@pytest.fixture
def served(tiny):
    """The port of a server."""
    with server(finder(tiny), 0, 3) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_port
        serving.shutdown()
        thread.join()


def request(port: int, method: str, path: str = "/", body: bytes = b"", **headers) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def form(name: str, data: bytes) -> dict:
    head = f'--x\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n\r\n'
    return {"body": head.encode() + data + b"\r\n--x--\r\n", "Content_Type": "multipart/form-data; boundary=x"}


def test_the_server_answers_a_photo_from_its_own_page_or_says_what_is_wrong(served, photo):
    status, text = request(served, "GET")
    assert status == 200 and '<input type="file"' in text
    status, text = request(served, "POST", **form("<i>.png", photo.read_bytes()))
    assert status == 200 and text.count("<img") == 4 and "&lt;i&gt;.png" in text
    for data in (b"no image", b"\x89PNG\r\n\x1a\n" + bytes(50)):
        status, text = request(served, "POST", **form("bad.png", data))
        assert status == 400 and re.search(r'role="alert">bad.png: .*</p>', text) and '<input type="file"' in text
    for body in (b"", b"--x--\r\n", bytes(1000)):
        for kind in ("multipart/form-data; boundary=x", "text/plain", ""):
            status, text = request(served, "POST", body=body, Content_Type=kind)
            assert status == 400 and "no photo came" in text
    status, text = request(served, "POST", Content_Length=str(MAX_BYTES + 1))  # is never read
    assert status == 400 and f"at most {MAX_BYTES:,} are accepted" in text


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/params.yaml", "//etc/passwd", "/index.html"])
def test_the_server_has_no_other_file_and_refuses_another_site_s_requests(served, path):
    assert request(served, "GET", path)[0] == 404
    for headers in ({"Host": "example.org"}, {"Origin": "http://example.org"}):
        assert [request(served, method, **headers)[0] for method in ("GET", "POST")] == [403, 403]
