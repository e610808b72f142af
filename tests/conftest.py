"""The order of test files: the longest first, so that two processes end at about the same time."""

from pathlib import Path

FIRST = [  # the grid's repository is made beside the paper's, not while the other process waits for it
    "pipeline/test_paper.py",
    "pipeline/test_pipeline.py",
    "pipeline/test_experiments.py",
    "pipeline/test_failures.py",
    "pipeline/test_damage.py",
    "stages/test_graph.py",
    "networks/test_backbones.py",
    "pipeline/test_seeds.py",
    "pretrained/test_convert.py",
    "pipeline/test_concurrency.py",
    "complexity/test_complexity.py",
    "pipeline/test_interruptions.py",
]


def pytest_collection_modifyitems(items):
    """A stable sort: the other files, and the tests in a file, keep their order."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
