"""Write digests of the code on which each stage's results depend; a stage runs again when its digest file changes.

Reads: the code, as syntax trees; the networks in params.yaml. Writes: <code>/<stage>.json for each module in stages,
without losses and backbones if a cell has one of each; for those <code>/losses/<loss>.json, and
<code>/networks/<network>.json for the network's backbone. A file has a digest of each module, and one of them all.
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

OUTSIDE = (stages.__name__, runtime.__name__)  # no result depends on how a stage is run and logged
BY_NAME = (losses.__name__, backbones.__name__)
# stages with cells of one loss or network, on whose file they depend
CELLS = ("train", "targets", "extract")


def main(folder: Path, values: dict) -> None:
    files = needed(Path(), setting(values, "networks", dict))
    for name, modules in files.items():
        path = folder / name
        content = {"digest": hashlib.sha256(json.dumps(modules).encode()).hexdigest(), "modules": modules}
        if not path.exists() or json.loads(path.read_text()) != content:  # an equal file keeps its time
            write_json(path, content)
    for path in folder.rglob("*.json"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()


def needed(root: Path, networks: dict) -> dict[str, dict[str, str]]:
    """Return for each file name the modules that it covers: path -> digest of all code that this stage, loss or
    network needs in `root`."""
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
        if code.file(module):  # the stage `check` refuses an unknown backbone
            files[f"networks/{network}.json"] = code.digests(module, by_name=False)
    return files


if __name__ == "__main__":
    runtime.run_command(main)
