"""The driver's message to a node about one stage, and the answer; each is sent as a line of JSON."""

from dataclasses import KW_ONLY, dataclass, field


@dataclass
class Order:
    """What to do with a stage. `how` is one of

    - run: run it in the driver's folder, on this machine or on a shared file system
    - restore: in the driver's folder, take its outputs from the cache, if they are there
    - travel: run it in a clone of that folder; its inputs come from the remote, its outputs go there
    - collect: in the driver's folder, fetch from the remote what a clone has computed
    """

    address: str
    how: str = "run"
    _: KW_ONLY
    threads: str | None = None  # OMP_NUM_THREADS in the driver's environment; None: not set
    remote: str | None = None  # name of the DVC remote; None: nothing travels
    push: bool = False  # whether to push the outputs, for stages on other nodes
    inputs: list[str] = field(default_factory=list)  # travel: the paths to pull
    entries: dict[str, dict] = field(default_factory=dict)  # entries of dvc.lock, by stage, to take over first
    first: list[str] = field(default_factory=list)  # travel: stages to run there before; git keeps their outputs
    parameters: dict[str, str] = field(default_factory=dict)  # travel: the text of each parameters file
    dependencies: dict[str, object] = field(default_factory=dict)  # travel: hashes that the clone must have too


@dataclass
class Report:
    """The result of an order; `result` is run, restored, unchanged, absent (not restorable), failed or stopped."""

    result: str
    how: str  # as in the order; but run instead of travel in the driver's own folder
    output: str = ""  # the last lines of a failed stage
    entry: dict | None = None  # the stage's entry in dvc.lock; None where nothing travels
    dependencies: dict[str, object] | None = None  # their hashes, if the result is absent
    seconds: float = 0
