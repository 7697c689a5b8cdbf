"""Each injected fault is carried out on the wire and seen to fire; the server outlives anything."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ProductFault
from harness.events import FaultFired, FileServed
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
from harness.provisioning.transfer_log import as_table, assert_order, transfers
from harness.timeline import Timeline
from harness.virtual.phone.tftp import ServerError, ServerSilent, fetch

CONTENT = bytes(range(256)) * 8


class Served:
    def __init__(self, root: Path) -> None:
        (root / "file.bin").write_bytes(CONTENT)
        self.timeline = Timeline()
        observe = self.timeline.observer("tftp")
        self.server = TftpServer(root, "127.0.0.1", 0, observe, {"127.0.0.1": "desk"})
        self.server.start()

    def fetch(self) -> bytes:
        address = ("127.0.0.1", self.server.port)
        return asyncio.run(fetch("127.0.0.1", address, "file.bin", None))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()


@pytest.mark.parametrize(
    "fault", [DropBlock(2), DuplicateBlock(2), DuplicateBlock(1), Delay(0.3), WrongTid(2)], ids=repr
)
def test_a_phone_survives_what_networks_do(served: Served, fault: Fault) -> None:
    injection = served.server.inject(fault, "file.bin", "127.0.0.1")
    assert served.fetch() == CONTENT
    assert injection.fired == 1
    assert served.timeline.events(FaultFired)
    event = served.timeline.wait_for(FileServed, within=3.0, device="desk")
    # Five blocks of 512: a doubled acknowledgement must not double the blocks after it.
    assert event.blocks == 5
    assert event.resent == (1 if isinstance(fault, DropBlock | Delay) else 0)


def test_a_truncated_file_is_shorter(served: Served) -> None:
    served.server.inject(Truncate(700), "file.bin")
    assert served.fetch() == CONTENT[:700]


def test_an_error_answer_and_its_healing(served: Served) -> None:
    injection = served.server.inject(ErrorAnswer(1), "file.bin")
    with pytest.raises(ServerError):
        served.fetch()
    served.server.heal(injection)
    assert served.fetch() == CONTENT
    assert injection.fired == 1


def test_silence(served: Served) -> None:
    injection = served.server.inject(Silence(), "file.bin")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.sendto(b"\0\1file.bin\0octet\0", ("127.0.0.1", served.server.port))
        with pytest.raises(TimeoutError):
            client.recvfrom(600)
    assert injection.fired == 1
    assert ServerSilent


def test_a_fault_for_another_phone_spares_this_one(served: Served) -> None:
    injection = served.server.inject(ErrorAnswer(2), "file.bin", "127.0.0.9")
    assert served.fetch() == CONTENT
    assert injection.fired == 0


def test_24_phones_at_once(served: Served) -> None:
    async def all_of_them() -> list[bytes]:
        address = ("127.0.0.1", served.server.port)
        asked = (fetch("127.0.0.1", address, "file.bin", None) for _ in range(24))
        return await asyncio.gather(*asked)

    digests = {hashlib.sha256(body).hexdigest() for body in asyncio.run(all_of_them())}
    assert digests == {hashlib.sha256(CONTENT).hexdigest()}
    # The last acknowledgements may still be on their way to the server.
    done = served.timeline.wait_until(lambda seen: len(transfers(seen, "desk")) == 24, within=3.0)
    rows = transfers(served.timeline.records(), "desk")
    assert done, as_table(rows)
    assert "file.bin" in as_table(rows)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=60).map(lambda rest: struct.pack("!H", 1) + rest),
        st.sampled_from([b"../../etc/passwd", b"/etc/passwd", b".", b"", b"\xff\xfe", b"a\0b"]).map(
            lambda name: b"\0\1" + name + b"\0octet\0blksize\0abc\0"
        ),
        st.just(b"\0\2upload.bin\0octet\0"),
    )
)
def test_no_datagram_ends_the_server(served: Served, datagram: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2.0)
        client.sendto(datagram, ("127.0.0.1", served.server.port))
        # The next good request is answered: the server is alive.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as good:
            good.settimeout(2.0)
            good.sendto(b"\0\1none\0octet\0", ("127.0.0.1", served.server.port))
            assert good.recvfrom(600)[0][:4] == b"\0\5\0\1"
    assert not (Path("upload.bin")).exists()


def test_another_order_is_told_side_by_side() -> None:
    assert_order(["a", "b"], ["a", "b"], phone="desk")
    with pytest.raises(ProductFault) as told:
        assert_order(["b", "a"], ["a", "b", "c"], phone="desk")
    assert "≠ c" in str(told.value)
