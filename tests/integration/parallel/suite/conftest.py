"""End a process of a parallel night in the middle of a test.

``END`` is a phone, whose side is ended, or ``host``, or ``dhcp``; ``END_BY`` the signal.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from harness.events import PartBack
from harness.timeline import Timeline

END = os.environ.get("END", "")
_BY = signal.Signals[os.environ.get("END_BY", "SIGKILL")]


@pytest.fixture
def may_end(station: str, timeline: Timeline, pytestconfig: pytest.Config) -> None:
    """End what is to be ended, once in a night, and say in which process that was."""
    mine = END in {station, "host"} or (END == "dhcp" and station == "left")
    if not mine or not hasattr(pytestconfig, "workerinput"):
        return
    pid = {"host": os.getppid, "dhcp": _dhcp_server}.get(END, os.getpid)()
    try:
        with Path(os.environ["DONE"]).open("x", encoding="utf-8") as file:
            file.write(f"{pid} {station}\n")
    except FileExistsError:
        return
    back = threading.Event()
    timeline.listen(lambda record: back.set() if isinstance(record.event, PartBack) else None)
    os.kill(pid, _BY)
    # A side does not outlive its host for long.
    assert back.wait(30.0)


def _dhcp_server() -> int:
    host = os.getppid()
    children = Path(f"/proc/{host}/task/{host}/children").read_text(encoding="ascii").split()
    (pid,) = (p for p in children if Path(f"/proc/{p}/comm").read_text() == "dnsmasq\n")
    return int(pid)
