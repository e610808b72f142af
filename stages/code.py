"""What each stage's results depend on of the project's code, in small files: a stage runs again when its file changes.

Reads: the code, as syntax trees; the networks in params.yaml. Writes: <code>/<stage>.json for each module of stages,
without losses and backbones where cells have one each; for those <code>/losses/<loss>.json, and
<code>/networks/<network>.json, the network's backbone. Each has a digest of every file, and one of all.
"""

import hashlib
import json
from pathlib import Path

import stages
from aml import losses
from aml.closures import Code
from aml.files.atomic import write_json
from aml.networks import backbones
from aml.params.reading import setting
from stages import runtime

OUTSIDE = (stages.__name__, runtime.__name__)  # they run a stage and note its time; no result depends on them
BY_NAME = (losses.__name__, backbones.__name__)
# stages whose cells have one loss or network each, and depend on its file
CELLS = ("train", "targets", "extract")


def main(folder: Path, values: dict) -> None:
    files = needed(Path(), setting(values, "networks", dict))
    for name, modules in files.items():
        path = folder / name
        content = {"digest": hashlib.sha256(json.dumps(modules).encode()).hexdigest(), "modules": modules}
        if not path.exists() or json.loads(path.read_text()) != content:  # else its time stays, too
            write_json(path, content)
    for path in folder.rglob("*.json"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()


def needed(root: Path, networks: dict) -> dict[str, dict[str, str]]:
    """The contents of all files by their names: path -> digest of what a stage, loss or network needs in `root`."""
    code = Code(root, outside=OUTSIDE, by_name=BY_NAME)
    names = sorted(path.stem for path in (root / stages.__name__).glob("*.py"))
    modules = {name: f"{stages.__name__}.{name}" for name in names if name not in ("__init__", Path(__file__).stem)}
    files = {
        f"{name}.json": code.digests(module, by_name=name not in CELLS)
        for name, module in modules.items()
        if module not in OUTSIDE
    }
    for loss in sorted(path.stem for path in code.file(losses.__name__).parent.glob("[!_]*.py")):
        files[f"losses/{loss}.json"] = code.digests(f"{losses.__name__}.{loss}", by_name=False)
    for network, settings in networks.items():
        backbone = settings.get("backbone") if isinstance(settings, dict) else None
        module = f"{backbones.__name__}.{backbone}"
        if code.file(module):  # else `check` stops, and says what is accepted
            files[f"networks/{network}.json"] = code.digests(module, by_name=False)
    return files


if __name__ == "__main__":
    runtime.run_command(main)
