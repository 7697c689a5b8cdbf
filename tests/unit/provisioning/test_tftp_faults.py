"""Each injected fault is carried out on the wire and seen to fire, or its absence is told."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import BenchFault, ProductFault, UsageFault
from harness.events import FaultFired, FileServed
from harness.lab import load_lab
from harness.provisioning import Provisioning, TftpServer
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
from harness.virtual.phone.tftp import ServerError, fetch

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


def test_asking_again_does_not_shorten_a_delay(served: Served) -> None:
    served.server.inject(Delay(0.6), "file.bin")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.4)
        for _ in range(2):
            client.sendto(b"\0\1file.bin\0octet\0", ("127.0.0.1", served.server.port))
        with pytest.raises(TimeoutError):
            client.recvfrom(600)
        client.settimeout(3.0)
        assert client.recvfrom(600)[0] == b"\0\3\0\1" + CONTENT[:512]


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


@pytest.mark.parametrize(
    "fault", [DropBlock(0), WrongTid(-1), ErrorAnswer(70000), Truncate(-1), Delay(-0.1)], ids=repr
)
def test_a_fault_that_could_never_come_about_is_a_sentence(served: Served, fault: Fault) -> None:
    with pytest.raises(UsageFault, match="never come about"):
        served.server.inject(fault, "file.bin")


@pytest.fixture
def provisioning(tmp_path: Path) -> Iterator[Provisioning]:
    lab = load_lab(Path(__file__).parents[3] / "lab.yaml")
    made = Provisioning(lab, tmp_path, Timeline())
    made.tftp.port = 0
    made.put("file.bin", CONTENT)
    made.tftp.start()
    yield made
    made.tftp.stop()


def ask(provisioning: Provisioning, name: str) -> bytes:
    server = ("127.42.0.1", provisioning.tftp.port)
    return asyncio.run(fetch("127.42.0.42", server, name, None))


def test_a_fault_is_in_force_for_its_block_only(provisioning: Provisioning) -> None:
    with provisioning.tftp_fault("desk-7942", "file.bin", Truncate(3)) as injection:
        assert len(ask(provisioning, "file.bin")) == 3
    assert len(ask(provisioning, "file.bin")) == len(CONTENT)
    assert injection.fired == 1


@pytest.mark.parametrize(
    ("phone", "file", "fault"),
    [
        ("desk-7962", "file.bin", Truncate(3)),
        ("desk-7942", "File.bin", Truncate(3)),
        ("desk-7942", "file.bin", DropBlock(4000)),
    ],
)
def test_a_fault_that_never_fired_is_demanded(
    provisioning: Provisioning, phone: str, file: str, fault: Fault
) -> None:
    with (
        pytest.raises(BenchFault, match="never fired"),
        provisioning.tftp_fault(phone, file, fault),
    ):
        ask(provisioning, "file.bin")


def test_a_failed_test_is_not_hidden_by_a_fault_that_never_fired(
    provisioning: Provisioning,
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        provisioning.tftp_fault("desk-7942", "file.bin", Silence()),
    ):
        raise ZeroDivisionError


def test_another_order_is_told_side_by_side() -> None:
    assert_order(["a", "b"], ["a", "b"], phone="desk")
    with pytest.raises(ProductFault) as told:
        assert_order(["b", "a"], ["a", "b", "c"], phone="desk")
    assert "≠ c" in str(told.value)
