"""What the driver says to a node about one stage, and what it hears back; both travel as a line of JSON."""

from dataclasses import KW_ONLY, dataclass, field


@dataclass
class Order:
    """What to do with a stage. `how` is one of

    - run: in the driver's own folder, or in the same on a shared file system
    - restore: there, if that takes no computing
    - travel: in a clone of it, to which the remote brings the inputs and from which it takes the outputs
    - collect: in the driver's folder, take over what a clone has computed
    """

    address: str
    how: str = "run"
    _: KW_ONLY
    threads: str | None = None  # OMP_NUM_THREADS where the run was started; None: not set
    remote: str | None = None  # DVC's name of it; None: nothing travels
    push: bool = False  # send the outputs there, for stages elsewhere
    inputs: list[str] = field(default_factory=list)  # travel: what to bring from there
    entries: dict[str, dict] = field(default_factory=dict)  # of dvc.lock, by stage, to take over first
    first: list[str] = field(default_factory=list)  # travel: stages to run there before, for git has their outputs
    parameters: dict[str, str] = field(default_factory=dict)  # travel: the text of each such file
    dependencies: dict[str, object] = field(default_factory=dict)  # travel: what they must be


@dataclass
class Report:
    """What became of an order: run, restored, unchanged, absent (not restorable), failed or stopped."""

    result: str
    how: str  # the order was carried out: as given, but that in the driver's own folder nothing has to travel
    output: str = ""  # the end of a failed stage's
    entry: dict | None = None  # of dvc.lock; None where nothing travels
    dependencies: dict[str, object] | None = None  # of a stage that is not restorable
    seconds: float = 0
