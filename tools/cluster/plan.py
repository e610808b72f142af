"""Finds the stages of DVC's graph that are out of date, and what each of them needs."""

from dataclasses import dataclass
from pathlib import Path

from dvc.dependency import ParamsDependency
from dvc.dvcfile import PROJECT_FILE
from dvc.fs import localfs
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.stage import Stage


@dataclass(frozen=True)
class Planned:
    """A stage that has to run, or whose dependencies may change in this run."""

    address: str  # as `dvc repro` takes it
    needs: tuple[str, ...]  # the stages directly before it, up to date or not
    gpu: bool  # `meta: {gpu: true}` in dvc.yaml: wants a GPU where there are some, and may run on any machine
    inputs: tuple[str, ...]  # what it reads of other stages' outputs, as `dvc pull` takes it; () unless `gpu`
    first: tuple[str, ...]  # those of `needs` that run in every clone, `meta: {everywhere: true}`; () unless `gpu`


@dataclass(frozen=True)
class Plan:
    stages: dict[str, Planned]  # by address; a stage comes after those that it needs
    parameters: dict[str, str]  # the text of each parameters file, by its path


def plan(targets: list[str]) -> Plan:
    """Return the stages that `dvc repro <targets>` would find changed, and all that come after them; no targets:
    dvc.yaml.

    Raises DvcException for a target or a graph that DVC refuses, ValueError for a `gpu` stage that cannot travel.
    """
    with Repo() as repo, lock_repo(repo):
        graph = get_active_graph(repo.index.graph)
        wanted = plan_repro(graph, collect_stages(repo, targets or [PROJECT_FILE]))
        stages = {}
        for stage in wanted:  # in an order in which each comes after those that it needs
            before = list(graph.successors(stage))
            if any(other.addressing in stages for other in before) or stage.status():
                stages[stage.addressing] = planned(stage, before)
        files = {dep.fs_path for stage in wanted for dep in stage.deps if isinstance(dep, ParamsDependency)}
        parameters = {str(Path(file).relative_to(repo.root_dir)): Path(file).read_text() for file in sorted(files)}
    return Plan(stages, parameters)


def planned(stage: Stage, before: list[Stage]) -> Planned:
    gpu = bool((stage.meta or {}).get("gpu"))
    needs = tuple(other.addressing for other in before)
    everywhere = [other for other in before if (other.meta or {}).get("everywhere")]
    first = tuple(other.addressing for other in everywhere) if gpu else ()
    travelling = [other for other in before if other not in everywhere]
    return Planned(stage.addressing, needs, gpu, tuple(inputs(stage, travelling)) if gpu else (), first)


def inputs(stage: Stage, before: list[Stage]) -> list[str]:
    """Return the paths of other stages' outputs, or of parts of them, that `stage` reads.

    Raises ValueError if one of them, or an output of its own, is not in DVC's cache, through which it would travel.
    """
    read = []
    for dep in stage.deps:
        for out in (out for other in before for out in other.outs):
            if localfs.isin_or_eq(dep.fs_path, out.fs_path):
                read.append((dep, out))
            elif localfs.isin(out.fs_path, dep.fs_path):
                read.append((out, out))
    for out in (*(out for _, out in read), *stage.outs):
        if not out.use_cache:
            raise ValueError(f"{stage.addressing} is marked gpu, but {out} is not cached; accepted: outputs with cache")
    return [localfs.relpath(part.fs_path) for part, _ in read]
