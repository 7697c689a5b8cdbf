"""A live interface is followed and explained: real packets, real tcpdump."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from harness.diagnosis import Diagnosis
from harness.diagnosis.watching import Watch
from harness.events import SipMessage
from tests.unit.diagnosis.clues import answer, register

PHONE, PBX, TFTP = "127.47.1.42", "127.47.1.2", "127.47.1.1"


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx,
    ):
        phone.bind((PHONE, 0))
        pbx.bind((PBX, 5060))
        yield phone, pbx


def test_a_pbx_that_answers_the_source_port(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    phone, pbx = sockets
    seen: list[str] = []
    with Watch() as watch:
        watch.follow_wire("lo", f"host {PHONE}")
        phone.sendto(b"\0\1CTLSEP0024C4ABCDEF.tlv\0octet\0", (TFTP, 69))
        for cseq in (101, 102):
            asks, says = register(cseq).event, answer(401, cseq).event
            assert isinstance(asks, SipMessage)
            assert isinstance(says, SipMessage)
            phone.sendto(asks.text.encode(), (PBX, 5060))
            pbx.sendto(says.text.encode(), phone.getsockname())
        for change in watch.changes(patience=10.0):
            if isinstance(change, Diagnosis):
                assert change.rule == "answer-to-source-port"
                assert change.device == PHONE
                assert any("asks CTLSEP0024C4ABCDEF.tlv" in each for each in seen)
                return
            seen.append(str(change))
    pytest.fail("\n".join(["never explained:", *seen]))
