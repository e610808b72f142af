"""How a stage ends."""

import os
import signal

import numpy as np
import pytest

from aml.storage.files import replacing
from stages.runtime import run


@pytest.fixture(autouse=True)
def our_own_signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def last_words(stage) -> str:
    with pytest.raises(SystemExit) as ended:
        run(stage)
    return str(ended.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_sentence_and_no_half_file(tmp_path, number):
    def stage():
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), number)

    assert last_words(stage).endswith(": interrupted; `dvc repro` goes on from here")
    assert list(tmp_path.iterdir()) == []


def test_short_memory_is_a_sentence():
    assert "memory is short, it seems: Unable to allocate" in last_words(lambda: np.empty(1 << 60, np.uint8))


def test_short_memory_is_a_sentence_in_torch_too():
    import torch

    words = last_words(lambda: torch.empty(1 << 60, dtype=torch.uint8))
    assert "memory is short, it seems: " in words and "can't allocate memory" in words and "\n" not in words


def test_any_other_error_keeps_its_traceback():
    def stage():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(stage)
