"""Every injected TFTP fault as a client not written here meets it: tftp-hpa's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.events import FaultFired, FileRequested
from harness.provisioning import TftpServer
from harness.provisioning.tftp_faults import (
    Delay,
    DropBlock,
    DuplicateBlock,
    ErrorAnswer,
    Fault,
    Silence,
    Truncate,
    WrongTid,
)
from harness.provisioning.transfer_log import Transfer, as_table, transfers
from harness.timeline import Timeline

pytestmark = pytest.mark.integration
HOST = "127.52.6.1"
FILE = "SEP0024C4ABCDEF.cnf.xml"
CONTENT = bytes(index * 7 % 256 for index in range(3000))


@dataclass
class Served:
    server: TftpServer
    timeline: Timeline
    target: Path

    def get(self, name: str = FILE) -> str:
        """What the client says of fetching a file, patient for five seconds."""
        program = shutil.which("tftp")
        assert program is not None, "tftp is missing: apt-get install tftp-hpa"
        said = f"binary\nrexmt 2\ntimeout 5\nget {name} {self.target}\nquit\n"
        command = [program, HOST, str(self.server.port)]
        done = subprocess.run(
            command, input=said, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def transfer(self) -> Transfer:
        """The one transfer; its client may have ended before the server has written it down."""
        assert self.timeline.wait_until(lambda seen: bool(transfers(seen, "desk")), within=5.0)
        (row,) = transfers(self.timeline.records(), "desk")
        return row


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "root"
    root.mkdir()
    (root / FILE).write_bytes(CONTENT)
    timeline = Timeline()
    # tftp-hpa's client does not say which address it wants to come from.
    server = TftpServer(root, HOST, 0, timeline.observer("tftp"), {"127.0.0.1": "desk"})
    server.start()
    yield Served(server, timeline, tmp_path / "got")
    server.stop()


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (DropBlock(1), 1),
        (DropBlock(3), 1),
        (DuplicateBlock(1), 0),
        (DuplicateBlock(4), 0),
        (Delay(0.5), 1),
        (WrongTid(3), 0),
    ],
    ids=repr,
)
def test_the_file_arrives_whole_all_the_same(served: Served, fault: Fault, again: int) -> None:
    injection = served.server.inject(fault, FILE)
    told = served.get()
    assert served.target.read_bytes() == CONTENT, told
    assert injection.fired == 1
    assert [event.file for event in served.timeline.events(FaultFired)] == [FILE]
    row = served.transfer()
    assert (row.size, row.blocks, row.outcome) == (3000, 6, "served"), as_table([row])
    assert row.resent == again


@pytest.mark.parametrize("size", [0, 512, 700])
def test_a_truncated_file_looks_whole_to_the_client(served: Served, size: int) -> None:
    injection = served.server.inject(Truncate(size), FILE)
    told = served.get()
    assert "Error" not in told
    assert served.target.read_bytes() == CONTENT[:size]
    assert injection.fired == 1


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_an_error_is_told_with_its_code(served: Served, code: int) -> None:
    injection = served.server.inject(ErrorAnswer(code), FILE)
    assert f"Error code {code}" in served.get()
    assert injection.fired == 1
    assert served.transfer().outcome.startswith(f"error {code}:")


def test_silence_is_a_time_out_at_the_client(served: Served) -> None:
    injection = served.server.inject(Silence(), FILE)
    assert "Transfer timed out" in served.get()
    # It asked, and asked again.
    assert injection.fired == len(served.timeline.events(FileRequested)) >= 2
    served.server.heal(injection)
    served.get()
    assert served.target.read_bytes() == CONTENT


def test_what_is_not_to_be_had_is_refused(served: Served, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("no")
    (tmp_path / "root" / "link").symlink_to(secret)
    assert "Error code 2" in served.get("../secret")
    assert "Error code 2" in served.get("link")
    assert not served.target.exists() or b"no" not in served.target.read_bytes()


def test_an_upload_is_refused(served: Served, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    program = shutil.which("tftp")
    assert program is not None
    command = [program, "-m", "binary", HOST, str(served.server.port), "-c", "put", str(mine), FILE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Error code 2" in done.stdout + done.stderr
    assert (tmp_path / "root" / FILE).read_bytes() == CONTENT
