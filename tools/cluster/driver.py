"""Hands every stage that can run to Ray, and collects the results."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from graphlib import TopologicalSorter

import ray
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tools.cluster import locks
from tools.cluster.display import Display
from tools.cluster.orders import Order, Report
from tools.cluster.plan import Plan

RETRIES = 3  # how often a stage starts anew after its node was lost
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # other machines may have the project elsewhere


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect to Ray: on this machine only, or to the cluster at `address`. Raises ConnectionError if there is none."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        os.environ.setdefault("RAY_worker_niceness", "0")  # else stages have a lower priority than with `dvc repro`
        ray.init("local", include_dashboard=False, object_store_memory=10**8, **quiet)
    else:
        ray.init(address, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


class Run:
    """One run of a plan on the cluster that Ray is connected to.

    Stages marked gpu run on any node, with `gpus_per_stage` GPUs if the cluster has some; the others need little
    computing and run on the driver's node. Without `remote` all nodes see this folder; with it, each other node works
    in the clone in which its `ray start` was called.
    """

    def __init__(self, plan: Plan, display: Display, *, remote: str | None, gpus_per_stage: float, keep_going: bool):
        self.plan, self.display, self.remote, self.keep_going = plan, display, remote, keep_going
        self.num_gpus = gpus_per_stage if ray.cluster_resources().get("GPU") else 0
        self.home = ray.get_runtime_context().get_node_id()
        self.require_room()
        self.at_home = {"scheduling_strategy": NodeAffinitySchedulingStrategy(self.home, soft=False)}
        self.starts = Queue(actor_options={"num_cpus": 0, **self.at_home})
        self.running: dict[ray.ObjectRef, Order] = {}
        self.results: dict[str, str] = {}  # as in Report, by address
        self.seconds = Counter()  # how long each stage took
        self.entries = self.send_what_is_there() if remote else {}  # of dvc.lock, by address

    def require_room(self) -> None:
        """Raise ValueError if some stage would wait for ever."""
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        most = max(node.get("GPU", 0) for node in nodes.values())
        if self.num_gpus > most:
            raise ValueError(f"--gpus-per-stage is {self.num_gpus:g}; no node has more than {most:g}")
        if not nodes[self.home].get("CPU"):
            raise ValueError("Ray has no CPU on this machine; accepted: one or more in `ray start --num-cpus`")

    def send_what_is_there(self) -> dict[str, dict]:
        """Push the up-to-date outputs that stages marked gpu read; their entries in dvc.lock."""
        read = {need for stage in self.plan.stages.values() if stage.gpu for need in stage.needs}
        there = sorted(read - set(self.plan.stages))
        if there:
            command = [sys.executable, "-m", "dvc", "push", "--remote", self.remote, *there]
            if subprocess.run(command, stdout=sys.stderr).returncode:
                raise ValueError(f"--remote is {self.remote!r}; dvc push cannot write there")
        return locks.read_entries(there)

    def complete(self) -> None:
        """Run all stages. After a failure no more stages start; with `keep_going` those still start that do not need
        the failed one."""
        stages = self.plan.stages
        sorter = TopologicalSorter({name: stages.keys() & stage.needs for name, stage in stages.items()})
        sorter.prepare()
        try:
            while True:
                if self.keep_going or "failed" not in self.results.values():
                    for address in sorter.get_ready():
                        self.submit(self.first_order(address))
                if not self.running:
                    break
                sorter.done(*self.settled())
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            for address in stages:
                self.results.setdefault(address, "skipped")

    def first_order(self, address: str) -> Order:
        if self.remote is None:
            return Order(address)
        stages = self.plan.stages
        read = any(stage.gpu and address in stage.needs for stage in stages.values())
        return Order(address, "restore" if stages[address].gpu else "run", remote=self.remote, push=read)

    def next_order(self, order: Order, report: Report) -> Order | None:
        """Return the order that follows a report on a stage that travels; None if the stage is done."""
        stage = self.plan.stages[order.address]
        if report.result == "absent":  # not computed yet: run it on any node
            entries = {need: self.entries[need] for need in stage.needs}
            return replace(
                order,
                how="travel",
                inputs=list(stage.inputs),
                first=list(stage.first),
                entries=entries,
                parameters=self.plan.parameters,
                dependencies=report.dependencies,
            )
        if report.how == "travel" and report.result != "failed":
            return Order(order.address, "collect", remote=self.remote, entries={order.address: report.entry})
        return None

    def submit(self, order: Order) -> None:
        roams = self.plan.stages[order.address].gpu and order.how in ("run", "travel")
        needs = {"num_gpus": self.num_gpus} if roams else self.at_home
        task = carry_out.options(
            name=order.address, max_retries=RETRIES, num_cpus=0 if order.how in ("restore", "collect") else 1, **needs
        )
        order.threads = os.environ.get("OMP_NUM_THREADS")
        self.running[task.remote(asdict(order), os.getcwd(), self.home, self.starts)] = order

    def settled(self) -> list[str]:
        """Wait for a moment; the stages that have succeeded since the last call."""
        references, _ = ray.wait(list(self.running), timeout=2)  # a shorter wait costs a few percent of a core
        for start in self.starts.get_nowait_batch(self.starts.qsize()):
            self.display.started(*start)
        return [order.address for order in map(self.settle, references) if order is not None]

    def settle(self, reference: ray.ObjectRef) -> Order | None:
        """Note a report; its order if the stage has succeeded."""
        order = self.running.pop(reference)
        try:
            report = Report(**ray.get(reference))
        except ray.exceptions.RayError as error:
            report = Report("failed", order.how, output=str(getattr(error, "cause", None) or error))
        address = order.address
        self.seconds[address] += report.seconds
        if order.how == "collect" and report.result == "restored":
            report.result = self.results[address]
        self.results[address], self.entries[address] = report.result, report.entry
        if following := self.next_order(order, report):
            self.submit(following)
            return None
        self.display.finished(address, report.result, self.seconds[address], report.output)
        return order if report.result != "failed" else None

    def stop(self) -> None:
        """End the running stages; DVC's processes finish what they are writing."""
        self.display.say(f"cluster: stopping {len(self.running)} stages")
        for reference in self.running:
            ray.cancel(reference)
        ray.wait(list(self.running), num_returns=len(self.running))
        self.results |= {order.address: "stopped" for order in self.running.values()}


@ray.remote
def carry_out(order: dict, workspace: str, home: str, starts: Queue) -> dict:
    """Carry out an Order by `tools.cluster.node` in this machine's copy of the workspace, and return its Report.

    That process stops when its input closes. This function closes it if the task is cancelled; the system closes it if
    this worker is killed.
    """
    if order["how"] == "travel" and ray.get_runtime_context().get_node_id() == home:
        order = order | {"how": "run"}
    folder, host = os.getcwd() if order["how"] == "travel" else workspace, socket.gethostname()
    starts.put((order["address"], host))
    command = [sys.executable, "-m", "tools.cluster.node"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=folder, start_new_session=True, **streams)
    begin = time.monotonic()
    try:
        process.stdin.write(f"{json.dumps(order)}\n")
        process.stdin.flush()
        while process.poll() is None:
            time.sleep(0.1)  # a cancelled task is interrupted between two steps of Python
        report = process.stdout.read().rstrip().rpartition("\n")[2]  # lines before it are warnings of imports
    finally:
        process.stdin.close()
        process.wait()
    if process.returncode:
        raise RuntimeError(f"{folder} on {host}: {' '.join(command)} failed: {report}")
    return json.loads(report) | {"seconds": time.monotonic() - begin}
