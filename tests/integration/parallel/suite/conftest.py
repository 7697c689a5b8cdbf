"""End a process of a parallel night in the middle of a test: ``END`` is a phone, or ``host``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

END = os.environ.get("END", "")
_BY = signal.Signals[os.environ.get("END_BY", "SIGKILL")]


@pytest.fixture
def may_end(station: str, pytestconfig: pytest.Config) -> None:
    """End what is to be ended, once in a night, and say in which process that was."""
    if END not in {station, "host"} or not hasattr(pytestconfig, "workerinput"):
        return
    done = Path(os.environ["DONE"])
    pid = os.getppid() if END == "host" else os.getpid()
    try:
        with done.open("x", encoding="utf-8") as file:
            file.write(f"{pid} {station}\n")
    except FileExistsError:
        return
    os.kill(pid, _BY)
    # A side does not outlive its host for long.
    signal.pause()
