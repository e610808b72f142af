"""Link to the local files of which datasets consist, so that DVC sees when they change.

DVC looks through the links itself, first at size and time, then at the digest. A changed file is fetched anew.

Reads: sections `datasets` and `vectors` of params.yaml. Writes: <local>/<set>: a link to each file that is on this
machine, and watched.json, their names. Git keeps only watched.json, so that a clone of a run without local files is
complete. If a source is a folder, <local>/<set> is itself the link to it, and so is <local>/<teacher> for a folder of
vectors.
"""

from pathlib import Path

from aml.download.transfer import present
from aml.files.atomic import replacing_folder, write_json
from aml.params.datasets import dataset_settings, source_files
from aml.params.reading import setting
from aml.params.vectors import vector_settings
from stages.runtime import run_command


def main(local: Path, values: dict) -> None:
    with replacing_folder(local) as folder:
        for name in setting(values, "grid.datasets", list[str]):
            files = source_files(dataset_settings(values, name), name)
            places = {file: present(sources) for file, sources in files.items()}
            watched = {file: place for file, place in places.items() if place is not None}
            if folders := [place for place in watched.values() if place.is_dir()]:
                if len(watched) > 1:
                    raise ValueError(
                        f"params.yaml: datasets.{name}.sources: {folders[0]} is a folder, and there are other local "
                        "files beside it; put them into the folder, so that DVC sees them change"
                    )
                (folder / name).symlink_to(folders[0].resolve())  # DVC does not look through a link further down
                continue
            (folder / name).mkdir()
            for file, place in watched.items():
                (folder / name / file).symlink_to(place.resolve())
            write_json(folder / name / "watched.json", sorted(watched))
        for name in setting(values, "grid.vector_teachers", list[str]):
            given = Path(vector_settings(values, name).folder).expanduser().resolve()
            if not given.is_dir():
                raise ValueError(f"params.yaml: vectors.{name}.folder: there is no folder {given} on this machine")
            (folder / name).symlink_to(given)


if __name__ == "__main__":
    run_command(main)
