"""Draw the embedded datasets in the raw layouts of the real ones. A folder's name is its set's name.

One seed and one installation give the same bytes, whatever the number of processes. The images of a set depend on its
seed and on the function that draws it, not on the folder's name. `aml.params.datasets` explains and checks the numbers.
"""

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aml.files.atomic import replacing
from aml.files.image_sets import LABELS
from aml.params.datasets import SyntheticDistractors, SyntheticTest, SyntheticTraining
from synthetic.clusters import Job, draw_cluster, draw_other
from synthetic.processes import workers
from synthetic.streams import identifier, stream


def draw_training_set(folder: Path, drawing: SyntheticTraining, *, num_processes: int) -> None:
    """Write ims.tar.gz, <folder>.pkl and <folder>-whiten.pkl: clusters of views of one landmark each, with pairs. The
    whitening list has landmarks of its own; its pairs are what a test set calls queries and easy or hard views."""
    seed = drawing.seed
    landmarks = {
        "train": (drawing.num_train_landmarks, 0),
        "val": (drawing.num_val_landmarks, 0),
        "whitening": (drawing.num_whitening_landmarks, drawing.queries_per_whitening_landmark),
    }
    lists = {}
    with workers(num_processes) as spread, writing_archive(folder / "ims.tar.gz") as add:
        for split, (count, num_queries) in landmarks.items():
            look = drawing.image_size, drawing.views_per_landmark, num_queries
            jobs = [Job(("sfm", seed, split, number), *look) for number in range(count)]
            lists[split] = rows = {"cids": [], "cluster": [], "qidxs": [], "pidxs": []}
            for number, cluster in enumerate(spread(draw_cluster, jobs)):
                first = len(rows["cids"])
                for view, jpeg in enumerate(cluster.jpegs):
                    cid = identifier("sfm", seed, split, number, view)
                    add(f"ims/{cid[-2:]}/{cid[-4:-2]}/{cid[-6:-4]}/{cid}", jpeg)
                    rows["cids"].append(cid)
                    rows["cluster"].append(number)
                rows["qidxs"] += [first + query for query, _ in cluster.pairs]
                rows["pidxs"] += [first + positive for _, positive in cluster.pairs]
    whitening = lists.pop("whitening")
    del whitening["cluster"]
    write_pickle(folder / f"{folder.name}.pkl", lists)
    write_pickle(folder / f"{folder.name}-whiten.pkl", whitening)


def draw_test_set(folder: Path, drawing: SyntheticTest, *, num_processes: int) -> None:
    """Write <folder>_images.tgz and gnd_<folder>.pkl: queries, their landmarks' views, other images, ground truth. The
    database is shuffled; queries are not part of it."""
    name, seed, num_views = folder.name, drawing.seed, drawing.views_per_landmark
    look = {"image_size": drawing.image_size, "kinds": drawing.kinds, "palette": drawing.palette}
    counts = {"num_views": num_views, "num_queries": drawing.queries_per_landmark}
    jobs = [Job(("test", seed, number), **look, **counts) for number in range(drawing.num_landmarks)]
    other_jobs = [Job(("test", seed, "other", number), **look) for number in range(drawing.num_other)]
    order = stream("order", seed).permutation(len(jobs) * num_views + len(other_jobs))
    rows = np.argsort(order).tolist()  # of the images, as they are drawn, in the shuffled database
    names, queries, ground_truth = [], [], []
    with workers(num_processes) as spread, writing_archive(folder / f"{name}_images.tgz") as add:
        for number, cluster in enumerate(spread(draw_cluster, jobs)):
            new_queries = [f"{name}_{number:04d}_query_{query:04d}" for query in range(len(cluster.boxes))]
            new_names = [f"{name}_{number:04d}_{view:06d}" for view in range(num_views)]
            for image, jpeg in zip(new_queries + new_names, cluster.jpegs, strict=True):
                add(f"jpg/{image}.jpg", jpeg)
            new_rows = rows[len(names) : len(names) + num_views]
            for box, grades in zip(cluster.boxes, cluster.grades, strict=True):
                graded = list(zip(grades, new_rows, strict=True))
                labels = {label: sorted(row for level, row in graded if level == label) for label in LABELS}
                ground_truth.append({"bbx": box, **labels})
            queries += new_queries
            names += new_names
        for number, jpeg in enumerate(spread(draw_other, other_jobs)):
            names.append(f"{name}_other_{number:06d}")
            add(f"jpg/{names[-1]}.jpg", jpeg)
    database = [names[number] for number in order]
    write_pickle(folder / f"gnd_{name}.pkl", {"imlist": database, "qimlist": queries, "gnd": ground_truth})


def draw_distractors(folder: Path, drawing: SyntheticDistractors, *, num_archives: int, num_processes: int) -> None:
    """Write revisitop1m.<1..num_archives>.tar.gz and <folder>.txt: images that show no other set's landmark. Remove
    archives that an earlier call with more of them has left."""
    seed, num_images = drawing.seed, drawing.num_images
    jobs = [Job(("distractor", seed, number), drawing.image_size) for number in range(num_images)]
    names = [f"{number // 100:04d}/{identifier('distractor', seed, number)}.jpg" for number in range(num_images)]
    archives = [folder / f"revisitop1m.{part + 1}.tar.gz" for part in range(num_archives)]
    with workers(num_processes) as spread:
        images = spread(draw_other, jobs)
        for part, archive in enumerate(archives):
            share = slice(part * num_images // num_archives, (part + 1) * num_images // num_archives)
            with writing_archive(archive) as add:
                for name in names[share]:
                    add(f"jpg/{name}", next(images))
    for path in {*folder.glob("revisitop1m.*.tar.gz")} - {*archives}:
        path.unlink()
    with replacing(folder / f"{folder.name}.txt") as temporary:
        temporary.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


@contextmanager
def writing_archive(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that adds a file (name, data) to a gzipped tar, which is at `path` once it is complete. Owners,
    modes and times are the same for all files."""
    with (
        replacing(path) as temporary,
        open(temporary, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as stream,  # JPEGs hardly shrink
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

        yield add


def write_pickle(path: Path, value: dict) -> None:
    """Write plain lists, dicts, numbers and strings as the upstream lists are: protocol 2."""
    with replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(value, protocol=2))
